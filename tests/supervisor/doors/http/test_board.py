"""What is gathered for who looks on, and what is not gathered for nobody."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from supervisor.core.notes import ChildState, MemoryDecision, Progress
from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.http.board import MOST_JOBS, Board
from supervisor.doors.http.fence import Fence
from supervisor.log import Log
from supervisor.loop.service import GivenBack
from supervisor.loop.sights import BroomUsed, MemoryReading
from supervisor.loop.speaking import Submission
from tests.supervisor.doors.http.visit import Json, until
from tests.supervisor.doors.memory_service import MemoryService, memory_service

if TYPE_CHECKING:
    from supervisor.doors.http.viewers import Viewer
    from supervisor.loop.sights import Memory

READ = MemoryReading(device=0, name="cpu", of="host", total=100, ours=7, others=20, soft=50, hard=70)
PAUSED = MemoryDecision(life=2, action="pause", policy="watermark", why="others hold it", memory={})
DIED = ChildState(life=1, state="gone", why="", signal=None, memory={}, ending="hung")
READY = ChildState(life=2, state="ready", why="", signal=None, memory={})


def progress(job: str) -> Progress:
    return Progress(
        job=job,
        segment=1,
        segments=2,
        chapter=1,
        chapters=1,
        title="A secret",
        audio_seconds=1.0,
        wall_seconds=1.0,
        speed=1.0,
        eta_seconds=None,
        recycles=0,
        deaths=0,
    )


def events(text: bytes) -> list[tuple[str, Json]]:
    blocks = [block.split(b"\n") for block in text.split(b"\n\n") if block]
    return [(name[7:].decode(), cast("Json", json.loads(content[6:]))) for name, content in blocks]


class Hall:
    """A service, and a board that tells what it does."""

    def __init__(self, service: MemoryService, folder: Path) -> None:
        self.service = service
        self.room = Room(1 << 20, folder)
        self.logged: list[str] = []
        log = Log(format="text", level="error", write=self.logged.append)
        self.board = Board(service, Fence([str(folder / "out")]), log, lambda: 1000.0)

    def viewing(self) -> "Looking":
        return Looking(self)


class Looking:
    """One who looks on and reads all."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._viewing = hall.board.viewing(Backlog(hall.room))
        self.told: list[tuple[str, Json]] = []

    def __enter__(self) -> "Looking":
        self._viewer: Viewer = self._viewing.__enter__()
        self._viewer.begin(self._hall.board.everything())
        return self

    def __exit__(self, *_: object) -> None:
        self._viewing.__exit__(None, None, None)

    def read(self) -> list[tuple[str, Json]]:
        whole = b""
        while piece := self._viewer.take(1000):
            whole += piece
        self.told += events(whole)
        return self.told

    def names(self) -> list[str]:
        return [name for name, _ in self.read()]


def hall(folder: Path, do: Callable[[Hall], Awaitable[None]]) -> None:
    async def run() -> None:
        async with memory_service(folder) as service:
            hall = Hall(service, folder)
            try:
                await do(hall)
            finally:
                service.may_go.set()
                hall.board.close()

    asyncio.run(run())


def test_without_a_viewer_nothing_is_asked_of_the_service(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        hall.service.sights.show(READ)
        hall.service.tell(READY)
        hall.service.sights.moved("j1")
        await asyncio.sleep(0)
        assert hall.service.asked == []
        with hall.viewing() as one:
            assert hall.board.viewers == 1
            ((name, everything),) = one.read()
            assert (name, everything["at"]) == ("all", 1000.0)
            assert everything["moments"] == [{"kind": "began", "at": 1000.0, "life": 2}]
            assert len(cast("list[object]", everything["series"])) == 1
        assert hall.board.viewers == 0

    hall(tmp_path, do)


def test_a_job_is_told_when_it_changed_and_not_when_it_did_not(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        with hall.viewing() as one:
            taken = await hall.service.submit(Submission(output=f"{tmp_path}/out/x.wav", text="Hm. Ah. Oh."))
            await until(lambda: ("job", "done") in [(n, c.get("state")) for n, c in one.read()])
            jobs = [content for name, content in one.told if name == "job"]
            assert [one["name"] for one in jobs] == ["x.wav"] * len(jobs)
            before = len(jobs)
            hall.service.sights.moved(taken.job)
            await until(lambda: one.names().count("status") >= 2)
            assert one.names().count("job") == before
            hall.service.sights.moved("jnobody")
        with hall.viewing() as late:
            ((_, everything),) = late.read()
            (job,) = cast("list[Json]", everything["jobs"])
            assert (job["job"], job["state"], job["is_audible"]) == (taken.job, "done", True)

    hall(tmp_path, do)


def test_progress_is_told_without_the_title_while_a_job_is_under_way(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        hall.service.may_go.clear()
        for number in range(40):
            hall.service.tell(progress(f"j{number}"))
        taken = await hall.service.submit(Submission(output="x", text="Hm. Ah."))
        hall.service.may_go.set()
        with hall.viewing() as one:
            await until(lambda: any(content.get("progress") for name, content in one.read() if name == "job"))
            await until(lambda: ("job", "done") in [(n, c.get("state")) for n, c in one.read()])
            last = [content for name, content in one.told if name == "job"][-1]
            assert (last["job"], last["progress"], last["is_audible"]) == (taken.job, None, False)
            assert "secret" not in json.dumps(one.told)

    hall(tmp_path, do)


def test_the_latest_jobs_are_told(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        for number in range(MOST_JOBS + 3):
            await hall.service.submit(Submission(output=f"{number}", text="Hm."))
        with hall.viewing() as one:
            ((_, everything),) = one.read()
            names = [job["name"] for job in cast("list[Json]", everything["jobs"])]
            assert names == [str(number) for number in range(3, MOST_JOBS + 3)]
            await hall.service.submit(Submission(output="one more", text="Hm."))
            await until(lambda: "one more" in [content.get("name") for _, content in one.read()])
            with hall.viewing() as other:
                jobs = cast("list[Json]", other.read()[0][1]["jobs"])
                assert (len(jobs), jobs[-1]["name"]) == (MOST_JOBS, "one more")

    hall(tmp_path, do)


def test_a_job_that_stands_still_for_want_of_memory_is_told_though_only_the_decision_is_noted(
    tmp_path: Path,
) -> None:
    async def do(hall: Hall) -> None:
        with hall.viewing() as one:
            hall.service.listen(lambda _: hall.service.may_go.clear())  # one segment, and no more
            taken = await hall.service.submit(Submission(output="x", text="Hm. Ah. Oh. Uh."))
            await until(lambda: ("job", "running") in [(n, c.get("state")) for n, c in one.read()])
            hall.service.stand_still(taken.job)
            hall.service.tell(PAUSED)
            await until(lambda: ("job", "paused") in [(n, c.get("state")) for n, c in one.read()])

    hall(tmp_path, do)


def test_the_broom_is_a_moment(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        with hall.viewing() as one:
            gave = GivenBack(before_bytes=9, after_bytes=4, took_s=0.5)
            hall.service.sights.show(BroomUsed(what="recycle", gave=gave))
            assert one.read()[-1] == (
                "moment",
                {
                    "kind": "gave_back",
                    "at": 1000.0,
                    "what": "recycle",
                    "of": "host",
                    "before_bytes": 9,
                    "after_bytes": 4,
                    "took_s": 0.5,
                },
            )

    hall(tmp_path, do)


def test_a_bug_in_what_is_told_is_logged_and_ends_nothing(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        hall.service.tell(replace(DIED, why=cast("str", None)))
        hall.service.sights.show(msgspec.structs.replace(READ, of=cast("Memory", [])))
        assert ["TypeError" in line for line in hall.logged] == [True, True]
        hall.service.tell(READY)
        with hall.viewing() as one:
            assert len(cast("list[Json]", one.read()[0][1]["moments"])) == 1

    hall(tmp_path, do)


def test_many_notes_are_one_status(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        with hall.viewing() as one:
            for _ in range(100):
                hall.service.tell(READY)
            await until(lambda: "status" in one.names())
            await asyncio.sleep(0)
            assert one.names().count("status") == 1
            assert one.names().count("moment") == 100

    hall(tmp_path, do)


def test_a_closed_board_listens_no_more_and_lets_viewers_end(tmp_path: Path) -> None:
    async def do(hall: Hall) -> None:
        with hall.viewing() as one:
            hall.board.close()
            hall.service.sights.show(READ)
            assert one.names() == ["all"]
        assert hall.service.listeners == 0

    hall(tmp_path, do)


def test_a_release_that_nobody_decided_is_a_moment_and_others_are_told_once(tmp_path: Path) -> None:
    def releasing(why: str) -> ChildState:
        return ChildState(life=2, state="releasing", why=why, signal=None, memory={})

    async def do(hall: Hall) -> None:
        hall.service.tell(releasing("out of memory within a segment"))
        hall.service.tell(
            MemoryDecision(life=2, action="clean", policy="watermark", why="over it", memory={})
        )
        hall.service.tell(releasing("watermark: over it"))
        hall.service.tell(releasing("asked for"))
        with hall.viewing() as one:
            ((_, everything),) = one.read()
        moments = cast("list[Json]", everything["moments"])
        assert [(moment["kind"], moment["why"]) for moment in moments] == [
            ("released", "out of memory within a segment"),
            ("decided", "over it"),
        ]

    hall(tmp_path, do)
