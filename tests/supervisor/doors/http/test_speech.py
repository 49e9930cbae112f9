import asyncio
import base64
import io
import json
import socket
import struct
import wave
from pathlib import Path

import pytest

from tests.supervisor.doors.http.visit import read_answer, request, until, visiting
from tests.supervisor.doors.memory_service import POISON, audio_of

STORY = "One fish. Two fish. Red fish."


def test_samples_are_those_that_the_service_speaks(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.speak(STORY, seed=3)
            assert (answer.status, answer.is_whole) == (200, True)
            assert answer.body == audio_of(STORY, 3)
            assert answer.headers["content-type"] == "audio/pcm"
            assert answer.headers["x-sample-rate"] == "24000"

    asyncio.run(run())


def test_a_sentence_has_its_length_in_its_head_and_its_header(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.speak("One fish.", response_format="wav")
            assert int(answer.headers["content-length"]) == len(answer.body)
            with wave.open(io.BytesIO(answer.body)) as file:
                assert file.getnframes() * 2 == len(answer.body) - 44
                assert file.readframes(file.getnframes()) == audio_of("One fish.")

    asyncio.run(run())


def test_the_first_sentence_is_sent_before_the_second_is_spoken(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            spoken = 0

            def hold() -> None:
                nonlocal spoken
                spoken += 1
                visit.service.may_go.clear()

            visit.service.speaks = hold
            reader, writer = await visit.connect()
            writer.write(request("POST", "/v1/audio/speech", {"input": STORY, "response_format": "wav"}))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"transfer-encoding: chunked" in head.lower()
            await reader.readexactly(len(audio_of("One fish.")) // 2)
            assert spoken == 1
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("word", POISON)
def test_what_fails_before_the_first_sample_is_a_status(tmp_path: Path, word: str) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.speak(f"Something {word}. And more.")
            kind, retryable = POISON[word]
            assert (answer.status >= 500, answer.code) == (True, kind)
            assert answer.headers["x-should-retry"] == str(retryable).lower()

    asyncio.run(run())


@pytest.mark.parametrize("form", ["pcm", "wav"])
def test_what_fails_later_cuts_the_answer_off(tmp_path: Path, form: str) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            reader, writer = await visit.connect()
            body = {"input": "One fish. Something crashing.", "response_format": form}
            visit.service.speaks = visit.service.may_go.clear
            writer.write(request("POST", "/v1/audio/speech", body))
            begun = await reader.readuntil(b"\r\n\r\n")
            visit.service.may_go.set()
            answer = read_answer(begun + await reader.read(), "POST")
            assert (answer.status, answer.is_whole) == (200, False)
            writer.close()

    asyncio.run(run())


def test_events_say_the_same_and_why_it_was_cut(tmp_path: Path) -> None:
    def events(body: bytes) -> list[dict[str, str]]:
        return [json.loads(part.removeprefix(b"data: ")) for part in body.split(b"\n\n") if part]

    async def run() -> None:
        async with visiting(tmp_path) as visit:
            whole = await visit.speak(STORY, stream_format="sse")
            *deltas, done = events(whole.body)
            assert b"".join(base64.b64decode(one["audio"]) for one in deltas) == audio_of(STORY)
            assert (done["type"], whole.is_whole) == ("speech.audio.done", True)
            reader, writer = await visit.connect()
            body = {
                "input": "One fish. Something crashing.",
                "response_format": "pcm",
                "stream_format": "sse",
            }
            visit.service.speaks = visit.service.may_go.clear
            writer.write(request("POST", "/v1/audio/speech", body))
            begun = await reader.readuntil(b"\r\n\r\n")
            visit.service.may_go.set()
            cut = read_answer(begun + await reader.read(), "POST")
            assert (events(cut.body)[-1]["type"], cut.is_whole) == ("error", False)
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("form", ["pcm", "mp3"])
def test_one_who_leaves_takes_his_request_back(tmp_path: Path, form: str) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.may_go.clear()
            _, writer = await visit.connect()
            writer.write(request("POST", "/v1/audio/speech", {"input": STORY, "response_format": form}))
            await until(lambda: visit.service.now)
            writer.close()
            await until(lambda: not visit.service.now)
            assert not any("bug" in line for line in visit.logged)

    asyncio.run(run())


def test_one_who_reads_nothing_holds_up_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", visit.port))
                body = {"input": "Hm. " * 1000, "response_format": "pcm"}
                deaf.sendall(request("POST", "/v1/audio/speech", body))
                await until(lambda: visit.service.now)
                assert (await visit.speak("Hm.")).body == audio_of("Hm.")

    asyncio.run(run())


def test_what_is_asked_for_wrongly_is_told_by_its_field(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            for more, status, code in (
                ({"voice": "eve"}, 400, "voice_not_found"),
                ({"model": "gpt-5"}, 404, "model_not_found"),
                ({"response_format": "ogg"}, 400, "invalid_value"),
                ({"input": 7}, 400, "invalid_value"),
                ({"speed": 3}, 400, "unsupported_value"),
            ):
                answer = await visit.speak(**({"text": "Hm."} | more))  # pyright: ignore[reportArgumentType] -- by name
                assert (answer.status, answer.code) == (status, code), more

    asyncio.run(run())


def test_over_http_1_0_the_head_waits_for_all_of_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            asked = request("POST", "/v1/audio/speech", {"input": STORY, "response_format": "pcm"})
            answer = read_answer(await visit.raw(asked.replace(b"HTTP/1.1", b"HTTP/1.0")), "POST")
            assert int(answer.headers["content-length"]) == len(answer.body)
            assert answer.body == audio_of(STORY)

    asyncio.run(run())


def test_to_one_who_is_gone_already_nothing_more_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            client = socket.create_connection(("127.0.0.1", visit.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            visit.service.speaks = client.close  # when his samples are about to be sent
            body = {"input": "A sentence that is long enough for many pieces. " * 4, "response_format": "pcm"}
            client.sendall(request("POST", "/v1/audio/speech", body))
            await until(lambda: visit.service.asked.count("synthesize"))
            await until(lambda: not visit.service.now)
            assert (await visit.ask("GET", "/health")).status == 200

    asyncio.run(run())
    # asyncio tells of each such write beyond the fourth, on standard error, where only lines of a log belong.
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
