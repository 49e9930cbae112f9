"""The service that is there already, over its control socket."""

import asyncio
import base64
import hashlib
import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from supervisor.doors.control import ControlDoor
from supervisor.doors.offer import service_methods
from supervisor.doors.piper import elsewhere
from supervisor.doors.piper.elsewhere import Elsewhere
from supervisor.doors.piper.reciter import Ends
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.errors import TryLater
from supervisor.log import Log
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Speech, SpeechRequest
from tests.supervisor.doors.memory_service import RATE_HZ, MemoryService, audio_of
from tests.supervisor.doors.pipes import until


def knock(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    return connection


def silent(limit_s: float) -> Exception:
    return TryLater(f"silent for {limit_s} s")


def with_service(tmp_path: Path, use: Callable[[Elsewhere, MemoryService], Awaitable[None]]) -> None:
    async def test() -> None:
        service = MemoryService(folder=tmp_path)
        service.may_go.set()
        log = Log(format="text", level="error")
        place = open_control_socket(tmp_path, os.environ, tmp_path / "s.sock")
        door = ControlDoor(service_methods(service, log, folder=tmp_path), place, log)
        await door.open()
        there = await Elsewhere.over(knock(tmp_path / "s.sock"), silent)
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


@asynccontextmanager
async def said_by(*answers: bytes | None) -> AsyncGenerator[Elsewhere]:
    """What it makes of a service that says this to one request after the other; None = it hangs up."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=theirs)

    async def serve() -> None:
        for answer in answers:
            await reader.readline()
            if answer is None:
                writer.close()
            else:
                writer.write(answer)

    serving = asyncio.ensure_future(serve())
    there = await Elsewhere.over(ours, silent)
    try:
        yield there
        await serving
    finally:
        await there.close()
        writer.close()


def chunk(pcm: bytes, number: int = 1) -> bytes:
    params = {"id": number, "seq": 0, "pcm_s16le": base64.b64encode(pcm).decode(), "sample_rate": RATE_HZ}
    return json.dumps({"jsonrpc": "2.0", "method": "audio/chunk", "params": params}).encode() + b"\n"


def over(pcm: bytes, number: int = 1) -> bytes:
    sha256 = hashlib.sha256(pcm).hexdigest()
    speech = Speech(seconds=0.1, sample_rate=RATE_HZ, sha256=sha256, attempts=1, checks={})
    return b'{"jsonrpc": "2.0", "id": %d, "result": %b}\n' % (number, msgspec.json.encode(speech))


def test_a_service_that_goes_is_one_that_ends() -> None:
    async def test() -> None:
        async with said_by(None) as there:
            with pytest.raises(Ends, match="has ended"):
                await there.synthesize(spoken("One."))

    asyncio.run(test())


def test_a_service_that_stands_still_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "PROMPT_S", 0.05)

    async def test() -> None:
        async with said_by(chunk(b"\1\0"), b"") as there:  # asked for a word, it gives none
            with pytest.raises(Ends, match=r"silent for 0\.05 s"):
                await there.synthesize(spoken("One."))

    asyncio.run(test())


def test_a_service_that_gives_a_word_when_it_is_asked_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elsewhere, "PROMPT_S", 0.05)
    word = b'{"jsonrpc":"2.0","id":%d,"result":{}}\n'

    async def test() -> None:
        async with said_by(b"", word % 2, word % 3, chunk(b"\1\0") + over(b"\1\0")) as there:
            assert (await there.synthesize(spoken("One."))).sha256 == hashlib.sha256(b"\1\0").hexdigest()

    asyncio.run(test())


def test_samples_that_are_missing_are_noticed() -> None:
    async def test() -> None:
        async with said_by(chunk(b"\1\0") + over(b"\1\0\2\0")) as there:
            with pytest.raises(CannotAsk, match="not those that the service sent"):
                await there.synthesize(spoken("One."))

    asyncio.run(test())
