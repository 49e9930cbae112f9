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
