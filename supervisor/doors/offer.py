"""What each kind of service offers at its doors."""

from collections.abc import Callable
from pathlib import Path

from supervisor.core.notes import Note
from supervisor.doors.methods import Methods, Once
from supervisor.doors.own import speaking_table, steering_table
from supervisor.log import Log
from supervisor.loop.service import Steering
from supervisor.loop.speaking import Service


def steering_methods(service: Steering, log: Log, *, folder: Path) -> Methods:
    """Return what may be asked of any run that has a child; `folder` is for what clients are slow to read."""
    once = _once(service, log)
    return Methods(steering_table(service, *once), log, folder=folder, listen=_tells_nothing, once=once)


def service_methods(service: Service, log: Log, *, folder: Path) -> Methods:
    """Return all that may be asked of a service that stays: one for all of its doors.

    Args:
        service: Is asked.
        log: Takes events.
        folder: For what clients are slow to read; that of the state is right.
    """
    from supervisor.doors.mcp import mcp_table  # noqa: PLC0415 - a run that is steered has no use for it

    once = _once(service, log)
    own = speaking_table(service) | steering_table(service, *once)
    return Methods(mcp_table(service, own) | own, log, folder=folder, listen=service.listen, once=once)


def _once(service: Steering, log: Log) -> tuple[Once, Once]:
    return Once(service.clean, "memory/clean", log), Once(service.recycle, "child/recycle", log)


def _tells_nothing(told: Callable[[Note], None]) -> Callable[[], None]:
    del told
    return lambda: None
