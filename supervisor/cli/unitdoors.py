"""The doors of a service that systemd starts: the words for `serve`, and what the unit allows for them."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.cli.parser import Arguments
from supervisor.config import Config, load_config
from supervisor.config.sources import shipped_file
from supervisor.edge.unit import Scope
from supervisor.errors import UsageError

#: ConfigurationDirectory= of the machine's service.
_CONFIGURATION: Final = Path("/etc/tts-supervisor/config.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What a service is reached by, beside its control socket.

    Attributes:
        words: Options of `serve`.
        folders: That the unit must let it write.
        wants_key: Whether other machines reach the HTTP door, and no key is configured.
    """

    words: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    wants_key: bool = False


def doors(args: Arguments, scope: Scope) -> Doors:
    """Return the doors that the command line asks for.

    Raises:
        UsageError: If an address is none, or cannot be a service's.
        ConfigError: If the service's configuration has mistakes, and a door that needs it is asked for.
    """
    words: list[str] = []
    folders: list[str] = []
    wants_key = False
    if args.http is not None:
        terms = _service_configuration(args, scope).http
        words += ["--http", args.http]
        folders += terms.output_folders
        wants_key = not (_is_of_this_machine(args.http) or terms.api_key or terms.api_key_file)
    for uri in args.wyoming:
        words += ["--wyoming", uri]
    folders += _folders_of_sockets(args.wyoming)
    return Doors(words=tuple(words), folders=tuple(dict.fromkeys(folders)), wants_key=wants_key)


def _folders_of_sockets(uris: list[str]) -> list[str]:
    from supervisor.doors.wyoming.uri import StdioPlace, UnixPlace, places_of  # noqa: PLC0415 - few ask for it

    places = places_of(uris)
    if StdioPlace() in places:
        raise UsageError(
            "--wyoming stdio://: a service of systemd's has no client there; give tcp:// or unix://"
        )
    return [str(Path(place.path).parent) for place in places if isinstance(place, UnixPlace)]


def _is_of_this_machine(address: str) -> bool:
    from supervisor.doors.http.address import parts_of  # noqa: PLC0415 - few ask for it

    host, _ = parts_of(address)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may stand for anything


def _service_configuration(args: Arguments, scope: Scope) -> Config:
    """Return what the service will read: not the file of the folder that we happen to be in."""
    file = args.config or _file_of(scope)
    # The shipped one where there is none, for without a file one is looked for here.
    return load_config(file=file if file.is_file() else shipped_file(), sets=args.sets, environ={})


def _file_of(scope: Scope) -> Path:
    if scope == "system":
        return _CONFIGURATION
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"
    return folder / "tts-supervisor" / "config.toml"
