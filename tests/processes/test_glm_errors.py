"""The engine glm where something is wrong: the exit code, what is said and how often, and what stays done."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.processes.narration import Narration, Task, ask

# Each run starts interpreters with torch in them.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

DONE, FAILED, WRONG, SOME_FAILED = 0, 1, 2, 3
TEXT = "The ferry leaves at ten."
SAID = "Hello there."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A small model and recordings of every kind."""

    folder: Path
    cache: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "ckpt"

    def recording(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path, text_cache: Path) -> Bench:
    from tests.tts_core.small_checkpoint import make_small_checkpoint  # noqa: PLC0415 -- torch takes seconds
    from tests.tts_core.small_recordings import write_recordings  # noqa: PLC0415 -- as above

    assert text_cache.is_relative_to(engine_cache)
    folder = tmp_path_factory.mktemp("glm")
    make_small_checkpoint(folder / "ckpt")
    write_recordings(folder)
    return Bench(folder=folder, cache=engine_cache)


def task_in(
    folder: Path, bench: Bench, *, checkpoint: Path | None = None, sets: dict[str, str] | None = None
) -> Task:
    folder.mkdir(exist_ok=True)
    (folder / "text.txt").write_text(TEXT, "utf-8")
    common = {
        "engine.name": '"glm"',
        "engine.glm.checkpoint": json.dumps(str(checkpoint or bench.checkpoint)),
        "child.device": '"cpu"',
    }
    env = {"XDG_CACHE_HOME": str(bench.cache)}
    return Task(
        text=folder / "text.txt",
        output=folder / "out.wav",
        state=folder / "state",
        sets=common | (sets or {}),
        env=env,
    )


def broken(bench: Bench, folder: Path) -> Path:
    return Path(shutil.copytree(bench.checkpoint, folder / "ckpt"))


def narrated(task: Task, *more: str) -> tuple[int, list[str]]:
    """The exit code, and the lines that people see, of a run as they start it."""
    given = [word for key, value in task.sets.items() for word in ("--set", f"{key}={value}")]
    words = [sys.executable, "-m", "supervisor", "--state", str(task.state), *given]
    words += ["narrate", str(task.text), "-o", str(task.output), *more]
    done = subprocess.run(
        words,
        env=task.whole_env(),
        cwd=task.text.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, done.stderr.splitlines()


# ------------------------------------------------------------------ a checkpoint that will not do


@pytest.mark.parametrize("start", ["template", "cold"])
def test_weights_of_another_model_end_the_run_and_are_told_once(
    bench: Bench, tmp_path: Path, start: str
) -> None:
    from tests.tts_core.small_faults import of_another_model  # noqa: PLC0415 -- torch takes seconds

    checkpoint = broken(bench, tmp_path)
    narrowed = of_another_model(checkpoint / "llm")
    task = task_in(tmp_path, bench, checkpoint=checkpoint, sets={"child.start": json.dumps(start)})
    code, lines = narrated(task)
    assert code == WRONG
    (said,) = [line for line in lines if "of another model" in line]
    assert all(name in said for name in narrowed)
    assert not [line for line in lines if "Traceback" in line or "no template" in line or "died" in line]
    (life_free,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    assert life_free["state"] in ("parked", "failed")


def test_what_a_file_would_run_is_never_run_by_anybody(bench: Bench, tmp_path: Path) -> None:
    from tests.tts_core.small_faults import wicked  # noqa: PLC0415 -- torch takes seconds

    checkpoint, trace = broken(bench, tmp_path), tmp_path / "it-was-run"
    wicked(checkpoint / "flow" / "flow.pt", trace)
    task = task_in(tmp_path, bench, checkpoint=checkpoint)
    code, lines = narrated(task)
    assert code == WRONG
    assert "flow.pt: holds more than tensors (posix.mkdir)" in lines[-1]
    voices = ask(task, "voices")
    assert (voices.returncode, voices.stdout) == (WRONG, "")
    assert "flow.pt: holds more than tensors" in voices.stderr
    assert not trace.exists()


def test_parts_that_are_missing_are_listed_once_and_doctor_lists_them_too(
    bench: Bench, tmp_path: Path
) -> None:
    checkpoint = broken(bench, tmp_path)
    (checkpoint / "frontend" / "campplus.onnx").unlink()
    shutil.rmtree(checkpoint / "hift")
    task = task_in(tmp_path, bench, checkpoint=checkpoint)
    code, lines = narrated(task)
    assert code == WRONG
    assert [line.partition(": ")[2] for line in lines if line.endswith("is not whole:")] == [
        "engine.glm.checkpoint is not whole:"
    ]
    for part in ("campplus.onnx", "hift.pt"):
        (said,) = [line for line in lines if part in line]
        assert "there is no such file; run 'tts-supervisor models get glm-tts' again" in said
    doctor = ask(task, "doctor")
    assert doctor.returncode == FAILED
    assert "campplus.onnx: there is no such file" in doctor.stdout


@pytest.mark.parametrize("fault", ["missing", "cut short"])
def test_a_job_at_a_rate_whose_vocoder_is_broken_ends_at_once_and_a_line_fails_alone(
    bench: Bench, tmp_path: Path, fault: str
) -> None:
    checkpoint = broken(bench, tmp_path)
    vocoder = checkpoint / "vocos2d" / "generator_jit.ckpt"
    if fault == "missing":
        vocoder.unlink()
    else:
        os.truncate(vocoder, vocoder.stat().st_size // 2)
    task = task_in(tmp_path, bench, checkpoint=checkpoint)
    code, lines = narrated(task, "--sample-rate", "32000")
    assert code == WRONG
    assert "32000 Hz is spoken by a vocoder of its own" in lines[-1]
    assert str(vocoder) in lines[-1]
    assert not task.output.exists()
    task = replace(task, text=tmp_path / "lines.jsonl", output=tmp_path / "out")
    asked = [{"uttid": "low", "syn_text": TEXT}, {"uttid": "high", "syn_text": TEXT, "sample_rate": 32_000}]
    task.text.write_text("".join(json.dumps(line) + "\n" for line in asked), "utf-8")
    task.output.mkdir()
    code, lines = narrated(task)
    assert code == SOME_FAILED, lines
    results = [json.loads(line) for line in (task.output / "results.jsonl").read_text("utf-8").splitlines()]
    assert [found["state"] for found in results] == ["done", "failed"]
    assert str(vocoder) in results[1]["error"]
    assert len(results[1]["error"]) < len(str(vocoder)) + 200


# ------------------------------------------------------------------ recordings


def lines_of(bench: Bench, names: list[str]) -> str:
    lines = [
        {"uttid": name.replace(".", "-"), "prompt_text": SAID, "prompt_speech": str(bench.recording(name))}
        for name in names
    ]
    return "".join(json.dumps({**line, "syn_text": TEXT}) + "\n" for line in lines)


GOOD = ["plain.wav", "8k.wav", "96k-stereo.wav", "tape.mp3", "tape.flac"]
BAD = {
    "short.wav": "0.20 s are too short",
    "ten-minutes.wav": "600 s are too long",
    "junk.wav": "not a recording that libsndfile can read",
    "silent.wav": "is silent",
}


def test_a_line_whose_recording_will_not_do_fails_alone_and_the_others_are_done(
    bench: Bench, tmp_path: Path
) -> None:
    task = task_in(tmp_path, bench)
    task = replace(task, text=tmp_path / "lines.jsonl", output=tmp_path / "out")
    names = [name for pair in zip(GOOD, [*BAD, ""], strict=True) for name in pair if name]
    task.text.write_text(lines_of(bench, names), "utf-8")
    task.output.mkdir()
    code, lines = narrated(task)
    assert code == SOME_FAILED
    assert not [line for line in lines if "Traceback" in line or "died" in line or "/recordings/" in line]
    results = {
        found["id"]: found
        for found in map(json.loads, (task.output / "results.jsonl").read_text("utf-8").splitlines())
    }
    for name in GOOD:
        assert results[name.replace(".", "-")]["state"] == "done", name
    for name, words in BAD.items():
        found = results[name.replace(".", "-")]
        assert found["state"] == "failed", name
        assert f"{bench.recording(name)}: " in found["error"], found  # the user's own, and not its copy
        assert words in found["error"], found
        assert found["path"] is None or found["failed"]
    assert one_by_one(bench, tmp_path, "96k-stereo.wav") == sha256(task.output / "96k-stereo-wav.wav")


def one_by_one(bench: Bench, tmp_path: Path, name: str) -> str:
    """The hash of what a line gives in a run of its own."""
    task = task_in(tmp_path / "alone", bench)
    task = replace(task, text=task.text.with_name("one.jsonl"), output=task.text.with_name("one"))
    task.text.write_text(lines_of(bench, [name]), "utf-8")
    task.output.mkdir()
    with Narration(task, level="info") as run:
        assert run.exit_code(200.0) == DONE, run.tail()
    return sha256(task.output / f"{name.replace('.', '-')}.wav")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_job_s_own_recording_that_will_not_do_ends_it_before_it_begins(
    bench: Bench, tmp_path: Path
) -> None:
    recording = str(bench.recording("short.wav"))
    code, lines = narrated(task_in(tmp_path, bench), "--reference", recording, "--reference-text", SAID)
    assert code == WRONG
    assert f"{recording}: 0.20 s are too short, 1.0 s is the least; bring 3 to 15 seconds" in lines[-1]
    assert len([line for line in lines if "too short" in line]) == 1


# ------------------------------------------------------------------ devices and voices


def has_card() -> bool:
    return Path("/dev/nvidiactl").exists()


def test_a_card_that_is_not_there_ends_the_run_with_words(bench: Bench, tmp_path: Path) -> None:
    if has_card():
        pytest.skip("there is a card")
    code, lines = narrated(task_in(tmp_path, bench, sets={"child.device": '"cuda:0"'}))
    assert code == WRONG
    assert "child.device = 'cuda:0'" in lines[-1]
    assert '"cpu" computes without one' in lines[-1]


def test_without_a_voice_and_a_card_it_speaks_and_says_what_it_makes_do_with(
    bench: Bench, tmp_path: Path
) -> None:
    task = task_in(tmp_path, bench, sets={"child.device": '"auto"'})
    code, lines = narrated(task)
    assert code == DONE
    assert len([line for line in lines if "no voice is named: plain-zh speaks" in line]) == 1
    assert len([line for line in lines if "computes on the CPU" in line]) == (not has_card())
    first = sha256(task.output)
    code, _ = narrated(replace(task, output=tmp_path / "named.wav"), "--voice", "plain-zh")
    assert code == DONE
    assert sha256(tmp_path / "named.wav") == first


def test_a_voice_that_nobody_has_ends_the_run_with_those_there_are(bench: Bench, tmp_path: Path) -> None:
    code, lines = narrated(task_in(tmp_path, bench), "--voice", "nobody-at-all")
    assert code == WRONG
    assert "'nobody-at-all'" in lines[-1]
    assert "plain-zh and plain-en" in lines[-1]
