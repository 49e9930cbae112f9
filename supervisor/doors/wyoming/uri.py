"""Where Wyoming is spoken: `tcp://HOST:PORT`, `unix:///PATH`, `stdio://`. Pure.

A host that is left out is this machine, a port 10200, which is Piper's. Wyoming knows no keys and no
passwords: whoever reaches an address may have the service speak.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from supervisor.errors import UsageError

USUAL_PORT: Final = 10200

_LOCAL: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpPlace:
    """An address; port 0 = any that is free."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name may stand for anything

    def __str__(self) -> str:
        """Say it as it is given."""
        return written(self.host, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixPlace:
    """A socket's absolute path."""

    path: str

    def __str__(self) -> str:
        """Say it as it is given."""
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioPlace:
    """Standard input and output."""

    def __str__(self) -> str:
        """Say it as it is given."""
        return "stdio://"


Place = TcpPlace | UnixPlace | StdioPlace


def written(host: str, port: int) -> str:
    """Return an address as a URI."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def place_of(uri: str) -> Place:
    """Return what a URI names.

    Raises:
        UsageError: If it is none of these.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong(uri, str(error)) from error
    if parts.query or parts.fragment or parts.username is not None:
        raise _wrong(uri, "nothing may follow the address, and nobody is named before it")
    if parts.scheme == "tcp" and parts.path in ("", "/"):
        return TcpPlace(host=host or _LOCAL, port=USUAL_PORT if port is None else port)
    if parts.scheme == "unix" and not parts.netloc and parts.path.strip("/"):
        return UnixPlace(path=parts.path)
    if parts.scheme == "stdio" and not parts.netloc and not parts.path:
        return StdioPlace()
    raise _wrong(uri, "it is none of these")


def places_of(uris: list[str]) -> list[Place]:
    """Return what several URIs name.

    Raises:
        UsageError: If one names nothing, or two the same.
    """
    places = [place_of(uri) for uri in uris]
    for at, place in enumerate(places):
        if place in places[:at]:
            raise UsageError(f"--wyoming {place}: is given twice")
    return places


def _wrong(uri: str, why: str) -> UsageError:
    return UsageError(f"--wyoming {uri}: need tcp://HOST:PORT, unix:///ABSOLUTE/PATH or stdio://; {why}")
