"""One submitted job while it is in hand: where it ends, and what is noted of that."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.core.notes import Note, Notice, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import JobView
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import DiskFull
from supervisor.log import Log
from supervisor.loop.jobinhand import Desk, InHand
from supervisor.loop.speaking import Submission
from supervisor.loop.submitted import submit
from supervisor.loop.submitting import job_wanted
from supervisor.loop.telling import Telling
from tests.supervisor.loop.floors import OwnFloor, config

pytestmark = pytest.mark.processes


class Hand:
    """A job that was taken, and what it told.

    Attributes:
        planned: How often it said that the next may be planned.
        over: Ids, as they ended.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.ledger = ledger
        self.floor = OwnFloor()
        self.notes: list[Note] = []
        self.planned = 0
        self.over: list[str] = []
        self.react: Callable[[Note], None] = lambda _: None
        log = Log(format="text", level="error")
        desk = Desk(
            config=config,
            state=StateFolder(ledger.folder),
            ledger=ledger,
            floor=self.floor,
            telling=Telling(log, self._show),
            log=log,
            folder=folder,
        )
        request = job_wanted(Submission(output="out.wav", text="One. Two."), folder)
        self.job = submit(ledger, request, 0.0).job
        (stored,) = ledger.queued(1)
        assert ledger.take(self.job)
        self.in_hand = InHand(desk, stored)

    def _show(self, note: Note) -> None:
        self.notes.append(note)
        self.react(note)

    async def bring(self) -> JobView:
        """Bring it to its end."""

        def planned() -> None:
            self.planned += 1

        self.in_hand.begin(planned, self.over.append)
        await self.in_hand.task
        await asyncio.sleep(0)
        view = self.ledger.view(self.job)
        assert view is not None
        return view

    @property
    def stages(self) -> list[str]:
        return [note.name for note in self.notes if isinstance(note, Stage)]


def in_hand(folder: Path, do: Callable[[Hand], Awaitable[None]]) -> None:
    async def run(ledger: Ledger) -> None:
        await do(Hand(folder, ledger))

    with closing(Ledger.open(folder / "state")) as ledger:
        asyncio.run(run(ledger))


def test_it_is_planned_spoken_and_delivered_and_says_so(tmp_path: Path) -> None:
    async def do(hand: Hand) -> None:
        view = await hand.bring()
        assert (view.state, view.outputs) == ("done", [str(tmp_path / "out.wav")])
        assert hand.stages == ["planning", "narrating", "delivering"]
        assert (hand.planned, hand.over) == (1, [hand.job])
        assert (hand.in_hand.is_planned, hand.in_hand.delivers, hand.in_hand.lacked_room) == (
            True,
            True,
            None,
        )

    in_hand(tmp_path, do)


def test_halted_before_it_has_begun_it_begins_nothing(tmp_path: Path) -> None:
    async def do(hand: Hand) -> None:
        hand.in_hand.halt("enough")
        view = await hand.bring()
        assert (view.state, view.error, hand.stages) == ("parked", "enough", [])
        assert (hand.planned, hand.over) == (0, [hand.job])

    in_hand(tmp_path, do)


@pytest.mark.parametrize("stage", ["planning", "narrating", "delivering"])
def test_halted_at_a_stage_it_goes_no_further_and_the_first_reason_stands(tmp_path: Path, stage: str) -> None:
    async def do(hand: Hand) -> None:
        def react(note: Note) -> None:
            if isinstance(note, Stage) and note.name == stage:
                asyncio.get_running_loop().call_soon(hand.in_hand.halt, "enough")
                asyncio.get_running_loop().call_soon(hand.in_hand.halt, "more than enough")

        hand.react = react
        view = await hand.bring()
        assert (view.state, view.error) == ("parked", "enough")
        assert hand.stages[-1] == stage
        assert not [note for note in hand.notes if isinstance(note, Notice) and note.level == "error"]

    in_hand(tmp_path, do)


@pytest.mark.parametrize("stage", ["planning", "narrating", "delivering"])
def test_halted_in_the_very_moment_a_stage_begins_it_goes_no_further(tmp_path: Path, stage: str) -> None:
    async def do(hand: Hand) -> None:
        def react(note: Note) -> None:
            if isinstance(note, Stage) and note.name == stage:
                hand.in_hand.halt("enough")

        hand.react = react
        view = await hand.bring()
        assert (view.state, view.error) == ("parked", "enough")
        assert hand.floor.taken == ([hand.job] if stage == "delivering" else [])

    in_hand(tmp_path, do)


def test_want_of_room_is_noted_with_where(tmp_path: Path) -> None:
    async def do(hand: Hand) -> None:
        hand.floor.refuses = DiskFull("the disk is full")
        view = await hand.bring()
        mend = "make room there; it goes on by itself once 8 MiB are free"
        assert (view.state, view.error) == ("parked", f"the disk is full; {mend}")
        want = hand.in_hand.lacked_room
        assert want is not None
        assert (want.folder, want.needed_bytes) == (tmp_path / "state", 8 * 2**20)
        assert want.ailment.words == f"job {view.job} waits: the disk is full"
        assert [note.text for note in hand.notes if isinstance(note, Notice)] == [
            f"job {hand.job}: the disk is full; {mend}"
        ]

    in_hand(tmp_path, do)


def test_a_bug_ends_the_job_and_says_what_it_was(tmp_path: Path) -> None:
    async def do(hand: Hand) -> None:
        hand.floor.refuses = ZeroDivisionError("a bug")
        view = await hand.bring()
        assert view.state == "failed"
        assert "ZeroDivisionError: a bug" in (view.error or "")

    in_hand(tmp_path, do)
