"""Hear what is announced by multicast DNS, as Home Assistant does."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

#: Multicast is answered after a pause, and asked again where an answer was lost.
PATIENCE_S = 60.0

TYPE = "_wyoming._tcp.local."


def own_address() -> str:
    """This machine's address in a network, if it is in one that has multicast."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("224.0.0.251", 5353))
        except OSError as error:
            pytest.skip(f"no network with multicast: {error}")
        address: str = probe.getsockname()[0]
        return address


class Listener:
    """Hears what is announced."""

    def __init__(self, zeroconf: Zeroconf) -> None:
        self._zeroconf = zeroconf
        self.seen: asyncio.Queue[tuple[ServiceStateChange, str]] = asyncio.Queue()

    def __call__(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        del zeroconf, service_type
        self.seen.put_nowait((state_change, name))

    async def hears(self, change: ServiceStateChange, name: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.seen.get() != (change, f"{name}.{TYPE}"):
                pass

    async def is_there(self, name: str) -> bool:
        """Whether somebody answers to a name; asked for so long that three answers may be lost."""
        return await AsyncServiceInfo(TYPE, f"{name}.{TYPE}").async_request(self._zeroconf, 3000)

    async def place_of(self, name: str) -> tuple[list[str], int | None]:
        """Addresses and port of what goes by a name."""
        found = AsyncServiceInfo(TYPE, f"{name}.{TYPE}")
        assert await found.async_request(self._zeroconf, PATIENCE_S * 1000)
        return found.parsed_addresses(), found.port


@asynccontextmanager
async def listening() -> AsyncGenerator[Listener]:
    """Listen from now on."""
    async with AsyncZeroconf(ip_version=IPVersion.V4Only) as ears:
        listener = Listener(ears.zeroconf)
        browser = AsyncServiceBrowser(ears.zeroconf, TYPE, handlers=[listener])
        try:
            yield listener
        finally:
            await browser.async_cancel()
