"""The door listens at all its places or at none, and says so in words where it cannot."""

import asyncio
import socket
from pathlib import Path

import pytest
from wyoming.ping import Ping

from supervisor.doors.wyoming.door import WyomingDoor
from supervisor.doors.wyoming.uri import Place, TcpPlace, UnixPlace
from supervisor.errors import ConfigError, SupervisorError, TryLater, UsageError
from tests.supervisor.doors.wyoming.doors import client_of, hear, open_door, say, terms

ANY = TcpPlace(host="127.0.0.1", port=0)


def where(log: list[str]) -> list[str]:
    """Where the door says that it listens."""
    return [line.partition("where=")[2] for line in log if "door.open" in line]


def test_it_listens_at_all_its_places_and_says_where(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path, ANY, TcpPlace(host="::1", port=0)) as door:
            uris = where(door.log)
            assert uris[0] == door.uri
            assert uris[1].startswith("tcp://127.0.0.1:")
            assert uris[2].startswith("tcp://[::1]:")
            for uri in uris:
                async with client_of(uri.replace("[::1]", "[::1]")) as client:
                    await say(client, Ping(text=uri).event())
                    assert (await hear(client)).data == {"text": uri}
            assert not any("Wyoming has no keys" in line for line in door.log)

    asyncio.run(run())


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path, TcpPlace(host="0.0.0.0", port=0)) as door:
            (warning,) = (line for line in door.log if "Wyoming has no keys" in line)
            assert "WARNING" in warning

    asyncio.run(run())


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        (TcpPlace(host="203.0.113.1", port=0), UsageError, "203.0.113.1"),
        (TcpPlace(host="nobody.invalid", port=1), UsageError, "nobody.invalid"),
        (UnixPlace(path="/dev/null/w.sock"), SupervisorError, "--wyoming"),
        (UnixPlace(path="/dev/null"), SupervisorError, "--wyoming"),
        (UnixPlace(path="/tmp/" + "x" * 120), UsageError, "--wyoming"),
    ],
)
def test_a_place_where_nothing_can_listen_closes_the_others(
    place: Place, error: type[SupervisorError], words: str, tmp_path: Path
) -> None:
    async def run() -> None:
        with pytest.raises(error, match=words):
            async with open_door(tmp_path, ANY, place):
                raise AssertionError("it is open")
        assert not (tmp_path / "w.sock").exists()

    asyncio.run(run())


def test_a_port_in_use_is_for_later(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            place = TcpPlace(host="127.0.0.1", port=server.getsockname()[1])
            with pytest.raises(TryLater, match="something listens there already"):
                async with open_door(tmp_path, place):
                    raise AssertionError("it is open")

    asyncio.run(run())


def test_a_loopback_address_is_not_announced(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(ConfigError, match=r"wyoming\.zeroconf"):
            async with open_door(tmp_path, ANY, zeroconf="Narrator"):
                raise AssertionError("it is open")

    asyncio.run(run())


def test_what_is_configured_is_how_it_speaks() -> None:
    own, other = terms().manner(), terms(sample_rate=16_000, sentence_silence_s=0.0).manner()
    assert (own.sample_rate_hz, own.sentence_silence_s, own.pause_sentence_s) == (None, None, 0.25)
    assert (other.sample_rate_hz, other.sentence_silence_s, other.pause_paragraph_s) == (16_000, 0.0, 0.5)


def test_closed_again_nothing_happens(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_door(tmp_path) as door:
            assert isinstance(door.door, WyomingDoor)
            await door.door.close()
            await door.door.close()

    asyncio.run(run())
