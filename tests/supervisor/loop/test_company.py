"""What goes along with a job is opened with it and closed with it, and is told what it wants to know."""

import asyncio
import json
from pathlib import Path

import pytest

from supervisor.config import Given, load_config
from supervisor.core.notes import ChildState, MemoryDecision, Note, SegmentSpoken
from supervisor.core.traces import LifeReady
from supervisor.errors import GaveUp, TryLater
from supervisor.log import Log
from supervisor.loop.company import Company
from supervisor.loop.service import Steering
from supervisor.loop.serving import Facts, JobService

QUIET = Log(format="text", level="error")


class Door:
    """A door that remembers what was done with it."""

    def __init__(self, refusal: TryLater | None = None) -> None:
        self.done: list[str] = []
        self._refusal = refusal

    async def open(self, service: Steering) -> "Door":
        if self._refusal is not None:
            raise self._refusal
        self.done.append(f"open: {service.status().state}")
        return self

    async def close(self) -> None:
        self.done.append("close")


def company(door: Door | None, **settings: object) -> Company:
    given = [Given(key=key.replace("__", "."), value=value, origin="t") for key, value in settings.items()]
    service = JobService(Facts(job="j12", output="/x", pid=7, wall_s=lambda: 0.0))
    open_door = None if door is None else door.open
    return Company(
        load_config(options=given, environ={}),
        service,
        [] if open_door is None else [open_door],
        job="j12",
        log=QUIET,
    )


def shown(note: Note) -> None:
    raise AssertionError(f"nothing was to be said: {note}")


def test_a_door_is_open_while_the_job_runs_and_closed_after() -> None:
    door = Door()

    async def run() -> None:
        around = company(door)
        await around.enter(shown)
        assert door.done == ["open: planning"]
        await around.leave()

    asyncio.run(run())
    assert door.done == ["open: planning", "close"]


def test_a_door_that_must_open_and_does_not_ends_the_job_and_leaves_the_trace_closed(tmp_path: Path) -> None:
    async def run() -> None:
        around = company(Door(TryLater("in use")), memory__record=str(tmp_path / "trace"))
        try:
            await around.enter(shown)
        finally:
            await around.leave()

    with pytest.raises(TryLater, match="in use"):
        asyncio.run(run())


def test_what_is_recorded_is_in_the_file_when_the_job_is_over(tmp_path: Path) -> None:
    async def run() -> None:
        around = company(None, memory__record=str(tmp_path / "trace"))
        await around.enter(shown)
        (record,) = around.traces
        record(LifeReady(t=1.0, life=1))
        await around.leave()

    asyncio.run(run())
    first = json.loads((tmp_path / "trace").read_text().splitlines()[0])
    assert (first["kind"], first["life"]) == ("ready", 1)


def test_without_a_file_nothing_is_recorded() -> None:
    assert company(None).traces == ()


def test_alerts_are_told_before_the_job_is_left(tmp_path: Path) -> None:
    told = tmp_path / "told"

    async def run() -> None:
        around = company(None, alerts__command=["sh", "-c", 'cat >> "$1"', "sh", str(told)])
        await around.enter(shown)
        flag = MemoryDecision(
            life=1, action="flag", policy="leak", why="20 MiB a segment", memory={"live": 5}
        )
        gone = ChildState(
            life=1,
            state="gone",
            why="leak: 20 MiB",
            signal=None,
            memory={},
            planned=True,
            recycled=True,
            ending="recycled",
            reason="leak",
        )
        spoken = SegmentSpoken(job="j12", segment=0, seconds=1.0, sha256="", attempts=1)
        for note in (flag, spoken, gone):
            around.note(note)
        around.failed(GaveUp("a crash loop"))
        await around.leave()

    asyncio.run(run())
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert [(one["event"], one["life"], one["policy"]) for one in events] == [
        ("exhaustion_foreseen", 1, "leak"),
        ("recycle", 1, "leak"),
        ("terminal", None, None),
    ]
    assert events[1]["memory"] == {"live": 5}
    assert events[2]["exit_code"] == 78


def test_without_a_command_nobody_is_told() -> None:
    around = company(None)
    around.failed(GaveUp("a crash loop"))
