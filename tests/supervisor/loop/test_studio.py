"""Where all is spoken: by real children, one runner after the other, and nothing is lost between two."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.config import Config
from supervisor.core import actions as do
from supervisor.core.notes import ChildState, Note, Notice, SegmentSpoken
from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import DiskFull
from supervisor.loop.cutting import cut_text
from supervisor.loop.place import Place, nurseries_of
from supervisor.loop.requestqueue import EngineChanged
from supervisor.loop.runner import Runner
from supervisor.loop.speaking import SpeechRequest
from supervisor.loop.studio import Studio
from supervisor.loop.terms import conductors_of, terms_of
from supervisor.loop.utterance import Utterance
from tests.standin.tinydisk import resize, tiny_disk
from tests.supervisor.loop.floors import config

pytestmark = pytest.mark.processes

THREE = "One is here. Two is there. Three is gone."
SLOW = {"engine__scripted__wall_per_char_s": 0.01}


class Stage:
    """A studio in a folder of its own, and what was told."""

    def __init__(self, ledger: Ledger, under: Config) -> None:
        self.state = ledger.folder
        self._ledger = ledger
        self.studio = Studio(under, self._make_runner, ledger.folder, self._show)
        self.notes: list[Note] = []
        self.lives: list[int] = []
        self._told = asyncio.Event()
        self.running = asyncio.ensure_future(self.studio.run())

    def _show(self, note: Note) -> None:
        self.notes.append(note)
        self._told.set()

    def _make_runner(self, under: Config, lives: int) -> Runner:
        self.lives.append(lives)
        terms = terms_of(under, job="", voice=None, lives=lives)
        place = Place(
            state=StateFolder(self.state),
            ledger=self._ledger,
            job="",
            nurseries=nurseries_of(
                under,
                terms.hello,
                state_marker=str(self.state),
                notice=self._show,
                overheard=lambda _: None,
            ),
            poll_s=under.memory.poll_s,
            devices=under.child.devices,
            wall_s=time.time,
            show=self._show,
            overheard=lambda _life, _line: None,
        )
        return Runner(conductors_of(terms, None, under.child.devices), place)

    def utterance(self, job: str = "r1", text: str = THREE) -> Utterance:
        cut = cut_text(config(narration__segment_chars=20), self.state, job, SpeechRequest(text=text))
        return Utterance(job, cut.segments, self.state)

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            self._told.clear()
            try:
                await asyncio.wait_for(self._told.wait(), 0.02)
            except TimeoutError:
                assert not self.running.done(), self.running.result()

    def spoken(self, job: str = "r1") -> int:
        return sum(isinstance(note, SegmentSpoken) and note.job == job for note in self.notes)

    @property
    def children(self) -> int:
        return sum(isinstance(note, ChildState) and note.state == "ready" for note in self.notes)

    @property
    def is_speaking(self) -> bool:
        post = None if self.studio.runner is None else self.studio.runner.conductor.post
        return post is not None and post.hand is not None

    async def is_ready(self, children: int = 1) -> None:
        await self.until(lambda: self.children >= children)


async def heard(said: Utterance) -> list[str]:
    return [spoken.audio.sha256 async for spoken in said.pieces()]


def on_stage(folder: Path, play: Callable[[Stage], Awaitable[None]], **sets: object) -> do.Finish:
    async def run(ledger: Ledger) -> do.Finish:
        stage = Stage(ledger, config(**sets))
        try:
            async with asyncio.timeout(19):
                await play(stage)
        finally:
            stage.studio.stop("the play is over", at_once=True)
            finish = await stage.running
            stage.studio.close()
        return finish

    with closing(Ledger.open(folder / "state")) as ledger:
        return asyncio.run(run(ledger))


def test_what_comes_before_the_first_child_or_after_is_spoken(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        early = stage.utterance("r1")
        over = stage.studio.take_in(early, ahead=True)
        await over
        assert len(await heard(early)) == 3
        late = stage.utterance("r2")
        await stage.studio.take_in(late, ahead=True)
        assert await heard(late) == await heard(early)
        assert stage.children == 1

    assert on_stage(tmp_path, play).ending == "stopped"


def test_several_shelves_have_a_segment_in_turn(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        # Before the first child is ready: it would have the first of r1 in hand before there is an r2.
        ends = [stage.studio.take_in(stage.utterance(f"r{n}"), ahead=True) for n in (1, 2)]
        await asyncio.gather(*ends)
        jobs = [note.job for note in stage.notes if isinstance(note, SegmentSpoken)]
        assert jobs == ["r1", "r2"] * 3

    on_stage(tmp_path, play)


def test_what_goes_ahead_is_spoken_before_what_does_not(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        long = stage.studio.take_in(stage.utterance("r1", THREE * 2), ahead=False)
        await stage.until(lambda: stage.spoken("r1") == 1)
        await stage.studio.take_in(stage.utterance("r2"), ahead=True)
        await long
        jobs = [note.job for note in stage.notes if isinstance(note, SegmentSpoken)]
        first = jobs.index("r2")
        assert jobs[first : first + 3] == ["r2"] * 3
        assert (jobs.count("r1"), jobs[-2:]) == (6, ["r1", "r1"])

    on_stage(tmp_path, play, **SLOW)


def test_a_reload_between_two_segments_loses_none_and_speaks_none_again(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        said = [stage.utterance("r1"), stage.utterance("r2")]
        ends = [stage.studio.take_in(one, ahead=True) for one in said]
        await stage.until(lambda: stage.spoken() == 1)
        other = config(memory__host__soft="1GiB", **SLOW)
        stage.studio.reload(config(memory__host__soft="2GiB", **SLOW))
        stage.studio.reload(other)  # the last one counts
        assert stage.studio.promised == other != stage.studio.config
        await asyncio.gather(*ends)
        assert stage.studio.config == stage.studio.promised == other
        assert (stage.spoken("r1"), stage.spoken("r2")) == (3, 3)
        assert await heard(said[0]) == await heard(said[1])
        assert stage.lives == [0, 1]  # the second runner counts on from there

    on_stage(tmp_path, play, **SLOW)


def test_nobodys_bytes_come_from_two_engines(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        begun, fresh, job = (stage.utterance(f"r{number}") for number in (1, 2, 3))
        ends = [stage.studio.take_in(one, ahead=one is begun) for one in (begun, job)]
        await stage.until(lambda: stage.spoken("r1") == 1)
        stage.studio.reload(config(engine__scripted__seconds_per_char=0.02, **SLOW))
        ends.append(stage.studio.take_in(fresh, ahead=True))
        told = await asyncio.gather(*ends, return_exceptions=True)
        assert [type(one) for one in told] == [EngineChanged, EngineChanged, type(None)]
        assert stage.spoken("r2") == 3
        again = stage.utterance("r4")
        await stage.studio.take_in(again, ahead=True)
        assert await heard(fresh) == await heard(again)

    on_stage(tmp_path, play, **SLOW)


def test_a_reload_before_the_first_runner_is_what_it_works_under(tmp_path: Path) -> None:
    other = config(memory__host__soft="1GiB")

    async def play(stage: Stage) -> None:
        assert stage.studio.runner is None
        stage.studio.reload(other)
        await stage.is_ready()
        assert stage.studio.config == other
        assert stage.lives == [0]

    on_stage(tmp_path, play)


def test_what_is_withdrawn_while_no_runner_is_there_is_over_at_once(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        over = stage.studio.take_in(stage.utterance(), ahead=True)
        stage.studio.withdraw("r1")
        assert over.done()
        stage.studio.withdraw("nobody")
        await stage.studio.take_in(stage.utterance("r2"), ahead=True)
        assert stage.spoken() == 0

    on_stage(tmp_path, play)


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16])
def test_what_is_withdrawn_during_a_reload_is_spoken_by_neither_runner(tmp_path: Path, turns: int) -> None:
    async def play(stage: Stage) -> None:
        over = stage.studio.take_in(stage.utterance(text=THREE * 20), ahead=True)
        await stage.until(lambda: stage.spoken() >= 1)
        stage.studio.reload(config(memory__host__soft="1GiB"))
        await stage.until(lambda: any(isinstance(n, ChildState) and n.state == "gone" for n in stage.notes))
        for _ in range(turns):
            await asyncio.sleep(0)
        spoken = stage.spoken()
        stage.studio.withdraw("r1")
        await asyncio.wait_for(over, 20)
        await stage.is_ready(2)
        await stage.studio.take_in(stage.utterance("r2"), ahead=True)
        assert stage.spoken() == spoken

    on_stage(tmp_path, play)


def test_what_is_withdrawn_in_mid_speech_is_over_when_the_child_is_through_with_it(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        over = stage.studio.take_in(stage.utterance(), ahead=True)
        await stage.until(lambda: stage.spoken() == 1)
        await stage.until(lambda: stage.is_speaking)
        stage.studio.withdraw("r1")
        assert not over.done()
        await over
        assert stage.spoken() == 1
        assert stage.children == 1

    on_stage(tmp_path, play, **SLOW)


def test_after_a_stop_nothing_is_taken_in_and_whoever_waits_is_let_go(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> None:
        stage = Stage(ledger, config(**SLOW))
        waits = stage.studio.take_in(stage.utterance("r1"), ahead=True)
        await stage.until(lambda: stage.spoken() == 1)
        stage.studio.stop("enough", at_once=False)
        late = stage.studio.take_in(stage.utterance("r2"), ahead=True)
        assert late.done()
        finish = await stage.running
        assert (finish.ending, finish.why) == ("stopped", "enough")
        assert not waits.done()
        stage.studio.close()
        await waits
        assert stage.spoken() == 2  # the segment in hand was finished
        assert stage.studio.take_in(stage.utterance("r3"), ahead=True).done()

    with closing(Ledger.open(tmp_path / "state")) as ledger:
        asyncio.run(run(ledger))


def test_what_no_other_child_would_mend_is_an_end(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> do.Finish:
        stage = Stage(ledger, config(engine__scripted__nonsense=1))
        stage.studio.take_in(stage.utterance(), ahead=True)
        return await stage.running

    with closing(Ledger.open(tmp_path / "state")) as ledger:
        finish = asyncio.run(run(ledger))
    assert finish.ending == "configuration"
    assert "nonsense" in finish.why


def test_a_full_disk_is_told_to_who_waits_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.is_ready()
        over = stage.studio.take_in(stage.utterance(text=THREE * 60), ahead=True)
        with pytest.raises(DiskFull, match="disk is full"):
            await over
        await stage.until(lambda: bool(stage.studio.room.refused_why))
        with pytest.raises(DiskFull):
            await stage.studio.take_in(stage.utterance("r2"), ahead=True)
        resize(tmp_path / "state", size_bytes=64 * 2**20)
        await stage.until(lambda: not stage.studio.room.refused_why)
        said = stage.utterance("r3")
        await stage.studio.take_in(said, ahead=True)
        assert len(await heard(said)) == 3
        texts = [note.text for note in stage.notes if isinstance(note, Notice) and note.name == "disk"]
        assert len(texts) == 2
        assert "disk is full" in texts[0]
        assert "room" in texts[1]

    with tiny_disk(tmp_path / "state", size_bytes=2**20):
        on_stage(tmp_path, play, engine__scripted__seconds_per_char=0.06, memory__poll_s=0.05)


def test_a_stop_does_not_wait_for_room(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        over = stage.studio.take_in(stage.utterance(text=THREE * 60), ahead=True)
        with pytest.raises(DiskFull):
            await over

    with tiny_disk(tmp_path / "state", size_bytes=2**20):
        finish = on_stage(tmp_path, play, engine__scripted__seconds_per_char=0.06, memory__poll_s=60.0)
    assert finish.ending == "stopped"
