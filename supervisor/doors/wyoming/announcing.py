"""Announce the door by multicast DNS, so that Home Assistant finds it by itself.

    _wyoming._tcp.local.    NAME    address and port

The package zeroconf does it, in the service's own loop; it is imported where it was asked for, and only then.
Who hears of a service asks at once what there is, and forgets one that has not answered for half a minute: so
it is announced when it can answer, which is not before the first child is ready.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from supervisor.doors.wyoming.uri import TcpPlace
from supervisor.errors import ConfigError
from supervisor.log import Log

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

#: Waits until the service can be asked.
Answers = Callable[[], Awaitable[object]]

_TYPE: Final = "_wyoming._tcp.local."

#: Of multicast DNS: what is sent there leaves by the interface that others reach us on.
_MULTICAST: Final = ("224.0.0.251", 5353)


class Announcement:
    """Is heard from the moment that the service can answer until it is withdrawn."""

    def __init__(
        self, zeroconf: "AsyncZeroconf", service: "AsyncServiceInfo", answers: Answers, log: Log
    ) -> None:
        self._zeroconf = zeroconf
        self._log = log
        self._saying = asyncio.create_task(self._say(service, answers), name="announcement")

    async def withdraw(self) -> None:
        """Say that the service is gone, and be silent."""
        self._saying.cancel()
        await asyncio.wait([self._saying])
        await self._zeroconf.async_unregister_all_services()
        await self._zeroconf.async_close()

    async def _say(self, service: "AsyncServiceInfo", answers: Answers) -> None:
        try:
            await answers()
            await (await self._zeroconf.async_register_service(service, allow_name_change=True))  # pyright: ignore[reportUnknownMemberType] - typed in part
        except Exception as error:  # noqa: BLE001 - of the network, or the package's own: whoever speaks goes on
            text = f"wyoming.zeroconf: the service cannot be announced ({error!r}); give its address by hand"
            self._log.event("notice", "warning", text=text)


async def announce(
    name: str, listener: socket.socket, place: TcpPlace, answers: Answers, log: Log
) -> Announcement:
    """Announce who listens, once it can answer.

    Args:
        name: That people see; where another has it, a number is added.
        listener: Whose port it is.
        place: As it was asked for.
        answers: Waits until `describe` is answered.
        log: Takes events.

    Raises:
        ConfigError: If nobody else could reach it, or the package is missing, or there is no network.
    """
    address = _address(place, listener)
    try:
        from zeroconf import IPVersion  # noqa: PLC0415 - an extra, and 4 MiB: where it was asked for
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise _cannot("needs the package zeroconf: pip install 'tts-supervisor[zeroconf]'") from error
    service = AsyncServiceInfo(
        _TYPE, f"{name}.{_TYPE}", parsed_addresses=[address], port=listener.getsockname()[1]
    )
    try:
        # By that address alone: to list the others takes a kind of socket that a systemd unit may not have.
        version = IPVersion.V6Only if ":" in address else IPVersion.V4Only
        zeroconf = AsyncZeroconf(interfaces=[address], ip_version=version)
    except OSError as error:
        raise _cannot(f"cannot be heard in this network ({error.strerror or error})") from error
    return Announcement(zeroconf, service, answers, log)


def _address(place: TcpPlace, listener: socket.socket) -> str:
    """Return the address that others reach the listener at."""
    if place.is_local:
        raise _cannot(f"is set, and {place} is an address that nobody else reaches; give --wyoming another")
    bound: str = listener.getsockname()[0]
    if not ipaddress.ip_address(bound).is_unspecified:
        return bound
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_MULTICAST)  # sends nothing: it only chooses a way
        except OSError as error:
            raise _cannot(
                f"finds no network ({error.strerror}); give --wyoming this machine's address"
            ) from error
        address: str = probe.getsockname()[0]
    return address


def _cannot(why: str) -> ConfigError:
    return ConfigError(f'wyoming.zeroconf: {why}, or set it to ""')
