"""What is done for a job by short-lived processes, and how it is broken off."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.config import load_config
from supervisor.core.notes import Note, Notice, Stage
from supervisor.edge import proc
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import InputError, Interrupted, SupervisorError
from supervisor.log import Log
from supervisor.loop import workers
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.stages import Stages
from supervisor.loop.workers import Patience
from supervisor.narration.plan import VoiceSpec
from tests.standin.jobs import speak_all

pytestmark = pytest.mark.processes


class Desk:
    """A state folder with a job that nobody has planned."""

    def __init__(self, folder: Path, ledger: Ledger, *inputs: InputSpec) -> None:
        self.ledger = ledger
        self.notes: list[Note] = []
        self.output = str(folder / "out.wav")
        self.job = job_id_for(self.output)
        request = JobRequest(
            output=self.output,
            format="wav",
            sample_rate_hz=None,
            voice=VoiceSpec(),
            seed=0,
            inputs=list(inputs),
        )
        self.stages = Stages(
            config=load_config(),
            state=StateFolder(ledger.folder),
            ledger=ledger,
            request=request,
            job=self.job,
            show=self._show,
            log=Log(format="text", level="error"),
        )
        self.halts = False
        self.on_note: Callable[[Note], None] = lambda _: None

    def _show(self, note: Note) -> None:
        self.notes.append(note)
        self.on_note(note)
        if self.halts:  # once the process was begun
            asyncio.get_running_loop().call_soon(self.stages.halt, "enough")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "state")) as opened:
        yield opened


def text(words: str) -> InputSpec:
    return InputSpec(path=None, name="text", text=words)


def test_a_plan_is_in_the_ledger_and_on_the_shelf(tmp_path: Path, ledger: Ledger) -> None:
    desk = Desk(tmp_path, ledger, text("One. Two."))
    size = asyncio.run(desk.stages.plan())
    assert desk.stages.is_planned
    assert size == desk.stages.shelf().size()
    assert [segment.text for segment in desk.stages.shelf().waiting(-1, 9)] == ["One. Two."]
    assert [note.name for note in desk.notes if isinstance(note, Stage)] == ["planning", "narrating"]


def test_what_cannot_be_read_has_no_plan_and_parks_nothing(tmp_path: Path, ledger: Ledger) -> None:
    missing = tmp_path / "missing.txt"
    desk = Desk(tmp_path, ledger, InputSpec(path=str(missing), name="missing.txt"))
    with pytest.raises(InputError, match=r"missing\.txt") as caught:
        asyncio.run(desk.stages.plan())
    asyncio.run(desk.stages.park(caught.value))
    assert not desk.stages.is_planned
    assert ledger.view(desk.job) is None


def test_a_planned_job_that_stops_is_parked_with_the_reason(tmp_path: Path, ledger: Ledger) -> None:
    desk = Desk(tmp_path, ledger, text("One."))
    asyncio.run(desk.stages.plan())
    asyncio.run(desk.stages.park(Interrupted("stopped by a test")))
    view = ledger.view(desk.job)
    assert view is not None
    assert (view.state, view.error) == ("parked", "stopped by a test")


def test_after_a_halt_no_stage_begins(tmp_path: Path, ledger: Ledger) -> None:
    desk = Desk(tmp_path, ledger, text("One."))
    desk.stages.halt("enough")
    with pytest.raises(Interrupted, match="enough"):
        asyncio.run(desk.stages.plan())


def test_a_halt_breaks_a_stage_off(tmp_path: Path, ledger: Ledger) -> None:
    desk = Desk(tmp_path, ledger, text("One."))
    desk.halts = True
    with pytest.raises(Interrupted, match="enough"):
        asyncio.run(desk.stages.plan())
    assert ledger.view(desk.job) is None


# ------------------------------------------------------------------ processes that hang


class Stuck:
    """A file that nobody can open for as long as a pipe stands in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(path.name + ".aside")
        path.rename(self._aside)
        os.mkfifo(path)

    def mend(self) -> None:
        self._aside.replace(self._path)


def spoken(folder: Path, ledger: Ledger) -> tuple[Desk, Stuck]:
    """A job that is spoken, and cannot be delivered: a segment's file does not answer."""
    desk = Desk(folder, ledger, text("One. Two."))
    asyncio.run(desk.stages.plan())
    speak_all(ledger, StateFolder(ledger.folder), desk.job)
    (wav,) = ledger.folder.glob("audio/*/*.wav")
    return desk, Stuck(wav)


def told_again(note: Note) -> bool:
    return isinstance(note, Notice) and note.name == "worker" and "it is started again" in note.text


def test_a_delivery_that_hangs_is_ended_and_done_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PATIENCE", Patience(stopped_s=60, still_s=1.5))
    desk, stuck = spoken(tmp_path, ledger)
    desk.on_note = lambda note: stuck.mend() if told_again(note) else None
    outcome = asyncio.run(desk.stages.deliver())
    assert (outcome.exit_code, outcome.outputs) == (0, [desk.output])
    assert Path(desk.output).is_file()
    (told,) = [note for note in desk.notes if isinstance(note, Notice) and told_again(note)]
    assert "it did nothing for 1.5 s" in told.text


def test_a_delivery_that_was_stopped_and_never_woken_is_ended_and_done_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PATIENCE", Patience(stopped_s=0.5, still_s=60))
    desk, stuck = spoken(tmp_path, ledger)
    stopped: list[int] = []

    def stop() -> None:
        stopped.extend(proc.children(os.getpid()))
        os.kill(stopped[0], signal.SIGSTOP)

    def on_note(note: Note) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(note, Stage) and note.name == "delivering":
            loop.call_soon(loop.call_soon, stop)  # the process is begun in between
        elif told_again(note):
            stuck.mend()

    desk.on_note = on_note
    assert asyncio.run(desk.stages.deliver()).exit_code == 0
    assert len(stopped) == 1
    assert any(isinstance(note, Notice) and "was stopped (SIGSTOP)" in note.text for note in desk.notes)


def test_a_planner_that_hangs_each_time_fails_the_job_with_what_was_seen(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PATIENCE", Patience(stopped_s=60, still_s=1.0))
    os.mkfifo(tmp_path / "pipe.txt")
    desk = Desk(tmp_path, ledger, InputSpec(path=str(tmp_path / "pipe.txt"), name="pipe.txt"))
    with pytest.raises(SupervisorError, match=r"it did nothing for 1 s; so 3 times: look whether") as caught:
        asyncio.run(desk.stages.plan())
    assert caught.value.exit_code == 1  # no later run is promised to fare better
