"""Where no segment gets lost: the bench by itself, and what the conductor has it pay for."""

from collections.abc import Callable

import msgspec
import pytest

from supervisor.core import actions as do
from supervisor.core.bench import FETCH_SEGMENTS, Bench
from supervisor.core.death import Death
from supervisor.core.events import Broke
from supervisor.core.hand import Hand
from supervisor.core.notes import Progress, SegmentTrouble
from supervisor.wire import messages as say
from tests.supervisor.core.ground import Row, segment
from tests.supervisor.core.makebelieve import figures, pcm_of
from tests.supervisor.core.world import World

SEGV, KILL, TERM = Death(signal=11), Death(signal=9), Death(signal=15)


def new() -> Bench:
    return Bench(attempts=3, stall_s=30.0)


def numbers(bench: Bench) -> list[int]:
    """What is handed out, in order."""
    found: list[int] = []
    while bench.has_waiting:
        bench.hand_out(0.0)
        found.append(in_hand(bench).segment.number)
    return found


def test_it_asks_once_and_goes_on_where_the_last_answer_ended() -> None:
    bench = new()
    assert bench.fetch() == [do.Fetch(after=-1, limit=FETCH_SEGMENTS)]
    assert bench.fetch() == []
    bench.offer((segment(0), segment(7)), exhausted=False)
    assert bench.fetch() == [do.Fetch(after=7, limit=FETCH_SEGMENTS)]
    bench.offer((), exhausted=True)
    assert bench.fetch() == []


def test_it_asks_for_more_when_half_of_it_is_left() -> None:
    bench = new()
    bench.offer(tuple(segment(n) for n in range(FETCH_SEGMENTS)), exhausted=False)
    for left in range(FETCH_SEGMENTS - 1, FETCH_SEGMENTS // 2, -1):
        bench.hand_out(0.0)
        assert bench.fetch() == [], f"{left} are left"
    bench.hand_out(0.0)
    assert bench.fetch() == [do.Fetch(after=FETCH_SEGMENTS - 1, limit=FETCH_SEGMENTS)]


def test_an_empty_answer_that_is_not_the_last_does_not_end_the_work() -> None:
    bench = new()
    bench.offer((), exhausted=False)
    assert not bench.is_over
    bench.offer((segment(0),), exhausted=True)
    assert not bench.is_over
    assert numbers(bench) == [0]
    assert bench.is_over


def test_twins_of_one_batch_are_handed_out_once() -> None:
    bench = new()
    bench.offer((segment(0, "a"), segment(1, "b"), segment(2, "a")), exhausted=True)
    assert numbers(bench) == [0, 1]


@pytest.mark.parametrize("where", ["waiting", "in hand", "being stored"])
def test_a_twin_in_a_later_batch_is_not_handed_out_again(where: str) -> None:
    bench = new()
    bench.offer((segment(0, "a"),), exhausted=False)
    if where != "waiting":
        bench.hand_out(0.0)
    if where == "being stored":
        bench.store(in_hand(bench), done())
    bench.offer((segment(1, "a"), segment(2, "b")), exhausted=True)
    assert numbers(bench) == ([0, 2] if where == "waiting" else [2])


def done(past: bytes = b"") -> say.Done:
    return say.Done(
        past=past,
        segment_id=0,
        attempt=1,
        chunks=0,
        samples=0,
        sample_rate_hz=8000,
        figures=figures(0.0),
        took_s=0.0,
        vitals=say.Vitals(host_private_bytes=0),
    )


def in_hand(bench: Bench) -> Hand:
    assert bench.hand is not None
    return bench.hand


def test_it_is_stored_when_every_answer_came() -> None:
    bench = new()
    bench.offer((segment(0), segment(1)), exhausted=True)
    for _ in range(2):
        bench.hand_out(0.0)
        bench.store(in_hand(bench), done())
    bench.stored(segment(0))
    assert not bench.is_stored
    bench.stored(segment(1))
    assert bench.is_stored


def test_what_a_segment_leaves_goes_to_the_next_of_its_chapter_alone() -> None:
    bench = new()
    of_ledger = msgspec.structs.replace(segment(0), past=b"from the ledger")
    elsewhere = msgspec.structs.replace(segment(3), chapter=1)
    bench.offer((of_ledger, segment(1), segment(2), elsewhere), exhausted=True)
    given: list[bytes] = []
    for left in (b"one", b"two", b"three", b""):
        bench.hand_out(0.0)
        hand = in_hand(bench)
        given.append(hand.segment.past)
        if left == b"two":  # it fails: whoever speaks it again has the same past, and it leaves none
            bench.charge(hand, "engine", "x", retryable=True)
            bench.hand_out(0.0)
            assert in_hand(bench).segment.past == b"one"
            bench.charge(in_hand(bench), "engine", "x", retryable=False)
        else:
            bench.store(hand, done(left))
    assert given == [b"from the ledger", b"one", b"one", b""]


def test_what_could_not_be_stored_leaves_nothing() -> None:
    bench = new()
    bench.offer((segment(0), segment(1)), exhausted=True)
    bench.hand_out(0.0)
    bench.store(in_hand(bench), done(b"one"))
    bench.store_failed()
    bench.hand_out(0.0)
    assert in_hand(bench).segment.past == b""


def test_a_store_that_failed_takes_everything_back_that_was_on_its_way() -> None:
    bench = new()
    bench.offer((segment(0), segment(1)), exhausted=True)
    bench.hand_out(0.0)
    bench.store(in_hand(bench), done())
    bench.hand_out(0.0)
    actions = bench.store_failed()
    assert [action for action in actions if isinstance(action, do.Unclaim)] == [
        do.Unclaim(key="k0", killed=False),
        do.Unclaim(key="k1", killed=False),
    ]
    assert [action.key for action in actions if isinstance(action, do.DropAudio)] == ["k0", "k1"]
    assert bench.hand is None
    assert bench.is_stored
    assert bench.store_failed() == []


def test_numbers_of_hand_outs_are_never_used_twice() -> None:
    world = World(["a", "b"])
    for _ in range(3):
        world.behave()
        world.behave()
        world.dies(KILL)
    world.run_on()
    sent = [act.message for act in world.acts if isinstance(act, do.Send)]
    attempts = [message.attempt for message in sent if isinstance(message, say.Synthesize)]
    assert attempts == [1, 2, 3, 4, 5]


# ------------------------------------------------------------------ who pays


def speaking(keys: str = "ab", attempts: int = 3) -> World:
    world = World(list(keys), attempts=attempts)
    while not any(row.in_hand for row in world.rows.values()):
        world.behave()
    return world


def row(world: World, key: str = "a") -> Row:
    return world.rows[key]


def silent(world: World) -> None:
    child = world.alive
    child.pcm = pcm_of(child.in_hand.text, child.in_hand.attempt, silent=True)
    world.says(child.chunk(10**6))
    world.says(child.done())


def dies_of(death: Death) -> Callable[[World], None]:
    def ends(world: World) -> None:
        world.dies(death)

    return ends


def fails_with(kind: say.FailureKind) -> Callable[[World], None]:
    def ends(world: World) -> None:
        world.says(world.alive.failed(kind))

    return ends


def breaks_a_frame(world: World) -> None:
    world.tell(Broke(life=1, why="a frame is not msgpack"))
    world.bury()


def stalls(world: World) -> None:
    world.alive.deaf = True
    world.advance(31.0)


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        (dies_of(SEGV), "child_crashed"),
        (dies_of(Death(exit_code=0)), "child_crashed"),
        (dies_of(Death()), "child_crashed"),
        (breaks_a_frame, "child_crashed"),
        (stalls, "child_hung"),
        (silent, "quality"),
        (fails_with("engine"), "engine"),
        (fails_with("oom"), "oom"),
    ],
)
def test_what_was_the_childs_doing_costs_an_attempt(ends: Callable[[World], None], kind: str) -> None:
    world = speaking()
    ends(world)
    trouble = [note for note in world.notes if isinstance(note, SegmentTrouble)]
    assert [(note.segment, note.kind, note.attempts, note.final) for note in trouble] == [(0, kind, 1, False)]
    assert row(world).attempts == 1 + row(world).in_hand
    world.run_on()
    assert (row(world).state, row(world).attempts) == ("done", 2)


@pytest.mark.parametrize("death", [KILL, TERM])
def test_what_came_from_outside_costs_none_up_to_twenty_in_a_row(death: Death) -> None:
    world = speaking(attempts=2)
    for killed in range(1, 21):
        world.dies(death)
        assert (row(world).attempts, row(world).killed) == (0, killed)
        while not row(world).in_hand:
            world.behave()
    world.dies(death)  # the 21st is no accident
    assert row(world).attempts == 1
    world.run_on()
    assert (row(world).state, row(world).attempts) == ("done", 2)


@pytest.mark.parametrize("death", [SEGV, KILL])
def test_what_was_in_hand_is_the_next_to_be_handed_out(death: Death) -> None:
    world = speaking("abc")
    world.dies(death)
    while not world.done():
        world.behave()
    assert world.done() == ["a"]


def test_a_finished_segment_is_set_aside_never_and_a_poisoned_one_after_its_attempts() -> None:
    world = speaking("abc")
    for _ in range(3):
        while world.child is None or world.child.order is None:
            world.behave()
        world.dies(SEGV)
    assert (row(world).state, row(world).attempts) == ("aside", 3)
    assert world.run_on().ending == "spoken"
    assert world.done() == ["b", "c"]
    told = [note.segment for note in world.notes if isinstance(note, Progress)]
    assert told[-1] == 3  # what was set aside is over too


def test_what_cannot_succeed_is_set_aside_at_once() -> None:
    world = speaking()
    world.says(world.alive.failed("bad_input", retryable=False))
    assert (row(world).state, row(world).attempts) == ("aside", 1)


def test_the_last_try_gets_a_fresh_child() -> None:
    world = speaking("ab")
    world.behave()
    world.behave()  # the life has spoken one
    world.says(world.alive.failed())
    assert world.states[-1] == "ready"
    world.says(world.alive.failed())
    assert world.states[-1] == "leaving"
    world.run_on()
    assert "a fresh child for its last try" in world.burials[0].why
    assert world.burials[0].planned
    assert world.spawns == 2


def test_a_life_that_spoke_nothing_else_is_fresh_enough_for_a_last_try() -> None:
    world = speaking("ab", attempts=2)
    world.says(world.alive.failed())
    world.run_on()
    assert world.spawns == 1


def test_no_fresh_child_is_needed_for_what_was_set_aside() -> None:
    world = speaking("abc", attempts=1)
    world.behave()
    world.behave()
    world.says(world.alive.failed())
    assert row(world, "b").state == "aside"
    assert row(world, "c").in_hand
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_a_child_that_cannot_go_on_is_replaced_after_its_segment() -> None:
    world = speaking("ab")
    world.says(world.alive.failed(sticky=True))
    assert world.states[-1] == "leaving"
    world.run_on()
    assert world.burials[0].why == "the child said that it cannot go on: made to fail: engine"


def test_what_was_asked_for_before_the_cuts_were_changed_is_asked_for_again() -> None:
    bench = Bench(attempts=3, stall_s=30.0)
    assert bench.fetch() != []
    bench.forget_fetched()
    bench.offer((segment(0),), exhausted=True)
    assert (bench.has_waiting, bench.is_over) == (False, False)
    assert [action.after for action in bench.fetch() if isinstance(action, do.Fetch)] == [-1]
    bench.offer((segment(0), segment(1)), exhausted=True)
    assert bench.has_waiting
