"""Announced by multicast DNS, as Home Assistant listens to it: found while it is there, and gone after."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from zeroconf import ServiceStateChange

from supervisor.doors.wyoming.announcing import announce
from supervisor.doors.wyoming.uri import TcpPlace
from supervisor.errors import ConfigError
from tests.supervisor.doors.wyoming.ears import listening, own_address


@pytest.mark.timeout(120)
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
            async with listening() as ears:
                announcement = await announce(name, server, TcpPlace(host=host, port=port))
                await ears.hears(ServiceStateChange.Added, name)
                assert await ears.place_of(name) == ([address], port)
                await announcement.withdraw()
                await ears.hears(ServiceStateChange.Removed, name)

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
