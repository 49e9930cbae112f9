"""What is done for a job by short-lived processes, and how it is broken off."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.config import load_config
from supervisor.core.notes import Note, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import InputError, Interrupted
from supervisor.log import Log
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.stages import Stages
from supervisor.narration.plan import VoiceSpec

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

    def _show(self, note: Note) -> None:
        self.notes.append(note)
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
