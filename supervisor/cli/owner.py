"""Who owns a state folder: a service that takes work over its control socket, or somebody else, or nobody."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.cli.calling import PROMPT_S, Caller, NotOffered
from supervisor.edge.runtimefolder import NoService, connect
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.speaking import Settings

#: A service that starts opens its socket within a moment of taking the folder.
_OPENS_S: Final = 2.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """A service that owns the state folder.

    Attributes:
        caller: Connected to it; whoever has this closes it.
        settings: What it works under.
    """

    caller: Caller
    settings: Settings

    @property
    def who(self) -> str:
        """What to call it to people."""
        return f"the service that owns the state folder {self.settings.state} (process {self.caller.pid})"


def service_of(state: StateFolder, given: Path | None) -> There | None:
    """Return the service that owns a state folder; None if none listens.

    Args:
        state: The folder.
        given: `--socket`.

    Raises:
        TryLater: If it listens and cannot answer now.
    """
    found = _looked(state, given)
    return found if isinstance(found, There) else None


def service_that_starts(state: StateFolder, given: Path | None) -> There | None:
    """Return the service of a folder that is owned, if it opens its socket in a moment.

    Raises:
        TryLater: As `service_of`.
    """
    until_s = time.monotonic() + _OPENS_S
    while time.monotonic() < until_s and state.owner_pid() is not None:
        found = _looked(state, given)
        if found != "nobody":
            return found if isinstance(found, There) else None
        time.sleep(_LOOK_S)
    return None


def _looked(state: StateFolder, given: Path | None) -> There | str:
    """Look at each place where it may listen; say "nobody", or "another": no service of this folder."""
    seen = "nobody"
    for place in dict.fromkeys((given, state.noted_door(), None)):
        if place is None and given is not None and given == state.noted_door():
            continue
        found = _asked(state, place)
        if isinstance(found, There):
            return found
        seen = "another" if found == "another" else seen
    return seen


def _asked(state: StateFolder, place: Path | None) -> There | str:
    try:
        connection = connect(state.path, os.environ, place, limit_s=PROMPT_S)
    except NoService:
        return "nobody"
    caller = Caller(connection, str(connection.getpeername()))
    try:
        settings = caller.ask("config/get", Settings, limit_s=PROMPT_S)
    except NotOffered:
        caller.close()
        return "another"
    except NoService:
        caller.close()
        return "nobody"
    except BaseException:
        caller.close()
        raise
    if settings.state == str(state.path):
        return There(caller=caller, settings=settings)
    caller.close()
    return "another"
