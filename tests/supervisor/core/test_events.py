import dataclasses
from typing import get_args

import pytest

from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.events import Event
from supervisor.core.readings import HostReading
from supervisor.wire import messages as say
from tests.supervisor.core.world import World


def test_every_event_is_in_the_union_and_none_can_be_changed() -> None:
    classes = {thing for thing in vars(ev).values() if dataclasses.is_dataclass(thing)}
    own = {thing for thing in classes if getattr(thing, "__module__", "") == ev.__name__}
    assert own == set(get_args(Event))
    event = ev.SpawnFailed(life=1, why="", retryable=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.life = 2  # pyright: ignore[reportAttributeAccessIssue] -- that is what is tested


def test_a_child_that_is_on_its_way_out_is_neither_greeted_nor_called_ready() -> None:
    world = World(["a"])
    world.alive.deaf = True  # to SIGTERM: its words were in the pipe before
    world.stop()
    assert world.says(world.alive.greeting()) == []
    world = World(["a"])
    world.behave()
    world.alive.deaf = True
    world.stop()
    assert world.says(world.alive.utter(say.Loading(stage="weights"))) == []
    assert world.says(world.alive.ready()) == []
    assert world.run_on().ending == "stopped"


@pytest.mark.parametrize("is_done", [True, False])
def test_an_answer_about_a_segment_that_was_taken_back_is_void(*, is_done: bool) -> None:
    world = World(["a"])
    world.behave()
    world.behave()
    child = world.alive
    world.faults.disk = "full"
    world.says(child.chunk(10**6))  # cannot be kept, so the segment is taken back
    assert world.says(child.done() if is_done else child.failed()) == []
    assert world.run_on().ending == "full"


HOST = HostReading(total_bytes=100, available_bytes=10, child_private_bytes=95)


@pytest.mark.parametrize("life", [0, 1, 2])
@pytest.mark.parametrize("replaced", [False, True])
def test_what_a_dead_life_left_behind_changes_nothing(*, life: int, replaced: bool) -> None:
    world = World(["a"])
    for _ in range(2):  # the second start has a delay: for a while there is no child
        world.behave()
        world.behave()
        world.says(world.alive.chunk(100))
        world.dies(Death(signal=11))
    assert world.child is None
    if replaced:
        world.behave()
        assert world.alive.life == 3
    late: list[ev.Event] = [
        ev.Spawned(life=life, pid=1),
        ev.Broke(life=life, why="late"),
        ev.Ended(life=life, death=Death(signal=11)),
        ev.Read(life=life, host=HOST, device=None, stopped=True),
        ev.Said(life=life, message=say.Loading(stage="late")),
    ]
    assert [world.conductor.handle(event, world.now_s) for event in late] == [[]] * len(late)
    assert world.run_on().ending == "spoken"
