"""OpenAI's own client in both its forms: what it makes of speech, errors and cuts, and when it asks again."""

import asyncio
import base64
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import numpy as np
import openai
import pytest
import soundfile
from openai import AsyncOpenAI, DefaultHttpxClient, OpenAI

from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S
from tests.processes.serving import fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

RATE_HZ: Final = 24_000
FORMATS: Final = ("mp3", "opus", "aac", "flac", "wav", "pcm")

#: Two segments that are well, one that ends whichever child speaks it, and one that is never reached.
DOOMED: Final = "The ferry left at ten.\n\nNobody on it slept.\n\nThen xyzzy.\n\nAnd on."

#: Two seconds of speech in each segment of it, so that every encoder gives something before it fails.
POISON: Final = {
    "engine.faults.poison": '{ "xyzzy" = "crash" }',
    "child.attempts": "1",
    "engine.scripted.seconds_per_char": "0.1",
    "engine.scripted.wall_per_char_s": "0.02",
}

#: What the client raises where a body ends before its end.
CUT: Final = r"peer closed|incomplete"


@contextmanager
def service(folder: Path, **sets: str) -> Generator[HttpServing]:
    folder.mkdir(exist_ok=True)
    with HttpServing(scripted_task(folder, **sets)) as serving:
        yield serving


def spoken(client: OpenAI, text: str, form: str, **more: object) -> bytes:
    asked = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": form} | more
    return client.audio.speech.create(**asked).content  # pyright: ignore[reportArgumentType] -- by name


def streamed(client: OpenAI, text: str, form: str, kind: str, got: list[bytes]) -> None:
    """Have it streamed; what came is kept whatever happens."""
    asked = client.audio.speech.with_streaming_response.create(
        model="tts-1",
        voice="alloy",
        input=text,
        response_format=form,  # pyright: ignore[reportArgumentType] -- one of FORMATS
        stream_format=kind,  # pyright: ignore[reportArgumentType] -- audio or sse
    )
    with asked as answer:
        got.extend(answer.iter_bytes())


# ------------------------------------------------------------------ what is sent


def heard(data: bytes, form: str, folder: Path) -> float:
    """Seconds of sound in it, by libsndfile, which has none of FFmpeg's code; of AAC see `adts_s`."""
    if form == "pcm":
        return len(np.frombuffer(data, "<i2")) / RATE_HZ
    if form == "aac":
        return adts_s(data, folder)
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32")
    assert 0.05 < np.abs(samples).max() <= 1.0, form
    return len(samples) / rate_hz


def adts_s(data: bytes, folder: Path) -> float:
    """Seconds of an AAC stream by its frames' own heads; a decoder hears it too where the machine has one."""
    frames, at = 0, 0
    while at < len(data):
        assert data[at] == 0xFF
        assert data[at + 1] & 0xF6 == 0xF0, "each frame begins where the last one ends"
        assert (24_000, 22_050)[(data[at + 2] >> 2 & 0xF) - 6] == RATE_HZ
        at += (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        frames += 1
    assert at == len(data)
    if faad := shutil.which("faad"):
        (folder / "said.aac").write_bytes(data)
        subprocess.run([faad, "-q", "-o", "said.wav", "said.aac"], cwd=folder, check=True)
        samples, rate_hz = soundfile.read(folder / "said.wav")
        assert len(samples) / rate_hz == pytest.approx(frames * 1024 / RATE_HZ, abs=0.1)
        assert np.abs(samples).max() > 0.05
    return frames * 1024 / RATE_HZ


def test_every_format_is_decoded_by_a_library_that_did_not_encode_it(tmp_path: Path) -> None:
    text = "The ferry left at ten.\n\nNobody on it slept.\n\nIt was late in the morning."
    with service(tmp_path, **{"engine.scripted.seconds_per_char": "0.1"}) as serving:
        seconds = len(spoken(serving.openai(), text, "pcm")) / 2 / RATE_HZ
        for form in FORMATS:
            data = spoken(serving.openai(), text, form)
            # Codecs pad: a frame of AAC is 43 ms, an encoder's delay up to two of them.
            exact = form in {"flac", "wav", "pcm"}
            assert heard(data, form, tmp_path) == pytest.approx(seconds, abs=0.001 if exact else 0.15), form


def test_the_client_that_does_not_block_has_the_same_bytes_events_and_errors(tmp_path: Path) -> None:
    text = "The ferry left at ten.\n\nNobody on it slept."

    async def asked(client: AsyncOpenAI) -> None:
        speech = client.audio.speech
        made = await speech.create(model="tts-1", voice="alloy", input=text, response_format="wav")
        assert made.content == alone
        begun = speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=text, response_format="pcm", stream_format="sse"
        )
        async with begun as answer:
            lines = [line async for line in answer.iter_lines() if line]
        events = [json.loads(line.removeprefix("data: ")) for line in lines]
        assert events.pop()["type"] == "speech.audio.done"
        assert b"".join(base64.b64decode(event["audio"]) for event in events) == alone[44:]
        with pytest.raises(openai.BadRequestError, match="nobody"):
            await speech.create(model="tts-1", voice="nobody", input=text)
        with pytest.raises(openai.NotFoundError):
            await speech.create(model="whisper-1", voice="alloy", input=text)
        with pytest.raises(openai.InternalServerError):
            await speech.create(model="tts-1", voice="alloy", input="Xyzzy: xyzzy.")
        with pytest.raises(openai.APIConnectionError):
            await speech.create(model="tts-1", voice="alloy", input=DOOMED, response_format="wav")
        assert [model.id async for model in client.models.list()]

    async def talk(url: str) -> None:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=PATIENCE_S) as client:
            await asked(client)

    with service(tmp_path, **POISON) as serving:
        alone = spoken(serving.openai(), text, "wav")
        asyncio.run(talk(f"{serving.url}/v1"))


# ------------------------------------------------------------------ asking again


def nothing(_: int) -> None:
    """Let it ask."""


class Counting:
    """A client that asks again as often as it likes, and how often it did.

    Attributes:
        answers: Status of each answer, in order.
    """

    def __init__(
        self,
        serving: HttpServing,
        retries: int,
        *,
        before: Callable[[int], None] = nothing,
        begun: Callable[[int], None] = nothing,
    ) -> None:
        """Make it.

        Args:
            serving: Is asked.
            retries: How often at most.
            before: Called before each request, with its number from 0.
            begun: Called when its answer begins, likewise.
        """
        self.asked = 0
        self.answers: list[int] = []

        def asking(_: object) -> None:
            before(self.asked)
            self.asked += 1

        def answered(answer: object) -> None:
            begun(len(self.answers))
            self.answers.append(cast("int", getattr(answer, "status_code", 0)))

        hooks = {"request": [asking], "response": [answered]}
        http = DefaultHttpxClient(event_hooks=hooks)
        self.client = serving.openai(max_retries=retries, http_client=http)


def test_what_will_not_be_otherwise_is_asked_once_and_what_may_be_again(tmp_path: Path) -> None:
    with service(tmp_path, **POISON, **{"http.body_bytes": '"8KiB"'}) as serving:
        for wrong, status in (
            ({"voice": "nobody"}, 400),
            ({"model": "whisper-1"}, 404),
            ({"text": "x" * 10_000}, 413),
        ):
            counting = Counting(serving, 2)
            said = {"text": "Hm.", "form": "wav"} | wrong
            with pytest.raises(openai.APIStatusError) as caught:
                spoken(counting.client, **said)
            assert (caught.value.status_code, counting.answers) == (status, [status])
            assert caught.value.response.headers["x-should-retry"] == "false"
        counting = Counting(serving, 2)
        with pytest.raises(openai.InternalServerError) as crashed:
            spoken(counting.client, "Say xyzzy.", "wav")
        assert counting.answers == [500, 500, 500], "another child might live through it"
        assert crashed.value.response.headers["x-should-retry"] == "true"
        assert int(crashed.value.response.headers["retry-after"]) >= 1


def test_one_that_is_told_to_come_again_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    sets = {"engine.scripted.wall_per_char_s": "0.02", "queue.max_waiting": "0"}
    with service(tmp_path, **sets) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=f"{DOOMED}\n\n{DOOMED}", response_format="pcm"
        )
        with asked as first:
            pieces = first.iter_bytes()
            next(pieces)

            def read_to_the_end(number: int) -> None:
                if number == 1:  # by now it was told once that there is no place
                    assert b"".join(pieces)

            counting = Counting(serving, 5, before=read_to_the_end)
            assert spoken(counting.client, "Hm.", "wav")
        assert counting.answers[0] == 429
        assert counting.answers[-1] == 200


def test_who_asks_again_after_a_cut_has_all_of_it_and_nothing_twice(tmp_path: Path) -> None:
    with service(tmp_path, **POISON) as serving:
        fine = DOOMED.replace("xyzzy", "nothing")
        whole = spoken(serving.openai(), fine, "mp3")

        def spoil_the_first(number: int) -> None:
            for pid in encoders(serving.pid) if number == 0 else ():
                os.kill(pid, signal.SIGKILL)

        counting = Counting(serving, 2, begun=spoil_the_first)
        assert spoken(counting.client, fine, "mp3") == whole
        assert counting.answers == [200, 200]
        counting = Counting(serving, 1)
        with pytest.raises(openai.APIConnectionError):
            spoken(counting.client, DOOMED, "pcm")
        assert counting.answers == [200, 200], "each was cut"


# ------------------------------------------------------------------ deaths


@pytest.mark.parametrize("kind", ["audio", "sse"])
def test_in_every_format_what_fails_in_the_middle_is_an_error_and_never_short(
    kind: str, tmp_path: Path
) -> None:
    with service(tmp_path, **POISON) as serving:
        for form in FORMATS:
            got: list[bytes] = []
            if form == "flac":  # it begins when all is spoken, so nothing of it was sent
                with pytest.raises(openai.InternalServerError) as caught:
                    streamed(serving.openai(), DOOMED, form, kind, got)
                assert (caught.value.code, got) == ("child_crashed", [])
                continue
            spoken(serving.openai(), "Hm.", form)  # the encoder's codec is loaded by now
            with pytest.raises(Exception, match=CUT):
                streamed(serving.openai(), DOOMED, form, kind, got)
            text = b"".join(got)
            assert text, form
            assert (b'"type":"error"' in text) == (kind == "sse")
            assert b"speech.audio.done" not in text


@pytest.mark.parametrize(("form", "kind"), [("mp3", "audio"), ("wav", "sse")])
def test_a_child_that_is_killed_and_cannot_be_replaced_cuts_the_stream(
    form: str, kind: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    sets = {"child.python": f'"{python}"', "child.start": '"cold"', "engine.scripted.wall_per_char_s": "0.02"}
    with service(tmp_path, **sets, **{"engine.scripted.seconds_per_char": "0.1"}) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="alloy",
            input=DOOMED,
            response_format=form,  # pyright: ignore[reportArgumentType] -- one of FORMATS
            stream_format=kind,  # pyright: ignore[reportArgumentType] -- audio or sse
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            python.unlink()
            os.kill(child_pid(serving), signal.SIGKILL)
            with pytest.raises(Exception, match=CUT):
                list(pieces)
        assert serving.exit_code() != 0


def child_pid(serving: HttpServing) -> int:
    pid = fields(serving.status()["child"])["pid"]
    assert isinstance(pid, int)
    return pid


@pytest.mark.parametrize(("form", "kind"), [("mp3", "audio"), ("opus", "sse"), ("wav", "audio")])
def test_a_stream_through_a_kill_and_a_recycle_is_the_same_to_the_byte(
    form: str, kind: str, tmp_path: Path
) -> None:
    text = "\n\n".join(f"The ferry left at ten. It was day {number}." for number in range(8))
    slow = {"engine.scripted.wall_per_char_s": "0.01", "engine.scripted.seconds_per_char": "0.1"}
    with service(tmp_path / "alone", **slow | {"engine.scripted.wall_per_char_s": "0"}) as serving:
        alone: list[bytes] = []
        streamed(serving.openai(), text, form, kind, alone)
    with service(tmp_path / "disturbed", **slow) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="alloy",
            input=text,
            response_format=form,  # pyright: ignore[reportArgumentType] -- one of FORMATS
            stream_format=kind,  # pyright: ignore[reportArgumentType] -- audio or sse
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            got = [next(pieces)]
            life = fields(serving.status()["child"])["life"]
            os.kill(child_pid(serving), signal.SIGKILL)
            serving.until(lambda one: one.get("state") == "ready" and one.get("life") != life)
            assert "result" in serving.call("child/recycle")
            got.extend(pieces)
        assert len(cast("list[object]", serving.status()["lives"])) >= 2
    # A WAV and events say as they go how much there is: by the audio in them they are compared.
    assert audio_of(b"".join(got), form, kind) == audio_of(b"".join(alone), form, kind)


def audio_of(data: bytes, form: str, kind: str) -> bytes:
    if kind == "sse":
        events = [json.loads(line[6:]) for line in data.split(b"\n\n") if line]
        assert events.pop()["type"] == "speech.audio.done"
        return b"".join(base64.b64decode(event["audio"]) for event in events)
    return data[44:] if form == "wav" else data


def test_an_encoder_that_is_killed_is_an_error_and_the_next_stream_is_whole(tmp_path: Path) -> None:
    slow = {"engine.scripted.wall_per_char_s": "0.02", "engine.scripted.seconds_per_char": "0.1"}
    with service(tmp_path, **slow) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=DOOMED, response_format="mp3"
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            for pid in encoders(serving.pid):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(Exception, match=CUT):
                list(pieces)
        data = spoken(serving.openai(), DOOMED, "mp3")
        assert heard(data, "mp3", tmp_path) > 6


def encoders(parent: int) -> list[int]:
    pids = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    found = [int(pid) for pid in pids if b"supervisor.encoding" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert found
    return found
