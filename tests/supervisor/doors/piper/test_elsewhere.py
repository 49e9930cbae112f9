"""The service that is there already, over its control socket."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from supervisor.doors.control import ControlDoor
from supervisor.doors.offer import service_methods
from supervisor.doors.piper.elsewhere import Elsewhere, NotOffered
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.log import Log
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from tests.supervisor.doors.client import open_house
from tests.supervisor.doors.memory_service import RATE_HZ, MemoryService, audio_of
from tests.supervisor.doors.pipes import until


def knock(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    return connection


def with_service(tmp_path: Path, use: Callable[[Elsewhere, MemoryService], Awaitable[None]]) -> None:
    async def test() -> None:
        service = MemoryService(folder=tmp_path)
        service.may_go.set()
        log = Log(format="text", level="error")
        place = open_control_socket(tmp_path, os.environ, tmp_path / "s.sock")
        door = ControlDoor(service_methods(service, log, folder=tmp_path), place, log)
        await door.open()
        there = await Elsewhere.over(knock(tmp_path / "s.sock"))
        try:
            await use(there, service)
        finally:
            await there.close()
            await door.close()

    asyncio.run(test())


def spoken(text: str, voice: str | None = None) -> SpeechRequest:
    return SpeechRequest(text=text, voice=voice, audio="inline")


def test_it_speaks_one_utterance_after_the_other(tmp_path: Path) -> None:
    async def use(there: Elsewhere, _: MemoryService) -> None:
        for text in ("One. Two.", "A longer one, of several chunks, for it has many words." * 4):
            heard = bytearray()
            speech = await there.synthesize(
                spoken(text, "ada"), lambda pcm, _, heard=heard: heard.extend(pcm)
            )
            assert heard == audio_of(text)
            assert speech.sample_rate == RATE_HZ

    with_service(tmp_path, use)


@pytest.mark.parametrize(
    ("text", "voice", "kind"), [("enormous", None, "oom"), ("Hi", "eve", "voice_not_found")]
)
def test_what_it_refuses_is_refused_with_its_kind_and_the_next_is_spoken(
    tmp_path: Path, text: str, voice: str | None, kind: str
) -> None:
    async def use(there: Elsewhere, _: MemoryService) -> None:
        with pytest.raises(CannotAsk) as caught:
            await there.synthesize(spoken(text, voice))
        assert caught.value.kind == kind
        assert (await there.synthesize(spoken("Fine."))).seconds > 0

    with_service(tmp_path, use)


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    async def use(there: Elsewhere, service: MemoryService) -> None:
        service.max_waiting = -1
        speaking = asyncio.ensure_future(there.synthesize(spoken("One.")))
        await until(lambda: "synthesize" in service.asked)
        service.max_waiting = 1000
        assert (await speaking).seconds > 0
        assert service.asked.count("synthesize") > 1

    with_service(tmp_path, use)


def test_params_that_are_wrong_are_bad_input(tmp_path: Path) -> None:
    async def use(there: Elsewhere, _: MemoryService) -> None:
        with pytest.raises(CannotAsk) as caught:
            await there.synthesize(SpeechRequest(text="", audio="inline"))
        assert caught.value.kind == "bad_input"

    with_service(tmp_path, use)


def test_a_service_that_goes_is_one_that_ends() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=theirs)
        answer = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'

        async def serve() -> None:
            await reader.readline()
            writer.write(answer)
            await reader.readline()
            writer.close()

        serving = asyncio.ensure_future(serve())
        there = await Elsewhere.over(ours)
        with pytest.raises(CannotAsk) as caught:
            await there.synthesize(spoken("One."))
        assert caught.value.kind == "shutting_down"
        await serving
        await there.close()

    asyncio.run(test())


def test_a_narration_is_no_service(tmp_path: Path) -> None:
    async def test() -> None:
        async with open_house(tmp_path / "s.sock"):
            with pytest.raises(NotOffered):
                await Elsewhere.over(knock(tmp_path / "s.sock"))

    asyncio.run(test())
