import asyncio
from pathlib import Path

import msgspec
import pytest

from supervisor.doors.http.health import health_of
from supervisor.loop.health import refused
from supervisor.loop.service import ServiceState, Status, Totals
from tests.supervisor.doors.http.visit import visiting


def status(state: ServiceState, *, ready: bool, why: str = "", ails: str = "") -> Status:
    health = [refused(ails, "2026-11-22T00:00:00Z")] if ails else []
    totals = Totals()
    return Status(
        state=state, why=why, ready=ready, health=health, child=None, queue=0, lives=[], totals=totals
    )


@pytest.mark.parametrize(("ready", "word"), [(True, "ok"), (False, "unavailable")])
def test_it_is_what_the_service_says_of_itself(ready: bool, word: str) -> None:
    found = health_of(status("idle", ready=ready))
    assert (found.status, found.ready, found.state, found.why) == (word, ready, "idle", "")


def test_why_not_is_said_and_what_ails_where_nothing_else_is() -> None:
    assert (
        health_of(status("paused", ready=False, why="the disk is full", ails="x")).why == "the disk is full"
    )
    assert "x" in health_of(status("idle", ready=True, ails="x")).why


def test_it_is_told_over_http(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.ask("GET", "/health")
            assert (answer.status, answer.json) == (
                200,
                msgspec.to_builtins(health_of(status("idle", ready=True))),
            )

    asyncio.run(run())
