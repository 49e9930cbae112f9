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
from supervisor.log import Log
from tests.supervisor.doors.wyoming.ears import listening, own_address

LOG = Log(format="text", level="error")


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
                answers = asyncio.Event()
                place = TcpPlace(host=host, port=port)
                announcement = await announce(name, server, place, answers.wait, LOG)
                assert not await ears.is_there(name), "it could not answer yet"
                answers.set()
                await ears.hears(ServiceStateChange.Added, name)
                assert await ears.place_of(name) == ([address], port)
                await announcement.withdraw()
                await ears.hears(ServiceStateChange.Removed, name)

    asyncio.run(run())


def test_one_that_never_could_answer_is_withdrawn_like_any_other() -> None:
    async def run() -> None:
        address = own_address()
        with socket.create_server((address, 0)) as server:
            place = TcpPlace(host=address, port=server.getsockname()[1])
            announcement = await announce("Narrator", server, place, asyncio.Event().wait, LOG)
            await announcement.withdraw()

    asyncio.run(run())


def test_what_cannot_be_announced_is_told_and_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        address = own_address()
        with socket.create_server((address, 0)) as server:
            place = TcpPlace(host=address, port=server.getsockname()[1])
            log = Log(format="text", level="warning")
            announcement = await announce("Narrator", server, place, _broken, log)
            await asyncio.sleep(0)
            await announcement.withdraw()
        assert "cannot be announced" in capfd.readouterr().err

    async def _broken() -> None:
        raise OSError("no network any more")

    asyncio.run(run())


def test_what_nobody_else_reaches_is_not_announced() -> None:
    async def run() -> None:
        refused = pytest.raises(ConfigError, match=r"wyoming\.zeroconf.*nobody else reaches")
        with socket.create_server(("127.0.0.1", 0)) as server, refused:
            await announce("Narrator", server, TcpPlace(host="127.0.0.1", port=0), asyncio.Event().wait, LOG)

    asyncio.run(run())


WITHOUT = """
import asyncio, socket, sys
sys.modules["zeroconf"] = None  # what `import` finds where a package is not installed
from supervisor.doors.wyoming.announcing import announce
from supervisor.doors.wyoming.uri import TcpPlace
with socket.create_server(("0.0.0.0", 0)) as server:
    asyncio.run(announce("Narrator", server, TcpPlace(host=sys.argv[1], port=0), None, None))
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
