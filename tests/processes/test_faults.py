"""Every fault that can be rehearsed: it costs time and tries, never a sample."""

import hashlib
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from supervisor.wire.speech import expected_s
from tests.processes.narration import Event, Narration, Task, narrate, paragraphs, survivors, tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

#: Segments of a job: enough for several lives, and what the issue asks for.
FEW, MANY = 30, 500

#: Every word of `[engine.faults]` by itself. What ends no life strikes at every tenth segment, what
#: does strikes once a life; a hang costs `child.stall_s` each time.
ALONE: dict[str, dict[str, str]] = {
    "peak_bytes": {"engine.faults.peak_bytes": '"96MiB"'},
    "leak_bytes": {"engine.faults.leak_bytes": '"6MiB"'},
    "plateau": {"engine.faults.leak_bytes": '"6MiB"', "engine.faults.plateau": "5"},
    "slowdown": {"engine.faults.slowdown": "0.005"},
} | {
    kind: {"engine.faults.faults": str([f"{kind}@{at}" for at in places])}
    for kind, places in {
        "crash": [9],
        "exit": [9],
        "garbage": [9],
        "hang": [25],
        "oom": range(5, MANY, 10),
        "nan": range(5, MANY, 10),
        "silence": range(5, MANY, 10),
        "stray": range(5, MANY, 10),
        "step": [5, 15, 25],
    }.items()
}

#: Harmless ones early in a life; the second way they strike one segment until a
#: fresh child has it, and no life comes to its fatal one.
EARLY = {
    "apart": ["stray@1", "oom@2", "nan@4", "silence@6", "step@8", "stray@8"],
    "in a row": ["stray@1", "step@1", "oom@3", "nan@4", "silence@5"],
}
FATAL = ["crash", "exit", "garbage", "hang"]

#: What a poisoned word can do so that its segment fails.
POISONS = [*FATAL, "oom", "nan", "silence"]


def task_in(folder: Path, segments: int, sets: dict[str, str]) -> Task:
    folder.mkdir()
    # The word stands in the middle of every text, so that all of them have the same audio.
    text = paragraphs(segments, [*[""] * (segments // 2), "xyzzy"])
    (folder / "text.txt").write_text(text, "utf-8")
    common = {
        "engine.name": '"scripted"',
        "engine.scripted.seconds_per_char": "0.02",
        "child.stall_s": "1.5",
        "memory.host.soft": '"150MiB"',
        "memory.host.hard": '"600MiB"',
    }
    return Task(
        text=folder / "text.txt", output=folder / "out.wav", state=folder / "state", sets=common | sets
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The finished file of each size, from runs that nothing disturbed; made when asked for."""

    class Files(dict[int, Path]):
        def __missing__(self, segments: int) -> Path:
            task = task_in(tmp_path_factory.mktemp("calm") / "run", segments, {})
            narrate(task)
            self[segments] = task.output
            return task.output

    return Files()


def sizes() -> list[object]:
    return [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


def assert_same_audio(folder: Path, segments: int, sets: dict[str, str], expected: Path) -> list[Event]:
    task = task_in(folder, segments, sets)
    with Narration(task, level="info") as run:
        assert run.exit_code(600.0) == 0, run.tail()
    assert sha256(task.output) == sha256(expected)
    assert survivors(task.state) == []
    return run.seen


def deaths(events: list[Event]) -> list[str]:
    gone = [event.why or "" for event in events if event.is_child("gone")]
    return [why for why in gone if why not in ("no more work", "no work")]


@pytest.mark.parametrize("segments", sizes())
@pytest.mark.parametrize("fault", ALONE)
def test_a_fault_alone_changes_no_sample(
    fault: str, segments: int, tmp_path: Path, undisturbed: dict[int, Path]
) -> None:
    seen = assert_same_audio(tmp_path / "run", segments, ALONE[fault], undisturbed[segments])
    ended = deaths(seen)
    failed = [event for event in seen if event.event == "segment.failed"]
    tell(f"{fault}, {segments} segments: {len(ended)} children replaced, {len(failed)} tries failed")
    # It did strike: what ends a life ended some, what fails a segment failed some.
    assert bool(ended) is (fault in {*FATAL, "leak_bytes", "step"}) or fault == "step"
    assert bool(failed) is (fault in {*FATAL, "oom", "nan", "silence"})


@pytest.mark.parametrize("segments", sizes())
@pytest.mark.parametrize(("early", "fatal"), [("in a row", "crash"), *(("apart", kind) for kind in FATAL)])
def test_all_faults_together_change_no_sample(
    early: str, fatal: str, segments: int, tmp_path: Path, undisturbed: dict[int, Path]
) -> None:
    sets = {
        "engine.faults.faults": str([*EARLY[early], f"{fatal}@14"]),
        "engine.faults.peak_bytes": '"32MiB"',
        "engine.faults.leak_bytes": '"2MiB"',
        "engine.faults.plateau": "6",
        "engine.faults.slowdown": "0.01",
        "memory.host.soft": '"250MiB"',
    }
    seen = assert_same_audio(tmp_path / "run", segments, sets, undisturbed[segments])
    tell(f"{early}, then {fatal}, {segments} segments: {len(deaths(seen))} children replaced")


# ------------------------------------------------------------------ poison


def samples_of(path: Path) -> "npt.NDArray[np.int16]":
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


@pytest.mark.parametrize(
    ("kind", "segments"),
    [(kind, FEW) for kind in ("crash", "hang", "oom", "nan")]
    + [pytest.param(kind, MANY, marks=pytest.mark.slow) for kind in POISONS],
)
def test_poison_costs_its_own_segment_and_no_other(
    kind: str, segments: int, tmp_path: Path, undisturbed: dict[int, Path]
) -> None:
    task = task_in(tmp_path / "run", segments, {"engine.faults.poison": f'{{ "xyzzy" = "{kind}" }}'})
    with Narration(task) as run:
        assert run.exit_code(600.0) == 3, run.tail()
    spoken = {event.segment for event in run.seen if event.event == "segment.done"}
    poisoned = segments // 2
    assert spoken == set(range(segments)) - {poisoned}
    # To people they are numbered from one.
    named = [line for line in run.lines if f"segment {poisoned + 1} (" in line and "'Paragraph" in line]
    assert len(named) == 1, run.lines
    assert "after 3 attempts" in named[0]
    tell(f"poison {kind}: {named[0].strip()}")
    assert_silence_in_its_place(task, poisoned, undisturbed[segments])
    mended = Task(
        text=task.text, output=task.output, state=task.state, sets={**task.sets, "engine.faults.poison": "{}"}
    )
    with Narration(mended) as again:
        assert again.exit_code() == 0, again.tail()
    assert [event.segment for event in again.seen if event.event == "segment.done"] == [poisoned]
    assert sha256(task.output) == sha256(undisturbed[segments])


def assert_silence_in_its_place(task: Task, poisoned: int, expected: Path) -> None:
    texts = task.text.read_text("utf-8").split("\n\n")
    rate_hz, pause = 24000, round(0.6 * 24000)
    begin = sum(round(len(text) * 0.02 * rate_hz) + pause for text in texts[:poisoned])
    end = begin + round(len(texts[poisoned]) * 0.02 * rate_hz)
    whole, holed = samples_of(expected), samples_of(task.output)
    behind = len(whole) - end
    assert np.array_equal(holed[:begin], whole[:begin])
    assert np.array_equal(holed[len(holed) - behind :], whole[end:])
    silent = holed[begin : len(holed) - behind]
    assert not silent.any()
    assert len(silent) / rate_hz == pytest.approx(expected_s(texts[poisoned]), abs=0.05)
