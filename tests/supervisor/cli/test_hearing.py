"""What a service speaks is heard whole, or there is no file."""

import base64
import hashlib
import os
import signal
import wave
from pathlib import Path

import pytest

from supervisor.cli import hearing
from supervisor.cli.following import Stops
from supervisor.cli.hearing import Hearing, deliver
from supervisor.cli.owner import There
from supervisor.errors import Interrupted, SupervisorError, TryLater
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.speaking import Settings
from supervisor.narration.plan import VoiceSpec
from tests.supervisor.cli.lines_service import Answering, Json, caller, lines_service, refusal, result

PIECES = [b"\x01\x00" * 40, b"\x02\x00" * 2]
WHOLE = b"".join(PIECES)


def chunk(request: Json, seq: int, pcm: bytes) -> Json:
    text = base64.b64encode(pcm).decode()
    params = {"id": request["id"], "seq": seq, "pcm_s16le": text, "sample_rate": 8000}
    return {"jsonrpc": "2.0", "method": "audio/chunk", "params": params}


def spoken(request: Json, pcm: bytes = WHOLE) -> Json:
    sha256 = hashlib.sha256(pcm).hexdigest()
    return result(request, seconds=0.1, sample_rate=8000, sha256=sha256, attempts=1, checks={}, segments=2)


def wanted(output: Path) -> JobRequest:
    return JobRequest(
        output=str(output),
        format="flac" if output.suffix == ".flac" else "wav",
        sample_rate_hz=8000,
        voice=VoiceSpec(name="reed"),
        seed=3,
        inputs=[InputSpec(path=None, name="text", text="Hm.")],
    )


def hear(folder: Path, answering: Answering) -> tuple[Path, list[str]]:
    path = folder / "said.wav"
    with lines_service(folder / "s", answering) as asked, Stops() as stops, caller(folder / "s") as service:
        there = There(caller=service, settings=Settings(state="/state", values={}))
        heard, written = Hearing(there, wanted(path), stops).into(path)
    assert (heard.segments, written.samples, written.sample_rate_hz) == (2, len(WHOLE) // 2, 8000)
    return path, asked


def test_the_samples_are_written_as_they_come(tmp_path: Path) -> None:
    params: list[object] = []

    def answering(request: Json) -> list[Json]:
        params.append(request["params"])
        other = chunk({"id": 99}, 0, b"\x07\x00")
        return [other, *(chunk(request, seq, pcm) for seq, pcm in enumerate(PIECES)), spoken(request)]

    path, _ = hear(tmp_path, answering)
    with wave.open(str(path)) as file:
        assert (file.readframes(100), file.getframerate()) == (WHOLE, 8000)
    assert params == [{"text": "Hm.", "voice": "reed", "seed": 3, "sample_rate": 8000, "audio": "inline"}]


@pytest.mark.parametrize("form", ["flac", "wav"])
def test_the_file_is_made_by_the_delivery_process(tmp_path: Path, form: str) -> None:
    wav, _ = hear(
        tmp_path,
        lambda request: [*(chunk(request, n, pcm) for n, pcm in enumerate(PIECES)), spoken(request)],
    )
    out = tmp_path / f"out.{form}"
    with lines_service(tmp_path / "s2", lambda _: None):
        written = hearing.CommittedAudio(
            samples=len(WHOLE) // 2,
            sample_rate_hz=8000,
            sha256=hashlib.sha256(wav.read_bytes()).hexdigest(),
        )
        deliver(wav, written, wanted(out), tmp_path)
    assert out.read_bytes()[:4] == {"flac": b"fLaC", "wav": b"RIFF"}[form]
    with pytest.raises(SupervisorError, match="no-such"):
        deliver(tmp_path / "no-such.wav", written, wanted(out), tmp_path)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("busy", TryLater), ("shutting_down", TryLater), ("disk_full", TryLater), ("oom", SupervisorError)],
)
def test_a_refusal_is_worded_as_the_services_and_leaves_no_file(
    tmp_path: Path, kind: str, error: type[SupervisorError]
) -> None:
    def answering(request: Json) -> list[Json]:
        return [chunk(request, 0, WHOLE), refusal(request, kind, "it is so", retryable=True)]

    with pytest.raises(error, match=r"it is so \(says the service") as caught:
        hear(tmp_path, answering)
    assert type(caught.value) is error
    assert list(tmp_path.glob("said*")) == []


@pytest.mark.parametrize(
    ("pieces", "said"), [([(1, WHOLE)], "chunk 1 after 0"), ([(0, PIECES[0])], "not those that the service")]
)
def test_samples_that_are_missing_are_noticed(
    tmp_path: Path, pieces: list[tuple[int, bytes]], said: str
) -> None:
    def answering(request: Json) -> list[Json]:
        return [*(chunk(request, seq, pcm) for seq, pcm in pieces), spoken(request)]

    with pytest.raises(SupervisorError, match=said):
        hear(tmp_path, answering)
    assert list(tmp_path.glob("said*")) == []


def test_a_service_that_ends_may_be_asked_again(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="ended before it was spoken"):
        hear(tmp_path, lambda _: None)


def test_a_signal_leaves_at_once(tmp_path: Path) -> None:
    def answering(_: Json) -> list[Json]:
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        hear(tmp_path, answering)
    assert list(tmp_path.glob("said*")) == []


def test_a_service_that_is_silent_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "PROMPT_S", 0.05)
    with pytest.raises(TryLater, match="does not answer"):
        hear(tmp_path, lambda _: [])
