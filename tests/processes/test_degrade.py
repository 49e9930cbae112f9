"""A line that would fit no fresh child: refused with the figures, or spoken otherwise where allowed."""

import json
import wave
from pathlib import Path

import msgspec
import pytest

from supervisor.edge.ledger_values import Failure
from supervisor.narration.degrading import DegradedChapter
from tests.processes import hungry
from tests.processes.narration import Narration, Task, ask, narrate

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

MIB = 2**20
#: Some of its own and one MiB for each character: lines of 100 characters fit, one of 190 at a lower rate.
MARKS = {"memory.host.soft": '"170MiB"', "memory.host.hard": '"175MiB"', "memory.poll_s": "0.02"}
LENGTHS = (45, 80, 100, 190)
LONG = LENGTHS.index(190)


def line(chars: int) -> str:
    text = f"A line of {chars} characters, "
    return (text + "and on it goes, " * 20)[: chars - 1].rstrip(", ").ljust(chars - 1, "n") + "."


@pytest.fixture
def task(tmp_path: Path) -> Task:
    hungry.install(tmp_path / "site")
    (tmp_path / "lines.jsonl").write_text(
        "".join(json.dumps({"id": f"n{chars}", "text": line(chars)}) + "\n" for chars in LENGTHS), "utf-8"
    )
    return Task(
        text=tmp_path / "lines.jsonl",
        output=tmp_path / "out",
        state=tmp_path / "state",
        sets={"engine.name": '"hungry"', "engine.hungry.sample_rate": "32000", **MARKS},
        env={"PYTHONPATH": str(tmp_path / "site")},
    )


def allowing(task: Task, *steps: str) -> Task:
    return Task(
        text=task.text,
        output=task.output,
        state=task.state,
        sets={**task.sets, "degrade.steps": json.dumps(steps)},
        env=task.env,
    )


class Shown(msgspec.Struct):
    """Of `jobs show --json`, what is looked at."""

    degraded: list[DegradedChapter]
    failures: list[Failure]


def shown(task: Task) -> Shown:
    (job,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    assert ask(task, "jobs", "verify", job["job"]).returncode == 0
    return msgspec.json.decode(ask(task, "jobs", "show", job["job"], "--json").stdout, type=Shown)


def files(task: Task) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(task.output.glob("*.wav"))}


def outputs_in(task: Task) -> Task:
    task.output.mkdir()
    return task


def test_a_line_that_would_fit_no_child_is_refused_with_the_figures_and_the_others_are_spoken(
    task: Task,
) -> None:
    with Narration(outputs_in(task)) as run:
        assert run.exit_code() == 3, run.tail()
    of_job = shown(task)
    (failure,) = of_job.failures
    assert (failure.chapter, failure.kind) == (LONG, "oom")
    assert "a text of 190 characters needs at least" in failure.message
    assert "allow degrade.steps" in failure.message
    assert of_job.degraded == []
    assert [event for event in run.seen if event.is_child("gone") and event.signal] == []


def test_where_it_is_allowed_the_line_is_cut_smaller_and_stays_so(task: Task) -> None:
    narrate(allowing(outputs_in(task), "smaller_segments"))
    (degraded,) = shown(task).degraded
    assert degraded.chapter == LONG
    (step,) = degraded.steps
    assert (step.step, step.segment_chars) == ("smaller_segments", 95)
    assert "a text of 190 characters needs at least" in step.why
    spoken = files(task)
    assert len(spoken) == len(LENGTHS)
    # The same command again, though nothing is allowed any more: nothing is spoken, nothing changes.
    assert [event for event in narrate(task).seen if event.event == "segment.done"] == []
    assert files(task) == spoken


def test_where_it_is_allowed_the_line_is_spoken_at_a_lower_rate_and_delivered_at_the_one_of_the_others(
    task: Task,
) -> None:
    narrate(allowing(outputs_in(task), "24khz"))
    (degraded,) = shown(task).degraded
    (step,) = degraded.steps
    assert (degraded.chapter, step.step, step.sample_rate_hz) == (LONG, "24khz", 24_000)
    for path in task.output.glob("*.wav"):
        with wave.open(str(path)) as file:
            assert file.getframerate() == 32_000
