"""Steps that tests of memory take in the make-believe world, and what they look at."""

from supervisor.core import actions as do
from supervisor.core.notes import Notice
from supervisor.core.readings import DeviceReading
from supervisor.wire import messages as say
from tests.supervisor.core.ground import TOTAL
from tests.supervisor.core.world import World


def holding(host_bytes: int, *, reserved_bytes: int | None = None) -> say.Vitals:
    return say.Vitals(host_private_bytes=host_bytes, reserved_bytes=reserved_bytes)


def device(used_bytes: int, child_bytes: int | None, *, pid: int | None = None) -> DeviceReading:
    return DeviceReading(
        total_bytes=TOTAL, used_bytes=used_bytes, child_bytes=child_bytes, api="v2", child_pid=pid
    )


def ready(
    keys: str = "abcd", *, vitals: say.Vitals | None = None, base: DeviceReading | None = None
) -> World:
    """A world whose child has the first segment in hand; `base`: the device as it found it."""
    world = World(list(keys))
    world.behave()
    world.faults.device = base
    world.says(world.alive.ready(vitals or holding(10), uses_device=base is not None))
    return world


def speak(world: World, vitals: say.Vitals) -> None:
    child = world.alive
    world.says(child.chunk(10**6))
    world.says(child.done(vitals))


def notices(world: World) -> list[str]:
    return [note.name for note in world.notes if isinstance(note, Notice)]


def sent(world: World) -> list[str]:
    return [type(act.message).__name__ for act in world.acts if isinstance(act, do.Send)]
