import asyncio
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from supervisor.doors.http.health import health_of
from supervisor.loop.service import ChildStatus, ServiceState, Status, Totals
from tests.supervisor.doors.http.visit import visiting


def status(state: ServiceState, *, child: bool = True, ready: bool = True, why: str = "") -> Status:
    found = ChildStatus(pid=1, life=1, ready=ready, device="cpu", segments=0, memory={})
    return Status(state=state, why=why, child=found if child else None, queue=0, lives=[], totals=Totals())


@pytest.mark.parametrize("state", get_args(ServiceState))
def test_speech_would_work_in_few_states(state: ServiceState) -> None:
    assert health_of(status(state)).ready == (state in {"narrating", "idle", "releasing"})


def test_a_child_that_is_not_ready_speaks_to_nobody() -> None:
    assert not health_of(status("narrating", ready=False)).ready
    assert not health_of(status("narrating", child=False)).ready


def test_a_child_that_was_ended_for_want_of_work_comes_with_the_next_text() -> None:
    assert health_of(status("idle", child=False)).ready


def test_why_not_is_said() -> None:
    found = health_of(status("paused", why="the disk is full"))
    assert (found.status, found.state, found.why) == ("unavailable", "paused", "the disk is full")


def test_it_is_told_over_http(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.ask("GET", "/health")
            assert (answer.status, answer.json) == (200, msgspec.to_builtins(health_of(status("idle"))))

    asyncio.run(run())
