"""What is said of one that is gone, what is lost with it, and who takes its place."""

from collections.abc import Callable

import pytest

from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.lifecycle import State
from supervisor.core.notes import ChildState
from supervisor.core.obituary import Ending, Reason
from supervisor.wire import messages as say
from tests.supervisor.core.ground import HARD, STALL_S, START_S, TERM_S, TOTAL, Faults
from tests.supervisor.core.world import World


def with_successor() -> World:
    """The first child has its last segment in hand, and its successor starts beside it."""
    world = World(list("abcd"), max_segments=2, faults=Faults(available_bytes=TOTAL))
    while len(world.children) < 2:
        world.behave()
    return world


def test_a_successor_takes_up_the_work_of_one_that_dies_before_it_was_relieved() -> None:
    world = with_successor()
    old = world.children[1]
    assert world.conductor.post is not None
    world.dies(Death(signal=11), child=old)
    assert world.conductor.post is not None
    assert (world.conductor.post.life, world.conductor.post.state) == (2, State.STARTING)
    assert world.spawns == 2
    assert world.run_on().ending == "spoken"
    assert world.rows["b"].attempts == 2
    assert len(world.done()) == 4


def test_one_that_is_ready_already_goes_on_at_once() -> None:
    world = with_successor()
    new = world.children[2]
    world.says(new.greeting(), child=new)
    world.says(new.ready(), child=new)
    world.dies(Death(signal=9), child=world.children[1])
    assert isinstance(new.order, say.Synthesize)
    assert new.order.text == "segment b"
    assert world.rows["b"].killed == 1
    assert world.run_on().ending == "spoken"


def test_both_are_stopped_when_the_run_is() -> None:
    world = with_successor()
    world.stop(at_once=True)
    assert world.run_on().ending == "stopped"
    assert len(world.burials) == 2
    assert [bury.planned for bury in world.burials] == [True, True]


def test_the_one_in_hand_is_finished_when_the_run_is_stopped_in_time() -> None:
    world = with_successor()
    world.stop()
    assert world.run_on().ending == "stopped"
    assert world.done() == ["a", "b"]


# ------------------------------------------------------------------ how it ended, in a word


def speaking(world: World, segment: int = 2) -> None:
    """Go on until a child has the so-manieth segment in hand."""
    while not (
        world.child is not None
        and world.child.turn.name == "SPEAKING"
        and world.child.in_hand.segment_id >= segment - 1
    ):
        world.behave()


def asked(world: World) -> None:
    speaking(world)
    world.tell(ev.Asked(ask=1, what="recycle"))


def worn(world: World) -> None:
    speaking(world)
    world.says(world.alive.failed(sticky=True))


def failing(world: World) -> None:
    for _ in range(2):
        speaking(world)
        world.says(world.alive.failed())


def over_mark(world: World, segment: int = 2) -> None:
    speaking(world, segment)
    world.faults.host_bytes = HARD
    world.reads()
    world.faults.host_bytes = 10


def over_mark_at_first(world: World) -> None:
    over_mark(world, 1)


def stopped(world: World) -> None:
    world.stop()


def hanging(world: World) -> None:
    speaking(world)
    world.alive.deaf = True
    world.advance(STALL_S)


def never_ready(world: World) -> None:
    world.behave()
    world.alive.deaf = True
    world.advance(START_S + TERM_S)


def garbling(world: World) -> None:
    speaking(world)
    world.alive.garbled = True
    world.tell(ev.Broke(life=1, why="a frame of 4 GiB"))


def dying(death: Death) -> Callable[[World], None]:
    def dies(world: World) -> None:
        speaking(world)
        world.dies(death)

    return dies


@pytest.mark.parametrize(
    ("way", "ending", "reason"),
    [
        (asked, "recycled", "asked"),
        (worn, "recycled", "cannot_go_on"),
        (failing, "recycled", "last_try"),
        (over_mark, "recycled", "watermark"),
        (over_mark_at_first, "over_mark", None),
        (hanging, "hung", None),
        (never_ready, "unready", None),
        (garbling, "broken", None),
        (dying(Death(signal=6)), "crashed", None),
        (dying(Death(signal=15)), "killed", None),
        (dying(Death(exit_code=0)), "exited", None),
        (stopped, "finished", None),
    ],
)
def test_each_way_in_which_a_life_can_end_is_told_in_a_word(
    way: Callable[[World], None], ending: Ending, reason: Reason | None
) -> None:
    world = World(list("abc"))
    way(world)
    world.run_on()
    first = next(note for note in world.notes if isinstance(note, ChildState) and note.state == "gone")
    assert (first.ending, first.reason) == (ending, reason)
    assert (first.planned, first.recycled) == (ending in ("recycled", "finished"), ending == "recycled")


def test_a_recycle_by_a_policy_has_its_name_whether_or_not_a_successor_stood_beside() -> None:
    for available_bytes in (0, TOTAL):
        world = World(list("abcd"), max_segments=2, faults=Faults(available_bytes=available_bytes))
        world.run_on()
        gone = [note for note in world.notes if isinstance(note, ChildState) and note.state == "gone"]
        assert {note.life: note.reason for note in gone} == {1: "clock", 2: None}


# ------------------------------------------------------------------ what is lost


def lost_s(world: World) -> float:
    return world.conductor.counts.lost_s


@pytest.mark.parametrize("death", [Death(signal=11), Death(signal=9), Death(exit_code=1)])
def test_what_was_begun_is_lost_with_the_child_and_what_was_finished_is_not(death: Death) -> None:
    world = World(list("abc"))
    speaking(world)
    world.advance(4.0)
    world.says(world.alive.chunk(100))
    world.advance(3.0)
    world.dies(death)
    assert lost_s(world) == 7.0
    world.run_on()
    assert lost_s(world) == 7.0


def test_a_hang_costs_the_patience_and_the_time_that_it_takes_to_end_it() -> None:
    world = World(list("abc"))
    hanging(world)
    assert world.run_on().ending == "spoken"
    assert lost_s(world) == pytest.approx(STALL_S + 0.5)  # the stacks are written for half a second


def test_a_failure_that_is_reported_costs_its_attempt() -> None:
    world = World(list("abc"))
    speaking(world)
    for _ in range(2):
        world.advance(2.0)
        world.says(world.alive.failed("oom"))
        speaking(world)
    assert lost_s(world) == 4.0


def test_so_does_audio_that_does_not_pass() -> None:
    world = World(list("abc"))
    speaking(world)
    world.advance(5.0)
    world.alive.pcm = bytes(len(world.alive.pcm))
    world.says(world.alive.chunk(10**6))
    world.says(world.alive.done())
    assert lost_s(world) == 5.0


def test_a_hard_mark_costs_the_segment_in_hand_though_it_is_planned() -> None:
    world = World(list("abc"))
    speaking(world)
    world.advance(6.0)
    over_mark(world)
    world.bury()
    assert lost_s(world) == 6.0


def test_a_start_that_comes_to_nothing_is_lost_and_one_that_nobody_needs_is_not() -> None:
    world = World(list("abc"))
    world.advance(2.0)
    world.dies(Death(signal=11))
    assert lost_s(world) == 2.0
    world.advance(3.0)
    world.stop()
    world.run_on()
    assert lost_s(world) == 2.0


def test_one_that_dies_with_nothing_to_do_takes_nothing_with_it() -> None:
    world = World([], stays=True)
    world.add("k", ["a"])
    while not world.done():
        world.behave()
    world.advance(3600.0)
    world.dies(Death(signal=9))
    assert lost_s(world) == 0.0


def test_a_planned_recycle_loses_nothing() -> None:
    world = World(list("abcd"), max_segments=1)
    world.run_on()
    assert world.conductor.counts.recycles == 3
    assert lost_s(world) == 0.0
