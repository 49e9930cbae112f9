"""The control socket of a command that speaks: opened while its job runs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.edge.runtimefolder import open_control_socket
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from supervisor.log import Log

if TYPE_CHECKING:
    from supervisor.loop.company import Closer, Door
    from supervisor.loop.service import Steering


class _Shut:
    """Stands for a door that could not be opened."""

    async def close(self) -> None:
        """Close nothing."""


def control_door(state: StateFolder, given: Path | None, log: Log, remark: Callable[[str], None]) -> "Door":
    """Return what opens the control socket of a job.

    One that the user asked for must open, else the job ends; without the one that is there by
    itself a job is as good as with it, and `remark` is told why it is missing.

    Args:
        state: The job's state folder.
        given: `--socket`.
        log: Takes events.
        remark: Takes a sentence for people.
    """

    async def opened(service: "Steering") -> "Closer":
        from supervisor.doors.control import open_control  # noqa: PLC0415 - the loop runs by now, and has imported it all

        try:
            place = open_control_socket(state.path, os.environ, given)
        except SupervisorError as error:
            if given is not None:
                raise
            remark(f"status, clean and recycle cannot reach this run: {error}")
            return _Shut()
        return await open_control(service, place, log)

    return opened
