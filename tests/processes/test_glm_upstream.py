"""Whole jobs on the user's own GLM-TTS: a stand-in for its checkout, driven in real children.

Whatever happens to the children, the audio is that of a run that nothing disturbed.
"""

import hashlib
import json
import os
import signal
import sys
import sysconfig
import venv
import wave
from pathlib import Path

import pytest

from tests.engines.upstream import make_checkout, make_recording
from tests.processes.narration import Event, Narration, Task, ask, narrate, survivors
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

TABLE = "engine.glm_upstream"

#: Two segments each.
LINES = 4


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkout and recordings of two voices."""
    folder = tmp_path_factory.mktemp("upstream")
    make_checkout(folder / "GLM-TTS")
    make_recording(folder / "low.wav", tone_hz=140.0)
    make_recording(folder / "high.wav", tone_hz=260.0)
    return folder


def lines(count: int, *, voices: tuple[str, ...] = ("low", "high"), **more: object) -> str:
    """GLM-TTS's own JSONL; each line is two sentences, and so two segments."""
    return "".join(
        json.dumps(
            {
                "uttid": f"line-{number}",
                "prompt_text": "What is said in the recording.",
                "prompt_speech": f"{voices[number % len(voices)]}.wav",
                "syn_text": f"Line {number} of the night. The ferry crossed the river again.",
            }
            | more
        )
        + "\n"
        for number in range(count)
    )


def task_in(folder: Path, bench: Path, text: str, sets: dict[str, str] | None = None) -> Task:
    folder.mkdir()
    for name in ("low.wav", "high.wav"):
        (folder / name).symlink_to(bench / name)
    (folder / "lines.jsonl").write_text(text, "utf-8")
    common = {
        "engine.name": '"glm-upstream"',
        f"{TABLE}.path": json.dumps(str(bench / "GLM-TTS")),
        "child.device": '"cpu"',
        "narration.segment_chars": "40",
    }
    return Task(
        text=folder / "lines.jsonl",
        output=folder / "out.wav",
        state=folder / "state",
        sets=common | (sets or {}),
    )


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


def spoken(folder: Path, bench: Path, text: str, sets: dict[str, str] | None = None) -> str:
    task = task_in(folder, bench, text, sets)
    narrate(task)
    return sha256(task)


def deaths(run: Narration) -> list[Event]:
    return [event for event in run.seen if event.is_child("gone") and event.why != "no more work"]


@pytest.fixture(scope="module")
def calm(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, str]:
    """Lines in two voices that nothing disturbed, without and with history."""
    folder = tmp_path_factory.mktemp("calm")
    return {
        history: spoken(folder / str(history), bench, lines(LINES), {f"{TABLE}.history": json.dumps(history)})
        for history in (False, True)
    }


@pytest.mark.parametrize(
    ("history", "start", "faults"),
    [
        pytest.param(False, "template", ["nan@2", "crash@4"], id="no history"),
        pytest.param(True, "template", ["oom@2", "crash@4"], id="history"),
        pytest.param(True, "cold", ["exit@5"], id="history, cold"),
    ],
)
def test_children_that_die_change_no_byte(  # noqa: PLR0913, PLR0917 -- what is tried, and two fixtures
    tmp_path: Path, bench: Path, calm: dict[bool, str], history: bool, start: str, faults: list[str]
) -> None:
    sets = {
        f"{TABLE}.history": json.dumps(history),
        "engine.faults.faults": json.dumps(faults),
        "child.start": json.dumps(start),
    }
    task = task_in(tmp_path / "run", bench, lines(LINES), sets)
    with Narration(task, level="info") as run:
        assert run.exit_code() == 0, run.tail()
    assert deaths(run)
    assert sha256(task) == calm[history]
    assert survivors(task.state) == []


@pytest.mark.parametrize("history", [False, True], ids=["no history", "history"])
def test_a_child_that_is_killed_and_a_parent_that_is_killed_change_no_byte(
    tmp_path: Path, bench: Path, calm: dict[bool, str], history: bool
) -> None:
    task = task_in(tmp_path / "run", bench, lines(LINES), {f"{TABLE}.history": json.dumps(history)})
    with Narration(task) as run:
        ready = run.until(lambda event: event.is_child("ready"))
        assert ready is not None
        assert ready.pid is not None
        run.until(lambda event: event.event == "segment.done")
        os.kill(ready.pid, signal.SIGKILL)
        run.until(lambda event: event.is_child("ready"))
        run.until(lambda event: event.event == "segment.done")
        run.kill()
    narrate(task)
    assert sha256(task) == calm[history]
    assert survivors(task.state) == []


def test_history_goes_from_segment_to_segment_of_a_line_and_no_further(
    calm: dict[bool, str], tmp_path: Path, bench: Path
) -> None:
    assert calm[True] != calm[False]
    # The same line first and last: what was spoken in between is not heard in it.
    text = lines(2) + lines(1).replace("line-0", "again")
    heard = files(tmp_path / "run", bench, text)
    assert heard["again"] == heard["line-0"] != heard["line-1"]


def test_seeds_voices_and_a_lines_own_switches_are_heard_and_a_rate_is_resampled(
    tmp_path: Path, bench: Path
) -> None:
    said = {
        "plain": lines(1),
        "seed": lines(1, seed=5),
        "voice": lines(1, voices=("high",)),
        "no history": lines(1, use_kv_cache=False),
        "phonemes": lines(1, phonemes=True),
        "rate": lines(1, sample_rate=32_000),
    }
    text = "".join(line.replace("line-0", name) for name, line in said.items())
    assert len({*files(tmp_path / "run", bench, text).values()}) == len(said)
    with wave.open(str(tmp_path / "run" / "out" / "rate.wav"), "rb") as file:
        assert file.getframerate() == 32_000


def files(folder: Path, bench: Path, text: str) -> dict[str, bytes]:
    """Narrate into a folder; samples by the names of the lines."""
    task = task_in(folder, bench, text)
    task = Task(text=task.text, output=folder / "out", state=task.state, sets=task.sets)
    task.output.mkdir()
    narrate(task)
    return {path.stem: samples(path) for path in task.output.glob("*.wav")}


def samples(path: Path) -> bytes:
    """Of a file; what stands beside them names the line."""
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


def test_a_model_that_takes_longer_than_a_stall_for_one_text_is_not_killed(
    tmp_path: Path, bench: Path
) -> None:
    # 0.04 s a character: six seconds, of which twice a stall goes by without a word.
    words = (
        "Very slowly it speaks of the long night on the river" + " and of all who were there to see it" * 3
    )
    text = json.dumps({"text": f"{words}."}) + "\n"
    task = task_in(tmp_path / "run", bench, text, {"child.stall_s": "3", "narration.segment_chars": "200"})
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert deaths(run) == []


# ------------------------------------------------------------------ what is told; an environment of its own


def test_what_is_wrong_with_the_checkout_or_the_voice_ends_it_at_once_with_the_mend(
    tmp_path: Path, bench: Path
) -> None:
    checkout = make_checkout(tmp_path / "GLM-TTS")
    (checkout / "ckpt" / "flow" / "flow.pt").unlink()
    path = f"{TABLE}.path"
    wrong = {
        "unset": ({path: '""'}, "needs engine.glm_upstream.path"),
        "elsewhere": ({path: json.dumps(str(tmp_path))}, "no glmtts_inference.py"),
        "half": ({path: json.dumps(str(checkout))}, "what it lacks: "),
    }
    for name, (sets, told) in wrong.items():
        task = task_in(tmp_path / name, bench, lines(1), sets)
        with Narration(task, level="error") as run:
            assert run.exit_code() == 2, run.tail()
        assert told in run.tail()


def own_environment(folder: Path) -> Path:
    """An interpreter of another environment that has these packages and ours, as if installed there."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "all.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n")
    return folder / "bin" / "python"


def test_it_speaks_from_an_environment_of_its_own(tmp_path: Path, bench: Path, calm: dict[bool, str]) -> None:
    python = own_environment(tmp_path / "venv")
    task = task_in(tmp_path / "run", bench, lines(LINES), {"child.python": json.dumps(str(python))})
    with Narration(task) as run:
        assert run.exit_code() == 0, run.tail()
    assert sha256(task) == calm[True]
    assert str(python) != sys.executable


def test_an_environment_without_our_package_is_named(tmp_path: Path, bench: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    task = task_in(tmp_path / "run", bench, lines(1), {"child.python": json.dumps(str(python))})
    with Narration(task, level="error") as run:
        assert run.exit_code() == 2, run.tail()
    assert "pip install --no-deps tts-supervisor" in run.tail()
    assert str(python) in run.tail()


def test_doctor_speaks_with_it_without_a_recording(tmp_path: Path, bench: Path) -> None:
    task = task_in(tmp_path / "run", bench, lines(1))
    answer = ask(task, "doctor")
    assert "engine glm-upstream" in answer.stdout
    assert "voice plain-zh, 24000 Hz" in answer.stdout, answer.stdout + answer.stderr
