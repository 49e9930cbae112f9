"""Whose segment is next, and what the conductor has it pay for."""

from collections.abc import Callable

import pytest

from supervisor.core import actions as do
from supervisor.core.bench import Bench
from supervisor.core.death import Death
from supervisor.core.events import Broke
from supervisor.core.hand import Hand
from supervisor.core.notes import Progress, SegmentTrouble
from supervisor.core.tallies import JobSize
from supervisor.wire import messages as say
from tests.supervisor.core.ground import Row, segment
from tests.supervisor.core.makebelieve import figures, pcm_of
from tests.supervisor.core.world import World

SEGV, KILL, TERM = Death(signal=11), Death(signal=9), Death(signal=15)


def size(job: str) -> JobSize:
    return JobSize(job=job, segments=9, over=0, chars_left=90, audio_s=0.0, titles=())


def bench_of(**lengths: int) -> Bench:
    """Jobs of so many segments; those whose names begin with `r` are requests. All is fetched."""
    bench = Bench(attempts=3, stall_s=30.0)
    for job, length in lengths.items():
        add(bench, job, length)
    return bench


def add(bench: Bench, job: str, length: int) -> None:
    bench.begin(size(job), ahead=job.startswith("r"), at_s=0.0)
    tray = bench.tray(job)
    assert tray is not None
    tray.offer(tuple(segment(number, job=job) for number in range(length)), exhausted=True)


def done() -> say.Done:
    return say.Done(
        segment_id=0,
        attempt=1,
        chunks=0,
        samples=0,
        sample_rate_hz=8000,
        figures=figures(0.0),
        took_s=0.0,
        vitals=say.Vitals(host_private_bytes=0),
    )


def speak(bench: Bench) -> str:
    """Speak the next segment, and store it; return whose it was, and which."""
    hand, _ = bench.hand_out(0.0)
    bench.store(hand, done())
    bench.of(hand.segment).stored(hand.segment)
    bench.clear()
    return f"{hand.segment.job}{hand.segment.number}"


def order(bench: Bench) -> str:
    spoken: list[str] = []
    while bench.has_waiting:
        spoken.append(speak(bench))
    return " ".join(spoken)


def test_jobs_are_spoken_in_the_order_in_which_they_came() -> None:
    assert order(bench_of(a=2, b=1, c=2)) == "a0 a1 b0 c0 c1"


def test_a_request_goes_before_what_is_left_of_every_job() -> None:
    bench = bench_of(a=2, b=1)
    spoken = speak(bench)
    add(bench, "r", 2)
    assert f"{spoken} {order(bench)}" == "a0 r0 r1 a1 b0"


def test_requests_that_are_spoken_at_once_take_turns() -> None:
    assert order(bench_of(a=1, r=3, rr=1, rrr=2)) == "r0 rr0 rrr0 r1 rrr1 r2 a0"


def test_what_is_being_fetched_is_waited_for() -> None:
    bench = bench_of(a=1)
    bench.begin(size("r"), ahead=True, at_s=0.0)
    bench.fetch()
    assert not bench.has_waiting
    assert [one.job for one in bench.queue] == ["a"]


def test_a_job_is_over_when_all_of_it_is_stored_or_set_aside() -> None:
    bench = bench_of(a=1, b=2)
    hand, _ = bench.hand_out(0.0)
    assert bench.clear() == []
    bench.store(hand, done())
    assert bench.clear() == []
    bench.of(hand.segment).stored(hand.segment)
    assert bench.clear() == ["a"]
    for _ in range(2):
        hand, _ = bench.hand_out(0.0)
        bench.charge(hand, "engine", "x", retryable=False)
    assert bench.clear() == ["b"]
    assert not bench.has_trays


def test_it_is_over_only_when_nothing_will_come() -> None:
    bench = bench_of(a=1)
    speak(bench)
    assert not bench.is_over
    bench.closed = True
    assert bench.is_over


@pytest.mark.parametrize("end", ["spoken", "failed", "killed"])
def test_of_a_job_that_was_withdrawn_nothing_is_handed_out_or_kept(end: str) -> None:
    bench = bench_of(a=3, b=1)
    hand, _ = bench.hand_out(0.0)
    tray = bench.of(hand.segment)
    tray.withdraw()
    assert bench.clear() == []  # something of it is still in the child's hands
    match end:
        case "spoken":
            actions = bench.store(hand, done())
        case "failed":
            _, actions = bench.charge(hand, "engine", "x", retryable=True)
        case _:
            actions = tray.drop(hand)
    assert not [action for action in actions if isinstance(action, do.StoreAudio)]
    assert do.DropAudio(job="a", key="k0") in actions
    assert bench.clear() == ["a"]
    assert order(bench) == "b0"


def test_a_hand_out_has_a_number_of_its_own_whoever_it_is_for() -> None:
    bench = bench_of(a=1, r=1)
    numbers = [bench.hand_out(0.0)[0].attempt for _ in range(2)]
    assert len(set(numbers)) == 2


def in_hand(bench: Bench) -> Hand:
    return bench.hand_out(0.0)[0]


def test_a_store_that_failed_takes_everything_back_of_every_job() -> None:
    bench = bench_of(a=1, b=2)
    bench.store(in_hand(bench), done())
    in_hand(bench)
    actions = bench.store_failed()
    assert [(one.job, one.key) for one in actions if isinstance(one, do.Unclaim)] == [
        ("a", "k0"),
        ("b", "k0"),
    ]
    assert bench.is_stored


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
