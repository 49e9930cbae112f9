"""Announced by multicast DNS, as Home Assistant listens to it: found while it is there, and gone after."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from supervisor.doors.wyoming.announcing import announce
from supervisor.doors.wyoming.uri import TcpPlace
from supervisor.errors import ConfigError
from tests.supervisor.doors.wyoming.doors import PATIENCE_S

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

    def __init__(self) -> None:
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


@pytest.mark.parametrize("everywhere", [False, True])
def test_it_is_found_by_its_name_where_others_reach_it_and_gone_when_it_is_withdrawn(
    everywhere: bool,
) -> None:
    address = own_address()
    host = "0.0.0.0" if everywhere else address
    name = f"Narrator {everywhere} {socket.gethostname()}"[:63]

    async def run() -> None:
        with socket.create_server((host, 0)) as server:
            port: int = server.getsockname()[1]
            async with AsyncZeroconf(ip_version=IPVersion.V4Only) as ears:
                listener = Listener()
                browser = AsyncServiceBrowser(ears.zeroconf, TYPE, handlers=[listener])
                announcement = await announce(name, server, TcpPlace(host=host, port=port))
                await listener.hears(ServiceStateChange.Added, name)
                found = AsyncServiceInfo(TYPE, f"{name}.{TYPE}")
                assert await found.async_request(ears.zeroconf, PATIENCE_S * 1000)
                assert (found.parsed_addresses(), found.port) == ([address], port)
                await announcement.withdraw()
                await listener.hears(ServiceStateChange.Removed, name)
                await browser.async_cancel()

    asyncio.run(run())


def test_what_nobody_else_reaches_is_not_announced() -> None:
    async def run() -> None:
        refused = pytest.raises(ConfigError, match=r"wyoming\.zeroconf.*nobody else reaches")
        with socket.create_server(("127.0.0.1", 0)) as server, refused:
            await announce("Narrator", server, TcpPlace(host="127.0.0.1", port=0))

    asyncio.run(run())


WITHOUT = """
import asyncio, socket, sys
sys.modules["zeroconf"] = None  # what `import` finds where a package is not installed
from supervisor.doors.wyoming.announcing import announce
from supervisor.doors.wyoming.uri import TcpPlace
with socket.create_server(("0.0.0.0", 0)) as server:
    asyncio.run(announce("Narrator", server, TcpPlace(host=sys.argv[1], port=0)))
"""


def test_without_the_package_it_is_said_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, own_address()],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        check=False,
        text=True,
    )
    assert "pip install 'tts-supervisor[zeroconf]'" in done.stderr
    assert "ConfigError" in done.stderr
