"""What a service says of itself before a child told its voices; with real children in test_house.py."""

import asyncio

from supervisor.core.notes import ChildState
from supervisor.loop.introduction import Introduction
from tests.supervisor.loop.floors import config


def test_without_a_child_it_is_said_at_the_end_of_patience_that_there_are_no_voices() -> None:
    found = asyncio.run(Introduction(config, lambda: None).heard(patience_s=0.01))
    assert (found.engine, found.voices, found.sample_rates) == ("scripted", [], [])


def test_nobody_waits_for_a_child_that_will_not_come() -> None:
    async def run() -> None:
        one = Introduction(config, lambda: None)
        waiting = asyncio.ensure_future(one.heard(patience_s=3600))
        await asyncio.sleep(0)
        one.note(ChildState(life=1, state="starting", why="", signal=None, memory={}))
        assert not waiting.done()
        one.over()
        assert (await waiting).voices == []

    asyncio.run(run())
