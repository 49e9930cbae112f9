"""Callers take turns; of one caller the order is that in which he asked; no turn is lost or given twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.config import QueueConfig
from supervisor.loop.service import CannotAsk
from supervisor.loop.turns import Turns


class Crowd:
    """Who asks for turns, and who had one, in order."""

    def __init__(self, *, running: int = 1, waiting: int = 1000) -> None:
        self.terms = QueueConfig(max_running=running, max_waiting=waiting)
        self.turns = Turns(lambda: self.terms)
        self.had: list[str] = []
        self.most = 0
        self._may_end: dict[str, asyncio.Event] = {}

    def ask(self, who: str) -> "asyncio.Task[None]":
        """Ask for one turn; `who` is the caller, a dash, and whatever tells his requests apart."""
        self._may_end[who] = asyncio.Event()
        return asyncio.ensure_future(self._have(who))

    async def _have(self, who: str) -> None:
        async with self.turns.take(who.partition("-")[0]):
            self.had.append(who)
            self.most = max(self.most, self.turns.running)
            await self._may_end[who].wait()

    async def end(self, who: str) -> None:
        self._may_end[who].set()
        await settle()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def in_crowd(do: Callable[[Crowd], Awaitable[None]], **terms: int) -> None:
    async def run() -> None:
        crowd = Crowd(**terms)
        await do(crowd)

    asyncio.run(run())


def test_who_sends_sixty_at_once_has_another_wait_for_one_of_them() -> None:
    async def do(crowd: Crowd) -> None:
        tasks = [crowd.ask(f"hog-{number}") for number in range(60)]
        await settle()
        tasks.append(crowd.ask("home-0"))
        await settle()
        await crowd.end("hog-0")
        assert crowd.had == ["hog-0", "home-0"]
        await crowd.end("home-0")
        for number in range(1, 60):
            await crowd.end(f"hog-{number}")
        assert crowd.had[2:] == [f"hog-{number}" for number in range(1, 60)], "each in his own order"
        await asyncio.gather(*tasks)

    in_crowd(do)


def test_of_several_callers_each_has_one_in_turn() -> None:
    async def do(crowd: Crowd) -> None:
        asked = ["a-0", "a-1", "a-2", "b-0", "b-1", "c-0", "c-1"]
        tasks = [crowd.ask(who) for who in asked]
        for _ in asked:
            await settle()
            await crowd.end(crowd.had[-1])
        assert crowd.had == ["a-0", "b-0", "c-0", "a-1", "b-1", "c-1", "a-2"]
        await asyncio.gather(*tasks)

    in_crowd(do)


def test_one_more_than_may_wait_is_busy_whoever_asks() -> None:
    async def do(crowd: Crowd) -> None:
        tasks = [crowd.ask("a-0"), crowd.ask("a-1")]
        await settle()
        with pytest.raises(CannotAsk, match=r"queue\.max_waiting") as caught:
            await crowd.ask("b-0")
        assert (caught.value.kind, caught.value.retryable) == ("busy", True)
        await crowd.end("a-0")
        await crowd.end("a-1")
        await asyncio.gather(*tasks)

    in_crowd(do, waiting=1)


def test_the_end_is_told_to_all_who_wait_and_all_who_come() -> None:
    async def do(crowd: Crowd) -> None:
        first, second = crowd.ask("a-0"), crowd.ask("b-0")
        await settle()
        crowd.turns.close()
        for late in (second, crowd.ask("c-0")):
            with pytest.raises(CannotAsk) as caught:
                await late
            assert caught.value.kind == "shutting_down"
        await crowd.end("a-0")
        await first

    in_crowd(do)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), running=st.integers(1, 3))
def test_whoever_comes_and_goes_no_turn_is_lost_and_nobody_is_passed_over_twice(
    seed: int, running: int
) -> None:
    async def do(crowd: Crowd) -> None:
        chance = random.Random(seed)
        tasks: dict[str, asyncio.Task[None]] = {}
        for number in range(40):
            who = f"{chance.choice('abcd')}-{number}"
            tasks[who] = crowd.ask(who)
            if chance.random() < 0.5:
                await settle()
            match chance.randrange(4):
                case 0:
                    tasks[chance.choice(list(tasks))].cancel()
                case 1:
                    await crowd.end(chance.choice(list(tasks)))
                case _:
                    pass
        for who in tasks:
            await crowd.end(who)
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        stayed = [who for who, result in zip(tasks, results, strict=True) if result is None]
        assert set(stayed) <= set(crowd.had)
        assert max(Counter(crowd.had).values()) == 1
        assert crowd.most <= running
        assert (crowd.turns.running, crowd.turns.waiting) == (0, 0)
        for caller in "abcd":
            own = [int(who[2:]) for who in crowd.had if who.startswith(caller)]
            assert own == sorted(own), "of one caller, in the order in which he asked"

    in_crowd(do, running=running)
