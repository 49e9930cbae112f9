"""A whole service with real children, asked as doors ask it."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import wave
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.config import Config
from supervisor.core.notes import Note, Notice, SegmentSpoken
from supervisor.edge.clock import monotonic_s
from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.voices import VoiceShelf
from supervisor.errors import ConfigError
from supervisor.log import Log
from supervisor.loop.house import House
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest, Submission
from supervisor.loop.statusline import in_words
from tests.standin.tinydisk import resize, tiny_disk
from tests.supervisor.loop.floors import config

pytestmark = pytest.mark.processes

SLOW = {"engine__scripted__wall_per_char_s": 0.005}
BOOK = "\n\n".join(f"This is paragraph {n}, and nothing in it is new." for n in range(8))


class Visit:
    """A service in a folder of its own, from its start to its end."""

    def __init__(self, folder: Path, ledger: Ledger, under: Config) -> None:
        self.folder = folder
        self.notes: list[Note] = []
        self._told = asyncio.Event()
        self.is_closed = False
        self.house = House(
            config=under,
            state=StateFolder(ledger.folder),
            ledger=ledger,
            log=Log(format="text", level="error"),
            show=self._show,
            open_doors=self._open,
        )
        self.opened = asyncio.Event()

    async def _open(self, house: House) -> "Visit":
        assert house.status().state == "starting"
        self.opened.set()
        return self

    async def close(self) -> None:
        self.is_closed = True

    def _show(self, note: Note) -> None:
        self.notes.append(note)
        self._told.set()

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            self._told.clear()
            try:
                await asyncio.wait_for(self._told.wait(), 0.02)
            except TimeoutError:
                continue

    async def is_ready(self) -> None:
        await self.until(lambda: self.house.discover().voices != [])

    async def say(self, text: str, **asked: object) -> bytes:
        request = SpeechRequest(text=text, **asked)  # type: ignore[arg-type] -- each test names fields of it
        speech = await self.house.synthesize(request)
        with wave.open(str(speech.path)) as file:
            return file.readframes(file.getnframes())

    async def submit(self, name: str = "out.wav", text: str = BOOK) -> str:
        wanted = Submission(output=str(self.folder / name), text=text)
        return (await self.house.submit(wanted)).job

    async def job_is(self, job: str, state: str) -> None:
        await self.until(lambda: self.house.job(job).state == state)


def visit(folder: Path, do: Callable[[Visit], Awaitable[None]], **sets: object) -> Visit:
    """Run a service while something is done with it; it is stopped at the end if it still runs."""

    async def run(ledger: Ledger) -> Visit:
        visit = Visit(folder, ledger, config(**sets))
        serving = asyncio.ensure_future(visit.house.run())
        await visit.opened.wait()
        try:
            async with asyncio.timeout(19):
                await do(visit)
        finally:
            visit.house.stop("the test is over", at_once=True)
            await serving
        assert visit.is_closed
        return visit

    with closing(Ledger.open(folder / "state")) as ledger:
        ledger.park_abandoned()
        return asyncio.run(run(ledger))


def test_it_says_what_it_is_and_how_it_stands(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        house = visit.house
        assert house.discover().voices == []
        with pytest.raises(CannotAsk):
            await house.clean()
        found = await house.introduce()  # waits for what the first child tells
        assert found == house.discover()
        assert [voice.name for voice in found.voices] == ["sine", "reed", "bell", "hum"]
        assert (found.engine, found.sample_rates, found.formats) == ("scripted", [24_000], ["wav", "flac"])
        assert (found.limits.max_running, found.limits.max_waiting) == (3, 7)
        await visit.until(lambda: house.status().state == "idle")
        status = house.status()
        assert (status.pid, status.queue, status.job) == (os.getpid(), 0, None)
        assert in_words(status).startswith("idle; child ")
        assert house.overdue(monotonic_s()) is None
        assert "late" in (house.overdue(monotonic_s() + 3600) or "late")

    visit(tmp_path, do, queue__max_running=3, queue__max_waiting=7)


def test_requests_of_many_are_each_their_own_and_go_between_the_segments_of_a_job(tmp_path: Path) -> None:
    texts = [f"Request {number} is this one." for number in range(12)]

    async def do(visit: Visit) -> None:
        alone = [await visit.say(text) for text in texts]
        job = await visit.submit()
        await visit.until(lambda: any(isinstance(n, SegmentSpoken) and n.job == job for n in visit.notes))
        said = await asyncio.gather(*(visit.say(text) for text in texts))
        assert said == alone
        assert len(set(said)) == len(texts)
        assert visit.house.job(job).state == "running"
        await visit.job_is(job, "done")
        assert [view.job for view in visit.house.jobs()] == [job]

    visit(tmp_path, do, engine__scripted__wall_per_char_s=0.001, queue__max_running=4)


def test_clean_and_recycle_are_asked_of_the_child_that_is_there(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        await visit.is_ready()
        await visit.house.clean()
        await visit.house.recycle()
        status = visit.house.status()
        assert status.child is not None
        assert status.child.life == 2
        while not visit.house.status().totals.recycles:  # noqa: ASYNC110 - counted when the old one is gone
            await asyncio.sleep(0.01)
        assert visit.house.status().totals.cleans == 1

    visit(tmp_path, do)


def test_a_reload_loses_neither_a_request_nor_a_segment(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        before = await visit.say("It waits through the reload. " * 4)
        job = await visit.submit()
        waiting = asyncio.ensure_future(visit.say("It waits through the reload. " * 4))
        await visit.until(lambda: any(isinstance(n, SegmentSpoken) and n.job == job for n in visit.notes))
        other = config(memory__host__soft="1GiB", memory__host__hard="3GiB", **SLOW)
        visit.house.reload(other)
        assert visit.house.config == other
        assert await waiting == before
        await visit.job_is(job, "done")
        spoken = [n.segment for n in visit.notes if isinstance(n, SegmentSpoken) and n.job == job]
        assert sorted(spoken) == list(range(8))
        child = visit.house.status().child
        assert child is not None
        assert child.marks["host_soft"] == 2**30

    visit(tmp_path, do, **SLOW)


def test_shutdown_parks_the_work_and_the_next_service_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    async def whole(visit: Visit) -> None:
        await visit.job_is(await visit.submit("whole.wav"), "done")

    async def first(visit: Visit) -> None:
        job = await visit.submit()
        await visit.until(lambda: any(isinstance(n, SegmentSpoken) and n.job == job for n in visit.notes))
        waiting = asyncio.ensure_future(visit.say("Nobody speaks this."))
        await asyncio.sleep(0)
        await visit.house.shutdown()
        assert visit.house.job(job).state == "parked"
        with pytest.raises(CannotAsk) as told:
            await waiting
        assert told.value.kind == "shutting_down"
        for ask in (
            visit.submit("late.wav"),
            visit.house.cancel(job),
            visit.house.retry(job),
            visit.say("Late."),
        ):
            with pytest.raises(CannotAsk) as caught:
                await ask
            assert caught.value.kind == "shutting_down"
        await visit.house.shutdown()  # again, at once

    async def second(visit: Visit) -> None:
        (job,) = (view.job for view in visit.house.jobs() if view.outputs != [str(tmp_path / "whole.wav")])
        await visit.job_is(job, "done")
        assert sum(isinstance(note, SegmentSpoken) for note in visit.notes) < 8

    visit(tmp_path, whole)
    visit(tmp_path, first, **SLOW)
    visit(tmp_path, second)
    one, other = ((tmp_path / name).read_bytes() for name in ("whole.wav", "out.wav"))
    assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()


def test_whoever_listens_hears_of_jobs_until_they_leave_and_nothing_of_requests(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        heard: list[Note] = []
        leave = visit.house.listen(heard.append)
        await visit.say("This is between two.")
        assert not [note for note in heard if isinstance(note, SegmentSpoken)]
        job = await visit.submit(text="One.")
        await visit.job_is(job, "done")
        assert [note.job for note in heard if isinstance(note, SegmentSpoken)] == [job]
        leave()
        leave()
        heard.clear()
        await visit.job_is(await visit.submit("two.wav", "Two."), "done")
        assert heard == []

    visit(tmp_path, do)


def test_a_killed_child_costs_nobody_anything(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        before = await visit.say("It is said whatever dies. " * 3)
        child = visit.house.status().child
        assert child is not None
        assert child.pid is not None
        saying = asyncio.ensure_future(visit.say("It is said whatever dies. " * 3))
        await asyncio.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        assert await saying == before
        await visit.until(lambda: visit.house.status().totals.deaths == 1)

    visit(tmp_path, do, **SLOW)


def test_what_ends_it_is_raised_with_its_exit_code_and_all_is_parked(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> None:
        one = Visit(tmp_path, ledger, config(engine__scripted__nonsense=1))
        serving = asyncio.ensure_future(one.house.run())
        await one.opened.wait()
        asking = asyncio.ensure_future(one.say("Nobody speaks this."))
        job = await one.submit()
        with pytest.raises(ConfigError, match="nonsense"):
            await serving
        assert one.house.job(job).state == "parked"
        with pytest.raises(CannotAsk) as caught:
            await asking
        assert caught.value.kind == "shutting_down"
        assert one.is_closed

    with closing(Ledger.open(tmp_path / "state")) as ledger:
        asyncio.run(run(ledger))


def test_a_full_disk_is_no_end(tmp_path: Path) -> None:
    long = "It does not fit on this disk. " * 30

    async def do(visit: Visit) -> None:
        await visit.is_ready()
        with pytest.raises(CannotAsk, match="disk is full") as caught:
            await visit.say(long)
        assert (caught.value.kind, caught.value.retryable) == ("disk_full", True)
        await visit.until(lambda: visit.house.status().state == "paused")
        status = visit.house.status()
        assert "disk is full" in in_words(status)
        with pytest.raises(CannotAsk):
            await visit.say("Short.")
        assert visit.house.overdue(monotonic_s() + 3600) is None
        try:
            job = await visit.submit(text=long)
        except CannotAsk:  # not even a row has room
            job = ""
        resize(tmp_path / "state", size_bytes=64 * 2**20)
        job = job or await visit.submit(text=long)
        await visit.until(lambda: visit.house.status().state != "paused")
        assert await visit.say("Well again.")
        await visit.job_is(job, "done")
        texts = [note.text for note in visit.notes if isinstance(note, Notice) and note.name == "disk"]
        assert len(texts) >= 2

    with tiny_disk(tmp_path / "state", size_bytes=2**20):
        visit(tmp_path, do, engine__scripted__seconds_per_char=0.06, memory__poll_s=0.05)


def test_a_job_that_fills_the_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        job = await visit.submit(text="It does not fit on this disk, not all of it. " * 60)
        await visit.until(lambda: visit.house.status().state == "paused")
        resize(tmp_path / "state", size_bytes=64 * 2**20)
        await visit.job_is(job, "done")
        assert visit.house.job(job).failed == 0

    with tiny_disk(tmp_path / "state", size_bytes=2**20):
        visit(tmp_path, do, engine__scripted__seconds_per_char=0.06, memory__poll_s=0.05)


def test_a_job_whose_voice_there_is_not_fails_and_no_silence_is_delivered(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        wanted = Submission(output=str(tmp_path / "out.wav"), text=BOOK, voice="nobody")
        job = (await visit.house.submit(wanted)).job
        await visit.job_is(job, "failed")
        assert "no voice 'nobody'" in (visit.house.job(job).error or "")
        assert not (tmp_path / "out.wav").exists()
        over = await visit.house.watch(job, lambda _: None)
        assert over.exit_code != 0
        fine = await visit.submit("fine.wav")
        await visit.job_is(fine, "done")

    visit(tmp_path, do)


def test_a_job_whose_audio_cannot_be_kept_fails_and_ends_nothing_else(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        job = await visit.submit()
        await visit.job_is(job, "done")
        folder = StateFolder(tmp_path / "state").audio_path(job, "k").parent
        shutil.rmtree(folder)
        folder.write_text("in the way")
        again = Submission(output=str(tmp_path / "out.wav"), text=BOOK, fresh=True)
        assert (await visit.house.submit(again)).job == job
        await visit.job_is(job, "failed")
        assert str(folder) in (visit.house.job(job).error or "")
        fine = await visit.submit("fine.wav")
        await visit.job_is(fine, "done")
        folder.unlink()
        await visit.house.retry(job)
        await visit.job_is(job, "done")

    visit(tmp_path, do)


def test_after_a_reload_to_another_engine_its_own_voices_are_told(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        await visit.is_ready()
        visit.house.reload(config(engine__name="espeak"))
        await visit.until(lambda: visit.house.discover().engine == "espeak")
        assert visit.house.discover().voices == []
        found = await visit.house.introduce()
        assert "sine" not in [voice.name for voice in found.voices]
        assert found.voices

    visit(tmp_path, do)


def test_a_reload_that_was_refused_ails_until_one_is_right(tmp_path: Path) -> None:
    async def do(visit: Visit) -> None:
        await visit.is_ready()
        visit.house.note_reload("config.toml: memory.poll_s = 0; need 0.01 or more")
        (ails,) = visit.house.status().health
        assert (ails.kind, ails.stops, "poll_s" in ails.words) == ("reload_refused", False, True)
        assert visit.house.status().ready
        visit.house.note_reload("")
        assert visit.house.status().health == []

    visit(tmp_path, do)


def test_whoever_asks_a_plain_engine_for_a_cloned_voice_is_told_which_speak_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("somebody")
    shelf = VoiceShelf(tmp_path / "state")
    with shelf.adding("ada", str(tmp_path / "a.wav"), "Hi.") as voice:
        shelf.put(voice, replace=False)
    words = r"has no voice 'ada'.*'ada' is a cloned voice, which --engine glm or"
    jobs: list[str] = []

    async def do(visit: Visit) -> None:
        with pytest.raises(CannotAsk, match=words) as caught:
            await visit.say("Hello.", voice="ada")
        assert caught.value.kind == "voice_not_found"
        wanted = Submission(output=str(tmp_path / "out.wav"), text="Hello.", voice="ada")
        await visit.house.submit(wanted)
        await visit.until(lambda: visit.house.jobs()[0].state in {"done", "failed"})
        jobs.append(visit.house.jobs()[0].job)

    visit(tmp_path, do)
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        (failure,) = ledger.failures(jobs[0])
    assert re.search(words, failure.message)


@pytest.mark.parametrize("what", ["clean", "recycle"])
def test_whoever_waits_for_the_child_when_the_service_ends_may_ask_the_next_one(
    tmp_path: Path, what: str
) -> None:
    async def do(visit: Visit) -> None:
        await visit.is_ready()
        saying = asyncio.ensure_future(visit.say("It is said to its end. " * 8))
        await visit.until(
            lambda: (child := visit.house.status().child) is not None and child.state == "speaking"
        )
        asking = asyncio.ensure_future(visit.house.clean() if what == "clean" else visit.house.recycle())
        await asyncio.sleep(0)
        visit.house.stop("a test ends it")
        with pytest.raises(CannotAsk) as caught:
            await asking
        assert (caught.value.kind, caught.value.retryable) == ("shutting_down", True)
        with pytest.raises(CannotAsk) as caught:
            await visit.house.clean()
        assert (caught.value.kind, caught.value.retryable) == ("shutting_down", True)
        await asyncio.gather(saying, return_exceptions=True)

    visit(tmp_path, do, **SLOW)
