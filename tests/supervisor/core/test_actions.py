"""Actions are values; and the last of them, `Finish`: how a run ends."""

import dataclasses
from collections.abc import Callable
from typing import get_args

import pytest

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.actions import Action, Finish
from supervisor.core.death import Death
from supervisor.core.events import Broke
from supervisor.wire import messages as say
from tests.supervisor.core.world import World


def test_every_action_is_in_the_union_and_none_can_be_changed() -> None:
    classes = {thing for thing in vars(do).values() if dataclasses.is_dataclass(thing)}
    own = {thing for thing in classes if getattr(thing, "__module__", "") == do.__name__}
    assert own == set(get_args(Action))
    action = Finish(ending="spoken", why="")
    with pytest.raises(dataclasses.FrozenInstanceError):
        action.why = "changed"  # pyright: ignore[reportAttributeAccessIssue] -- that is what is tested


# ------------------------------------------------------------------ stops, in every state


def absent(world: World) -> None:
    for _ in range(2):  # the second start has a delay
        world.behave()
        world.dies(Death(exit_code=1))
    assert world.child is None


def starting(world: World) -> None:
    world.behave()


def idle(world: World) -> None:
    world.faults.driver_answers = False
    world.behave()
    world.behave()
    assert world.alive.order is None


def speaking(world: World) -> None:
    world.behave()
    world.behave()
    world.says(world.alive.chunk(100))


def releasing(world: World) -> None:
    speaking(world)
    world.says(world.alive.failed("oom"))


def leaving(world: World) -> None:
    speaking(world)
    world.says(world.alive.failed(sticky=True))


def dumping(world: World) -> None:
    speaking(world)
    world.alive.deaf = True
    world.advance(30.0)


STATES = [absent, starting, idle, speaking, releasing, leaving, dumping]


@pytest.mark.parametrize("at_once", [[False], [True], [False, False], [False, True], [True, True]])
@pytest.mark.parametrize("begin", STATES)
def test_a_stop_parks_the_run_in_any_state(begin: Callable[[World], None], at_once: list[bool]) -> None:
    world = World(["a", "b"])
    begin(world)
    spawned = world.spawns
    for one in at_once:
        if world.finish is None:
            world.stop(at_once=one)
    begun_s = world.now_s
    assert world.run_on() == Finish(ending="stopped", why="stopped by SIGINT")
    assert world.spawns == spawned
    # Once: what is in hand is spoken first. Twice: nothing more is.
    finished = begin is speaking and True not in at_once
    assert world.done() == (["a"] if finished else [])
    assert world.burials[-1].planned is (begin not in (absent, dumping))
    assert world.now_s - begun_s <= 4.0
    world.begin()
    assert world.run_on().ending == "spoken"


def test_a_stop_while_a_stalled_child_is_ended_takes_no_blame_off_it() -> None:
    world = World(["a"])
    dumping(world)
    world.stop(at_once=True)
    world.bury()
    assert world.rows["a"].attempts == 1
    assert "no progress on segment 1 for 30 s" in world.burials[-1].why


def test_the_first_reason_to_end_is_the_one_that_is_given() -> None:
    world = World(["a"])
    speaking(world)
    world.stop()
    world.faults.disk = "full"
    world.says(world.alive.chunk(100))
    assert world.run_on().ending == "stopped"


def test_a_stop_before_the_plan_is_there_ends_the_child_too() -> None:
    world = World(["a"], planned=False)
    assert world.spawns == 1
    world.stop()
    assert world.run_on().ending == "stopped"


@pytest.mark.parametrize("death", [Death(signal=11), Death(signal=9), Death(exit_code=1)])
def test_a_child_that_falls_while_it_drains_fell_by_itself(death: Death) -> None:
    world = World(["a"])
    speaking(world)
    world.stop()
    assert world.states[-1] == "draining"
    world.dies(death)
    assert not world.burials[-1].planned
    assert world.rows["a"].attempts == (death.signal != 9)
    assert world.finish is not None
    assert world.finish.ending == "stopped"


# ------------------------------------------------------------------ other endings


def test_nothing_to_speak_needs_no_child() -> None:
    world = World([])
    assert world.finish == Finish(ending="spoken", why="")
    assert world.spawns == 0


def test_a_child_started_before_the_plan_is_sent_home_if_there_is_nothing_to_speak() -> None:
    world = World([], planned=False)
    assert world.spawns == 1
    world.plan()
    assert world.states[-1] == "dying"  # it is not waited for
    assert world.run_on().ending == "spoken"
    assert world.burials[-1].planned


def test_a_child_that_is_ready_before_the_plan_waits_for_it() -> None:
    world = World(["a"], planned=False)
    world.behave()
    world.behave()
    assert world.states == ["starting", "ready"]
    assert world.alive.order is None
    world.plan()
    assert world.alive.in_hand.segment_id == 0
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_an_early_child_that_dies_is_not_replaced_before_the_plan_is_there() -> None:
    world = World(["a"], planned=False)
    world.dies(Death(exit_code=1))
    assert world.spawns == 1
    assert world.run_on().ending == "spoken"
    assert world.spawns == 2


@pytest.mark.parametrize(("spawn", "ending"), [("no room", "cannot"), ("no such python", "configuration")])
def test_no_child_can_be_started(spawn: str, ending: str) -> None:
    world = World(["a"])
    world.faults.spawn = "no room" if spawn == "no room" else "no such python"
    world.dies(Death(exit_code=1))
    assert world.finish is not None
    assert (world.finish.ending, world.finish.why) == (ending, spawn)


@pytest.mark.parametrize("kind", ["configuration", "voice_not_found"])
def test_what_only_a_person_can_mend_is_not_tried_again(kind: str) -> None:
    world = World(["a"])
    world.behave()
    broken = say.Broken(kind="configuration" if kind == "configuration" else "voice_not_found", message="no")
    world.says(world.alive.utter(broken))
    world.dies(Death(exit_code=1))
    assert world.finish == Finish(ending="configuration", why="no")
    assert world.spawns == 1
    (burial,) = world.burials
    assert (burial.why, burial.planned) == ("no", True)  # the end of the run tells it: no death to tell of


@pytest.mark.parametrize("kind", ["load", "canary"])
def test_a_child_that_fails_to_load_is_tried_again_and_its_words_are_kept(kind: str) -> None:
    world = World(["a"])
    world.behave()
    broken = say.Broken(kind="load" if kind == "load" else "canary", message="a bad day")
    world.says(world.alive.utter(broken))
    world.dies(Death(exit_code=1))
    assert world.burials[-1].why == "exited with status 1: a bad day"
    assert world.run_on().ending == "spoken"


def test_a_child_of_another_version_is_a_matter_of_configuration() -> None:
    world = World(["a"])
    world.says(world.alive.greeting("0.9"))
    assert not [act for act in world.acts if isinstance(act, do.Send)]
    finish = world.run_on()
    assert finish.ending == "configuration"
    assert "runs tts-supervisor 0.9" in finish.why
    assert "child.python" in finish.why
    assert world.spawns == 1


def test_a_child_of_another_protocol_is_too() -> None:
    world = World(["a"])
    world.tell(Broke(life=1, why="the child speaks protocol 9", versions=True))
    assert world.run_on() == Finish(ending="configuration", why="the child speaks protocol 9")
    assert world.spawns == 1


# ------------------------------------------------------------------ the disk


@pytest.mark.parametrize("full", [True, False])
def test_a_disk_that_fails_while_the_next_is_in_hand_costs_nobody_an_attempt(*, full: bool) -> None:
    world = World(["a", "b"])
    speaking(world)
    world.says(world.alive.chunk(10**6))
    world.faults.disk = "full" if full else "unwritable"
    child = world.alive
    world.says(child.done())  # the next is in hand when storing this one fails
    assert world.states[-1] == "dying"
    assert [(row.state, row.attempts, row.killed) for row in world.rows.values()] == [("waiting", 0, 0)] * 2
    # What the child had written already is read before its death is known.
    assert child.in_hand.segment_id == 1
    late = say.Chunk(segment_id=1, attempt=2, seq=0, pcm_s16le=b"\1\1")
    assert world.tell(ev.Said(life=1, message=late)) == []
    assert world.run_on().ending == ("full" if full else "unwritable")
    world.faults.disk = "well"
    world.begin()
    assert world.run_on().ending == "spoken"


def test_the_child_has_its_next_segment_before_the_slow_disk_is_asked() -> None:
    world = World(["a", "b"])
    speaking(world)
    world.says(world.alive.chunk(10**6))
    acts = world.says(world.alive.done())
    kinds = [type(act) for act in acts]
    assert kinds.index(do.Send) < kinds.index(do.StoreAudio)


def test_a_run_is_not_over_before_its_last_segment_is_on_disk() -> None:
    world = World(["a"])
    speaking(world)
    world.faults.disk_answers = False
    world.says(world.alive.chunk(10**6))
    world.says(world.alive.done())
    world.dies(Death(exit_code=0))
    assert world.finish is None
    world.disk_answers()
    assert world.finish == Finish(ending="spoken", why="")


def test_a_stopped_run_waits_for_what_is_on_its_way_to_the_disk() -> None:
    world = World(["a", "b"])
    speaking(world)
    world.faults.disk_answers = False
    world.says(world.alive.chunk(10**6))
    world.says(world.alive.done())
    world.stop(at_once=True)
    world.bury()
    assert world.child is None
    assert world.finish is None
    world.disk_answers()
    assert world.finish == Finish(ending="stopped", why="stopped by SIGINT")
    assert world.done() == ["a"]


def test_a_segment_that_was_whole_when_the_disk_failed_is_not_waited_for() -> None:
    world = World(["a"])
    speaking(world)
    world.faults.disk = "full"
    child = world.alive
    world.says(child.chunk(10**6))
    world.says(child.done())
    assert world.run_on().ending == "full"
    assert world.now_s == 100.0
