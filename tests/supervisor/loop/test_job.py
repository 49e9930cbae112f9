"""Whole jobs through the loop: the scripted child, real processes, files and signals."""

import asyncio
import hashlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from supervisor.config import Config, Given, load_config
from supervisor.core.notes import ChildState, Note, Notice, SegmentSpoken, SegmentTrouble, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ConfigError, InputError, Interrupted, StateInUse, SupervisorError
from supervisor.log import Log
from supervisor.loop import InputSpec, JobRequest, Outcome, run_job
from supervisor.narration.plan import VoiceSpec

N = TypeVar("N", bound=Note)

pytestmark = pytest.mark.processes

TEXT = "\n\n".join(f"This is paragraph {n}, and nothing in it is new." for n in range(12))
QUIET = Log(format="text", level="error")


@dataclass
class Desk:
    """A state folder, an output, and what was shown."""

    folder: Path
    react: Callable[[Note], None] = lambda _note: None
    notes: list[Note] = field(default_factory=list[Note])

    @property
    def output(self) -> Path:
        return self.folder / "out.wav"

    def run(self, *, text: str = TEXT, fresh: bool = False, keep: bool = True, **settings: object) -> Outcome:
        inputs = [InputSpec(path=None, name="text", text=text)]
        return self.do(replace(self.request, inputs=inputs, fresh=fresh, keep=keep), **settings)

    def do(self, request: JobRequest, **settings: object) -> Outcome:
        self.notes.clear()
        return run_job(config(**settings), self.state, request, self._show, QUIET)

    @property
    def request(self) -> JobRequest:
        return JobRequest(
            output=str(self.output),
            format="wav",
            sample_rate_hz=None,
            voice=VoiceSpec(),
            seed=0,
            inputs=[],
        )

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.output.read_bytes()).hexdigest()

    def of(self, kind: type[N]) -> list[N]:
        return [note for note in self.notes if isinstance(note, kind)]

    def _show(self, note: Note) -> None:
        self.notes.append(note)
        self.react(note)


def config(**settings: object) -> Config:
    given = [Given(key="engine.name", value="scripted", origin="test")]
    given += [
        Given(key=key.replace("__", "."), value=value, origin="test") for key, value in settings.items()
    ]
    return load_config(options=given, environ={})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_job_ends_with_its_file_and_a_second_run_speaks_nothing_again(desk: Desk) -> None:
    first = desk.run()
    sha256 = desk.sha256
    assert (first.exit_code, first.outputs) == (0, [str(desk.output)])
    assert first.view is not None
    assert (first.view.state, first.view.done, first.view.failed) == ("done", 12, 0)
    assert len(desk.of(SegmentSpoken)) == 12
    again = desk.run()
    assert again.exit_code == 0
    assert desk.of(ChildState) == []
    assert desk.sha256 == sha256


def test_a_changed_paragraph_is_spoken_and_no_other(desk: Desk) -> None:
    desk.run()
    desk.run(text=TEXT.replace("paragraph 5", "chapter 5"))
    assert [note.segment for note in desk.of(SegmentSpoken)] == [5]


def stop_after(segment: int) -> Callable[[Note], None]:
    def stop(note: Note) -> None:
        if isinstance(note, SegmentSpoken) and note.segment == segment:
            os.kill(os.getpid(), signal.SIGINT)

    return stop


def test_a_wrong_attempt_between_costs_nothing_of_what_was_spoken(desk: Desk) -> None:
    desk.react = stop_after(5)
    with pytest.raises(Interrupted):
        desk.run(engine__scripted__wall_per_char_s=0.0005)
    spoken = len(desk.of(SegmentSpoken))
    desk.react = lambda _note: None
    assert (
        desk.run(text="Wrong words.", child__attempts=1, engine__faults__poison={"Wrong": "exit"}).exit_code
        == 3
    )
    assert desk.run().exit_code == 0
    assert len(desk.of(SegmentSpoken)) == 12 - spoken


def segment_files(desk: Desk) -> list[Path]:
    return sorted((desk.state.path / "audio").rglob("*.wav"))


def test_a_job_that_was_delivered_whole_keeps_the_segments_of_its_last_plan_alone(desk: Desk) -> None:
    desk.run()
    assert desk.run(text="Another text.").exit_code == 0
    assert len(segment_files(desk)) == 1


def spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"\xde\xad\xbe\xef")


def test_a_damaged_segment_is_spoken_again_to_the_same_bytes(desk: Desk) -> None:
    desk.run()
    sha256 = desk.sha256
    spoil(segment_files(desk)[3])
    assert desk.run().exit_code == 0
    assert (len(desk.of(SegmentSpoken)), desk.sha256) == (1, sha256)


def test_a_segment_that_is_damaged_after_planning_is_refused_and_spoken_by_the_next_run(desk: Desk) -> None:
    desk.run()
    sha256 = desk.sha256

    def spoil_first(note: Note) -> None:
        if isinstance(note, Stage) and note.name == "delivering":
            spoil(segment_files(desk)[0])

    desk.react = spoil_first
    with pytest.raises(SupervisorError, match=r"\.wav cannot be used.*run the same command again") as raised:
        desk.run()
    assert str(segment_files(desk)[0]) in str(raised.value)
    assert desk.sha256 == sha256  # what stood there stays
    desk.react = lambda _note: None
    assert desk.run().exit_code == 0
    assert (len(desk.of(SegmentSpoken)), desk.sha256) == (1, sha256)


def warnings(desk: Desk) -> list[str]:
    return [note.text for note in desk.of(Notice) if note.level == "warning"]


@pytest.mark.parametrize("fresh", [False, True])
def test_files_that_an_earlier_run_left_in_a_folder_are_named_once_and_stay(desk: Desk, fresh: bool) -> None:
    book = desk.folder / "book.md"
    folder = f"{desk.folder}/book/"
    inputs = [InputSpec(path=str(book), name="book.md")]
    book.write_text("# One\n\nA word.\n\n# Two\n\nMore words.\n", "utf-8")
    request = replace(desk.request, output=folder, inputs=inputs, fresh=fresh)
    desk.do(request)
    assert warnings(desk) == []
    book.write_text("# One\n\nA word.\n\n# Second\n\nMore words.\n", "utf-8")
    assert desk.do(request).outputs == [f"{folder}01 One.wav", f"{folder}02 Second.wav"]
    left = f"{folder}02 Two.wav"
    assert warnings(desk) == [
        f"left from an earlier run: {left}; remove them if you do not want them",
    ]
    assert Path(left).exists()
    desk.do(request)
    assert warnings(desk) == []
    desk.do(replace(request, format="flac"))
    (said,) = warnings(desk)
    assert f"{folder}01 One.wav, {folder}02 Second.wav;" in said


def test_bad_lines_are_counted_and_told_and_cost_no_child_again(desk: Desk) -> None:
    lines = desk.folder / "lines.jsonl"
    lines.write_text('{"text": "One."}\nnot JSON\n', "utf-8")
    request = replace(desk.request, inputs=[InputSpec(path=str(lines), name="lines.jsonl")])
    for _ in range(2):
        outcome = desk.do(request)
        view = outcome.view
        assert view is not None
        assert (outcome.exit_code, view.segments, view.done, view.failed) == (3, 2, 1, 1)
        assert (view.error or "").startswith("1 not spoken: line 2: ")
    assert desk.of(ChildState) == []


def test_fresh_speaks_all_of_it_again_to_the_same_bytes(desk: Desk) -> None:
    desk.run()
    sha256 = desk.sha256
    desk.run(fresh=True)
    assert len(desk.of(SegmentSpoken)) == 12
    assert desk.sha256 == sha256


def test_a_job_that_is_not_to_be_kept_leaves_nothing(desk: Desk) -> None:
    assert desk.run(keep=False).exit_code == 0
    assert list((desk.state.path / "audio").glob("*")) == []
    ledger = Ledger.open(desk.state.path)
    assert ledger.views() == []
    ledger.close()


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_parks_the_job_and_the_same_command_goes_on_to_the_same_bytes(
    desk: Desk, signals: int
) -> None:
    desk.run()
    sha256 = desk.sha256

    def stop(note: Note) -> None:
        if isinstance(note, SegmentSpoken) and note.segment == 3:
            for _ in range(signals):
                os.kill(os.getpid(), signal.SIGINT)

    desk.react = stop
    with pytest.raises(Interrupted, match="stopped by SIGINT; run the same command again"):
        desk.run(fresh=True, engine__scripted__wall_per_char_s=0.0005)
    assert view_state(desk) == "parked"
    spoken = len(desk.of(SegmentSpoken))
    assert 4 <= spoken < 12
    desk.react = lambda _note: None
    assert desk.run().exit_code == 0
    assert len(desk.of(SegmentSpoken)) == 12 - spoken
    assert desk.sha256 == sha256


def test_a_signal_while_the_file_is_written_parks_the_job(desk: Desk) -> None:
    def stop(note: Note) -> None:
        if isinstance(note, Stage) and note.name == "delivering":
            os.kill(os.getpid(), signal.SIGTERM)

    desk.react = stop
    with pytest.raises(Interrupted):
        desk.run()
    assert not desk.output.exists()
    desk.react = lambda _note: None
    assert desk.run().exit_code == 0
    assert desk.output.exists()


def test_a_poisoned_segment_is_set_aside_and_the_others_are_spoken(desk: Desk) -> None:
    outcome = desk.run(engine__faults__poison={"7": "crash"})
    assert outcome.exit_code == 3
    assert [failure.number for failure in outcome.failures] == [7]
    assert outcome.failures[0].attempts == 3
    assert [note.final for note in desk.of(SegmentTrouble)] == [False, False, True]
    assert outcome.view is not None
    assert (outcome.view.done, outcome.view.failed) == (11, 1)


def test_the_last_try_of_a_segment_gets_a_fresh_child(desk: Desk) -> None:
    desk.run(engine__faults__poison={"paragraph 7": "nan"})
    recycled = [note for note in desk.of(ChildState) if note.recycled]
    assert [note.why for note in recycled] == [
        "segment 8 failed 2 times (quality): a fresh child for its last try"
    ]


def test_one_state_folder_has_one_owner(desk: Desk) -> None:
    with desk.state.lock(), pytest.raises(StateInUse, match=str(os.getpid())):
        desk.run()


def test_a_text_without_anything_to_speak_is_an_error_of_the_input(desk: Desk) -> None:
    with pytest.raises(InputError, match="nothing to speak"):
        desk.run(text="... --- ...")


def test_the_first_child_starts_while_the_job_is_planned(desk: Desk) -> None:
    desk.run(child__start="cold")  # one from a template comes when that is warm
    starting = next(n for n, note in enumerate(desk.notes) if isinstance(note, ChildState))
    narrating = next(n for n, note in enumerate(desk.notes) if note == Stage(name="narrating", detail=""))
    assert starting < narrating


def test_a_job_that_cannot_be_planned_leaves_no_child(desk: Desk) -> None:
    with pytest.raises(InputError):
        desk.run(text="... --- ...")
    gone = [note for note in desk.of(ChildState) if note.state == "gone"]
    assert [note.why for note in gone] == ["there is no plan"]
    assert children() == []  # a plan that fails at once finds the child not even started: it has no pid then


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
@pytest.mark.parametrize(("stage", "module"), [("planning", "planning"), ("delivering", "delivery")])
def test_a_worker_that_is_killed_is_started_again(desk: Desk, stage: str, module: str, number: int) -> None:
    def strike() -> None:
        # The stage is shown just before its process starts: look until it is there, then once only.
        pids = [
            pid for pid in children() if f"supervisor.{module}" in Path(f"/proc/{pid}/cmdline").read_text()
        ]
        if pids:
            os.kill(pids[0], number)
        else:
            asyncio.get_running_loop().call_soon(strike)

    def begin(note: Note) -> None:
        if isinstance(note, Stage) and note.name == stage:
            asyncio.get_running_loop().call_soon(strike)

    desk.react = begin
    assert desk.run().exit_code == 0
    (told,) = [note.text for note in desk.of(Notice) if note.name == "worker"]
    assert told.startswith(f"supervisor.{module} killed by {signal.Signals(number).name}")


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_an_interpreter_that_is_not_there_is_an_error_of_the_configuration(desk: Desk) -> None:
    with pytest.raises(ConfigError, match=r"child\.python"):
        desk.run(child__python="/nonexistent/python")


def test_an_interpreter_without_the_package_is_named_with_what_it_said(desk: Desk, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named child' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(
        ConfigError, match=r"child\.python: .*status 1: No module named child; the interpreter needs"
    ):
        desk.run(child__python=str(python))


def test_an_attempt_that_cannot_be_planned_leaves_the_earlier_job_as_it_was(desk: Desk) -> None:
    desk.run()
    with pytest.raises(InputError):
        desk.run(text="...")
    assert view_state(desk) == "done"


def view_state(desk: Desk) -> str:
    ledger = Ledger.open(desk.state.path)
    try:
        view = ledger.view(job_id_for(str(desk.output)))
    finally:
        ledger.close()
    assert view is not None
    return view.state
