"""The deadlines of the slot, by itself and as the conductor keeps them."""

import math
from collections.abc import Callable

import pytest

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.lifecycle import Event, State
from supervisor.core.slot import Slot, SlotTimes
from tests.supervisor.core.ground import RELEASE_S, STALL_S, START_S
from tests.supervisor.core.world import World


def test_what_the_table_does_not_have_changes_nothing() -> None:
    slot = Slot(SlotTimes(start_s=10.0, release_s=1.0, term_s=1.0))
    assert slot.take(Event.READY, 0.0) == ()
    assert (slot.state, slot.deadline_s) == (State.ABSENT, math.inf)


def test_a_deadline_is_reached_when_its_moment_comes() -> None:
    slot = Slot(SlotTimes(start_s=10.0, release_s=1.0, term_s=1.0))
    slot.take(Event.START_DUE, 5.0)
    assert slot.deadline_s == 15.0
    assert [slot.is_late(at_s) for at_s in (14.75, 15.0, 15.25)] == [False, True, True]
    slot.take(Event.READY, 14.0)
    assert not slot.is_late(1e9)


# ------------------------------------------------------------------ the ladder


def at_start(world: World) -> None:
    world.alive.deaf = True


def told_to_leave_while_it_starts(world: World) -> None:
    world.alive.deaf = True
    world.stop()


def speaking(world: World) -> None:
    for _ in range(2):
        world.behave()
    world.alive.deaf = True


def releasing(world: World) -> None:
    speaking(world)
    world.says(world.alive.failed("oom"))


def told_to_leave(world: World) -> None:
    speaking(world)
    world.stop()
    world.says(world.alive.chunk(10**6))
    world.says(world.alive.done())


def told_to_leave_while_it_waits(world: World) -> None:
    world.faults.driver_answers = False
    world.behave()
    world.behave()
    world.alive.deaf = True
    world.stop()


Signals = list[tuple[float, str]]


def signals_from(world: World, seconds: float) -> Signals:
    """Let the time pass and return the signals sent, with the seconds at which they were."""
    begun_s = world.now_s
    sent: Signals = []
    while world.now_s < begun_s + seconds:
        before = len(world.acts)
        world.advance(0.125)
        signals = [act for act in world.acts[before:] if isinstance(act, do.Signal)]
        sent += [(world.now_s - begun_s, act.what) for act in signals]
    return sent


@pytest.mark.parametrize(
    ("begin", "wait_s", "ladder"),
    [
        (at_start, START_S, [(0.0, "dump_stack"), (0.5, "kill_group")]),
        (speaking, STALL_S, [(0.0, "dump_stack"), (0.5, "kill_group")]),
        (releasing, RELEASE_S, [(0.0, "dump_stack"), (0.5, "kill_group")]),
        (told_to_leave, 2.0, [(0.0, "terminate"), (3.0, "dump_stack"), (3.5, "kill_group")]),
        (told_to_leave_while_it_waits, 2.0, [(0.0, "terminate"), (3.0, "dump_stack"), (3.5, "kill_group")]),
        (told_to_leave_while_it_starts, 3.0, [(0.0, "dump_stack"), (0.5, "kill_group")]),
    ],
)
def test_a_child_that_hangs_is_brought_down_step_by_step(
    begin: Callable[[World], None], wait_s: float, ladder: Signals
) -> None:
    world = World(["a"])
    begin(world)
    life = world.alive.life
    assert signals_from(world, wait_s + 4.0) == [(wait_s + after_s, what) for after_s, what in ladder]
    assert world.burials[-1].life == life
    assert world.burials[-1].death == Death(signal=9)


def test_a_child_that_sigkill_does_not_end_ends_the_run_after_50_s() -> None:
    world = World(["a"])
    speaking(world)
    world.alive.unkillable = True
    world.advance(STALL_S + 0.5)
    world.advance(49.875)
    assert world.finish is None
    world.advance(0.125)
    assert world.finish == do.Finish(
        ending="stuck", why="the child, pid 1001, is not ended by SIGKILL: a driver call holds it"
    )
    assert world.states[-1] == "stuck"
    assert world.tell(ev.Ended(life=1, death=Death(signal=9))) == []


def test_a_child_that_obeys_sigterm_is_not_killed() -> None:
    world = World(["a"])
    world.stop()
    world.advance(0.125)
    assert world.burials[-1].death == Death(signal=15)
    assert [act.what for act in world.acts if isinstance(act, do.Signal)] == ["terminate"]
    assert world.burials[-1].planned


# ------------------------------------------------------------------ SIGSTOP while it starts


def polls(world: World, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        world.advance(0.5)
        if world.child is not None:
            world.reads()


def test_a_child_stopped_while_it_starts_is_ended_after_the_stall_time() -> None:
    world = World(["a"])
    world.alive.stopped = True
    polls(world, STALL_S)
    assert world.states == ["starting"]
    polls(world, 0.5)  # the first reading came half a second after the start
    assert world.states == ["starting", "dying"]
    polls(world, 1.0)
    assert "stopped (SIGSTOP) while it started" in world.burials[0].why
    assert not world.burials[0].planned


def test_a_child_that_is_woken_in_time_lives_on() -> None:
    world = World(["a"])
    for _ in range(3):
        world.alive.stopped = True
        polls(world, STALL_S - 1.0)
        world.alive.stopped = False
        polls(world, 1.0)
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_without_a_stall_time_a_stopped_child_has_until_the_start_timeout() -> None:
    world = World(["a"], stall_s=0.0)
    world.alive.stopped = True
    polls(world, START_S - 1.0)
    assert world.states == ["starting"]
    polls(world, 2.0)
    assert "not ready within 300 s (child.start_timeout_s)" in world.burials[0].why


def test_progress_puts_the_stall_off() -> None:
    world = World(["a"])
    speaking(world)
    for _ in range(3):
        world.advance(STALL_S - 0.125)
        world.says(world.alive.progress())
    assert world.states == ["starting", "ready"]
    world.advance(STALL_S)
    assert world.states[-1] == "dying"
