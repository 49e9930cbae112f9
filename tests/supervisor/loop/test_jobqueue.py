"""Submitted jobs: in their order, two in hand, each brought to its end whoever takes it back and when."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.core.notes import Note, Notice, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import HELD, JobView
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import DiskFull
from supervisor.log import Log
from supervisor.loop.jobinhand import Desk
from supervisor.loop.jobqueue import MOST_IN_HAND, JobQueue
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Submission, TakenIn
from supervisor.loop.telling import Telling
from tests.standin.tinydisk import resize, tiny_disk
from tests.supervisor.loop.floors import MUTE, OwnFloor, config

pytestmark = pytest.mark.processes

THREE = "One is here. Two is there. Three is gone."


class Office:
    """A job queue with a floor that speaks when it is told to, and all that was told.

    Attributes:
        stages: Names in order.
    """

    def __init__(self, folder: Path, ledger: Ledger, *, is_open: bool = True) -> None:
        self.folder = folder
        self.ledger = ledger
        self.floor = OwnFloor(is_open=is_open)
        self.config = config(narration__segment_chars=20, memory__poll_s=0.05)
        self.stages: list[str] = []
        self.at: dict[str, Callable[[], None]] = {}
        self._told = asyncio.Event()
        log = Log(format="text", level="error")
        self.queue = JobQueue(
            Desk(
                config=lambda: self.config,
                state=StateFolder(ledger.folder),
                ledger=ledger,
                floor=self.floor,
                telling=Telling(log, self._show),
                log=log,
                folder=folder,
            )
        )
        self.floor.on_heard = lambda _job, _text: self._told.set()

    def _show(self, note: Note) -> None:
        if isinstance(note, Stage):
            self.stages.append(note.name)
            self.at.pop(note.name, lambda: None)()
        self._told.set()

    async def submit(self, name: str = "out.wav", text: str = THREE, **asked: object) -> str:
        submission = Submission(output=name, text=text, **asked)  # type: ignore[arg-type] -- each test names fields of it
        return (await self.queue.submit(submission)).job

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            self._told.clear()
            try:
                await asyncio.wait_for(self._told.wait(), 0.02)
            except TimeoutError:
                continue

    async def ends(self, job: str, state: str) -> JobView:
        await self.until(lambda: self.queue.view(job).state == state)
        return self.queue.view(job)

    async def next_at(self, stage: str) -> None:
        """Wait until a stage begins."""
        begun = asyncio.Event()
        self.at[stage] = begun.set
        await begun.wait()


def in_office(folder: Path, do: Callable[[Office], Awaitable[None]], *, is_open: bool = True) -> None:
    """Run something in an office that begins; it is closed at the end."""

    async def run(ledger: Ledger) -> None:
        office = Office(folder, ledger, is_open=is_open)
        office.queue.begin()
        try:
            await asyncio.wait_for(do(office), 60)
        finally:
            office.queue.close("the test is over")
            for job in office.floor.here:
                office.floor.withdraw(job)
            await office.queue.closed()

    with closing(Ledger.open(folder / "state")) as ledger:
        asyncio.run(run(ledger))


# ------------------------------------------------------------------ in order


def test_jobs_are_planned_in_order_spoken_and_delivered(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        jobs = [await office.submit(f"{number}.wav", f"Number {number}.") for number in range(4)]
        for job in jobs:
            view = await office.ends(job, "done")
            assert view.failed == 0
        assert office.floor.taken == jobs
        assert all((tmp_path / f"{number}.wav").is_file() for number in range(4))
        assert office.queue.in_hand == ()
        assert [view.job for view in office.queue.views()] == jobs

    in_office(tmp_path, do)


def test_stages_of_two_jobs_overlap_and_no_third_is_begun(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        jobs = [await office.submit(f"{number}.wav", f"Number {number}.") for number in range(3)]
        await office.until(lambda: len(office.floor.here) == MOST_IN_HAND)
        assert office.floor.here == jobs[:2]
        assert office.queue.view(jobs[2]).state == "queued"
        assert office.ledger.queued(9)[0].job == jobs[2]
        delivering = asyncio.ensure_future(office.next_at("delivering"))
        office.floor.step()  # the first is spoken to its end
        await delivering
        assert office.floor.here == [jobs[1]]  # still on the floor, while the first is delivered
        office.floor.open_up()
        for job in jobs:
            await office.ends(job, "done")

    in_office(tmp_path, do, is_open=False)


def test_one_that_cannot_be_planned_fails_with_the_reason_and_holds_nobody_up(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        mute = await office.submit("mute.wav", "… — …")
        well = await office.submit()
        await office.ends(well, "done")
        view = office.queue.view(mute)
        assert view.state == "failed"
        assert "nothing to speak" in (view.error or "")

    in_office(tmp_path, do)


# ------------------------------------------------------------------ asked


def test_a_key_that_is_known_is_that_job_and_wrong_wishes_are_named(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit(key="night")
        again = Submission(output="other.wav", inputs=["gone.txt"], key="night")
        assert await office.queue.submit(again) == TakenIn(job=job)
        for wrong in (Submission(output="x.wav"), Submission(output="x.wav", inputs=["gone.txt"])):
            with pytest.raises(CannotAsk) as caught:
                await office.queue.submit(wrong)
            assert (caught.value.kind, caught.value.retryable) == ("bad_input", False)
        with pytest.raises(CannotAsk, match="another request"):
            await office.submit(text="Something else.")
        for ask in (office.queue.cancel, office.queue.retry):
            with pytest.raises(CannotAsk, match="no job"):
                await ask("jnone")
        with pytest.raises(CannotAsk, match="no job"):
            office.queue.view("jnone")

    in_office(tmp_path, do, is_open=False)


# ------------------------------------------------------------------ taken back, at each stage


@dataclass(frozen=True)
class Way:
    """A way to stop a job, what it is then, and the way back."""

    stop: Callable[[JobQueue, str], Awaitable[JobView]]
    state: str
    go_on: Callable[[JobQueue, str], Awaitable[JobView]]


CANCELLED = Way(stop=JobQueue.cancel, state="cancelled", go_on=JobQueue.retry)
PAUSED = Way(stop=JobQueue.pause, state="paused", go_on=JobQueue.resume)

either_way = pytest.mark.parametrize("way", [CANCELLED, PAUSED], ids=["cancelled", "paused"])


async def is_stopped_and_done_after_it_goes_on(office: Office, job: str, way: Way) -> None:
    assert (await way.stop(office.queue, job)).state == way.state
    assert office.floor.here == []
    other = await office.submit("other.wav", "Another one.")
    office.floor.open_up()
    await office.ends(other, "done")
    assert office.queue.view(job).state == way.state
    assert (await way.go_on(office.queue, job)).state in {"queued", "running"}
    assert (await office.ends(job, "done")).failed == 0
    assert (office.folder / "out.wav").is_file()


@either_way
def test_one_is_stopped_as_soon_as_it_is_submitted(tmp_path: Path, way: Way) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await is_stopped_and_done_after_it_goes_on(office, job, way)

    in_office(tmp_path, do, is_open=False)


@either_way
def test_one_is_stopped_while_it_is_planned(tmp_path: Path, way: Way) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.next_at("planning")
        await asyncio.sleep(0)
        await is_stopped_and_done_after_it_goes_on(office, job, way)
        assert office.floor.taken.count(job) == 1

    in_office(tmp_path, do, is_open=False)


@either_way
@pytest.mark.parametrize("turns", range(4))
def test_one_is_stopped_just_when_its_plan_is_there(tmp_path: Path, way: Way, turns: int) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.next_at("narrating")
        for _ in range(turns):
            await asyncio.sleep(0)
        await is_stopped_and_done_after_it_goes_on(office, job, way)

    in_office(tmp_path, do, is_open=False)


@either_way
def test_one_is_stopped_while_it_is_spoken_and_what_is_spoken_is_kept(tmp_path: Path, way: Way) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.until(lambda: office.floor.here == [job])
        office.floor.step()
        await is_stopped_and_done_after_it_goes_on(office, job, way)
        texts = [text for of, text in office.floor.heard if of == job]
        assert texts == ["One is here.", "Two is there.", "Three is gone."]

    in_office(tmp_path, do, is_open=False)


def test_one_that_waits_is_paused_and_has_its_place_when_it_goes_on(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        jobs = [await office.submit(f"{number}.wav") for number in range(4)]
        await office.until(lambda: len(office.floor.here) == MOST_IN_HAND)
        assert (await office.queue.pause(jobs[2])).error == HELD
        assert (await office.queue.pause(jobs[2])).state == "paused", "twice is once"
        assert (await office.queue.resume(jobs[2])).state == "queued"
        office.floor.open_up()
        await office.ends(jobs[3], "done")
        assert [job for job in office.floor.taken if job in jobs] == jobs

    in_office(tmp_path, do, is_open=False)


def test_who_pauses_and_goes_on_at_once_gets_both_in_their_order(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.until(lambda: office.floor.here == [job])
        paused, resumed = await asyncio.gather(office.queue.pause(job), office.queue.resume(job))
        assert paused.state == "paused"
        assert resumed.state in {"queued", "running"}
        office.floor.open_up()
        assert (await office.ends(job, "done")).failed == 0

    in_office(tmp_path, do, is_open=False)


def test_a_pause_outlives_the_service(tmp_path: Path) -> None:
    jobs: list[str] = []

    async def pause(office: Office) -> None:
        jobs.append(await office.submit())
        await office.until(lambda: office.floor.here == jobs)
        office.floor.step()
        await office.queue.pause(jobs[0])

    async def come_again(office: Office) -> None:
        other = await office.submit("other.wav", "Another one.")
        await office.ends(other, "done")
        assert office.queue.view(jobs[0]).state == "paused"
        assert await office.queue.resume(jobs[0])
        await office.ends(jobs[0], "done")
        assert [text for of, text in office.floor.heard if of == jobs[0]] == [
            "Two is there.",
            "Three is gone.",
        ]

    in_office(tmp_path, pause, is_open=False)
    in_office(tmp_path, come_again)


def test_what_is_over_or_being_written_cannot_be_paused_and_what_failed_not_resumed(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.next_at("delivering")
        with pytest.raises(CannotAsk, match="its files are being written"):
            await office.queue.pause(job)
        await office.ends(job, "done")
        with pytest.raises(CannotAsk, match="is done: there is nothing to pause"):
            await office.queue.pause(job)
        assert (await office.queue.resume(job)).state == "done"
        mute = await office.submit("mute.wav", "… — …")
        await office.ends(mute, "failed")
        with pytest.raises(CannotAsk, match="jobs/retry"):
            await office.queue.resume(mute)

    in_office(tmp_path, do)


def test_who_watches_a_job_is_told_that_it_is_paused_and_waits_for_its_end(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        notes: list[Note] = []
        job = await office.submit()
        await office.until(lambda: office.floor.here == [job])
        watching = [asyncio.ensure_future(office.queue.watch(job, notes.append))]
        await office.until(lambda: bool(notes))
        await office.queue.pause(job)
        watching.append(asyncio.ensure_future(office.queue.watch(job, notes.append)))
        await office.until(lambda: [n.text for n in notes if isinstance(n, Notice)] == [HELD, HELD])
        await office.queue.resume(job)
        office.floor.open_up()
        assert [(await each).exit_code for each in watching] == [0, 0]

    in_office(tmp_path, do, is_open=False)


def test_one_that_waits_is_cancelled_and_never_begun(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        jobs = [await office.submit(f"{number}.wav") for number in range(3)]
        await office.until(lambda: len(office.floor.here) == MOST_IN_HAND)
        assert (await office.queue.cancel(jobs[2])).state == "cancelled"
        office.floor.open_up()
        await office.ends(jobs[1], "done")
        assert jobs[2] not in office.floor.taken

    in_office(tmp_path, do, is_open=False)


def test_one_whose_files_are_written_or_that_is_over_comes_to_its_end(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.next_at("delivering")
        assert (await office.queue.cancel(job)).state == "running"
        assert (await office.ends(job, "done")).outputs == [str(tmp_path / "out.wav")]
        assert (await office.queue.cancel(job)).state == "done"

    in_office(tmp_path, do)


def test_two_who_take_one_back_are_both_answered(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        await office.until(lambda: office.floor.here == [job])
        views = await asyncio.gather(*(office.queue.cancel(job) for _ in range(3)))
        assert [view.state for view in views] == ["cancelled"] * 3
        assert office.queue.in_hand == ()

    in_office(tmp_path, do, is_open=False)


# ------------------------------------------------------------------ ends


@pytest.mark.parametrize("stage", ["planning", "narrating", "delivering", "nothing"])
def test_what_is_in_hand_when_it_closes_is_parked_and_the_next_one_goes_on(
    tmp_path: Path, stage: str
) -> None:
    async def interrupted(office: Office) -> None:
        job = await office.submit()
        if stage != "nothing":
            await office.next_at(stage)
        office.queue.close("the service ends")
        for here in office.floor.here:
            office.floor.withdraw(here)
        await office.queue.closed()
        view = office.queue.view(job)
        assert (view.state, view.error) == ("parked", "the service ends")
        assert await office.submit("later.wav", key="later")  # taken in, and left alone
        await asyncio.sleep(0.05)
        assert len(office.stages) <= len(["planning", "narrating", "delivering"])

    async def next_one(office: Office) -> None:
        first, later = (view.job for view in office.queue.views())
        await office.ends(first, "done")
        await office.ends(later, "done")

    in_office(tmp_path, interrupted, is_open=stage == "delivering")
    in_office(tmp_path, next_one)


def test_a_job_that_finds_no_room_is_parked_and_goes_on_when_there_is_some(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        office.floor.refuses = DiskFull("the disk is full")
        job = await office.submit()
        view = await office.ends(job, "parked")
        assert (view.error or "").startswith("the disk is full; make room there; it goes on by itself")
        office.floor.refuses = None
        assert (await office.ends(job, "done")).failed == 0

    in_office(tmp_path, do)


def test_a_job_of_which_not_even_the_ledger_can_be_told_is_called_parked_all_the_same(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        state = office.ledger.folder

        def fill() -> None:
            with (state / "others").open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            office.floor.refuses = DiskFull("the disk is full")

        office.at["narrating"] = fill
        job = await office.submit()
        view = await office.ends(job, "parked")
        assert (view.error or "").startswith("the disk is full; make room there")
        stored = office.ledger.view(job)
        assert stored is not None
        assert stored.state == "running"
        assert [one.state for one in office.queue.views()] == ["parked"]
        (ailment,) = office.queue.ailments
        assert ailment.words == f"job {job} waits: the disk is full"
        office.floor.refuses = None
        (state / "others").unlink()
        resize(state, size_bytes=64 * 2**20)
        await office.ends(job, "done")
        assert office.queue.ailments == []

    with tiny_disk(tmp_path / "state", size_bytes=2**20):
        in_office(tmp_path, do)


def test_a_finished_file_that_finds_no_room_is_made_when_there_is_some(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        with tiny_disk(tmp_path / "small", size_bytes=8192) as small:
            job = await office.submit("small/out.wav", THREE * 20)
            view = await office.ends(job, "parked")
            assert "disk is full" in (view.error or "")
            spoken = len(office.floor.heard)
            resize(small, size_bytes=64 * 2**20)
            await office.ends(job, "done")
            assert len(office.floor.heard) == spoken

    in_office(tmp_path, do)


# ------------------------------------------------------------------ watched


def test_who_watches_hears_what_becomes_of_a_job_and_how_narrate_would_end(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        notes: list[Note] = []
        first, second = [await office.submit(name, THREE) for name in ("a.wav", "b.wav")]
        third = await office.submit("c.wav", THREE.replace("Two", MUTE))
        watching = [asyncio.ensure_future(office.queue.watch(job, notes.append)) for job in (first, third)]
        await office.until(lambda: len(office.floor.here) == MOST_IN_HAND)
        assert [each.name for each in notes if isinstance(each, Stage)] == ["planning", "narrating"]
        assert [each.name for each in notes if isinstance(each, Notice)] == ["queue"], "it is said who waits"
        office.floor.open_up()
        over, worse = [await each for each in watching]
        assert (over.job.state, over.exit_code, over.message) == ("done", 0, "")
        assert (worse.job.state, worse.exit_code) == ("done", 3)
        again = await office.queue.watch(first, notes.append)
        assert again == over
        await office.ends(second, "done")

    in_office(tmp_path, do, is_open=False)


def test_who_watches_a_job_that_fails_or_is_cancelled_hears_why(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        mute = await office.submit("mute.wav", "… — …")
        failed = await office.queue.watch(mute, lambda _: None)
        assert (failed.job.state, failed.exit_code) == ("failed", 1)
        assert "nothing to speak" in failed.message
        job, waits, third = [await office.submit(f"{name}.wav") for name in "abc"]
        watching = [asyncio.ensure_future(office.queue.watch(each, lambda _: None)) for each in (job, third)]
        await office.until(lambda: office.floor.here == [job, waits])
        for each in (third, job):
            await office.queue.cancel(each)
        for each in watching:
            over = await each
            assert (over.job.state, over.exit_code, "was cancelled" in over.message) == ("cancelled", 1, True)

    in_office(tmp_path, do, is_open=False)


def test_a_job_that_is_parked_with_the_service_is_not_over_for_who_watches(tmp_path: Path) -> None:
    async def do(office: Office) -> None:
        job = await office.submit()
        watching = asyncio.ensure_future(office.queue.watch(job, lambda _: None))
        await office.until(lambda: office.floor.here == [job])
        office.queue.close("stopped")
        office.floor.withdraw(job)
        await office.queue.closed()
        await office.ends(job, "parked")
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    in_office(tmp_path, do, is_open=False)
