"""The nursery with real templates and children: what comes, and from where."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil
import pytest

from supervisor.core.readings import HostReading
from supervisor.edge import proc
from supervisor.edge.process import ChildProcess
from supervisor.errors import ConfigError, SupervisorError
from supervisor.loop import nursery as nurseries
from supervisor.loop import templatelink
from supervisor.loop.nursery import MOST_LOSSES, Nursery
from supervisor.wire.messages import Hello
from tests.child import warm_engine
from tests.standin.nest import Grown, descriptors, dies, hello, left_unreaped

if TYPE_CHECKING:
    from supervisor.core.notes import Notice

pytestmark = pytest.mark.processes


class Home:
    """A nursery and what it told."""

    def __init__(self, said: Hello, start: Literal["template", "cold"], limit_s: float) -> None:
        self.notices: list[Notice] = []
        self.lines: list[str] = []
        self._said = said
        self.nursery = Nursery(
            python=sys.executable,
            state_marker="/t",
            start=start,
            hello=said,
            notice=self.notices.append,
            overheard=self.lines.append,
            warm_limit_s=limit_s,
        )

    def ask(self, life: int = 1) -> "asyncio.Future[ChildProcess | SupervisorError]":
        answer: asyncio.Future[ChildProcess | SupervisorError] = asyncio.get_running_loop().create_future()
        self.nursery.start(life, answer.set_result)
        return answer

    async def child(self, life: int = 1) -> Grown:
        return self.grown(await asyncio.wait_for(self.ask(life), 30))

    def grown(self, came: ChildProcess | SupervisorError) -> Grown:
        assert isinstance(came, ChildProcess), came
        return Grown(came, self._said)

    @property
    def template(self) -> int:
        assert self.nursery.pid is not None
        return self.nursery.pid


def live(
    act: Callable[[Home], Awaitable[None]],
    said: Hello | None = None,
    *,
    start: Literal["template", "cold"] = "template",
    limit_s: float = 30.0,
) -> Home:
    """Let `act` use a nursery; returns it, closed."""
    homes: list[Home] = []

    async def run() -> None:
        home = Home(said or hello(), start, limit_s)
        homes.append(home)
        try:
            await act(home)
        finally:
            home.nursery.close()
            home.nursery.close()

    asyncio.run(run())
    return homes[0]


def is_forked(child: Grown) -> bool:
    """A cold child has the number of its life in its environment, a forked one the template's own."""
    child.greet()  # until its program begins, a cold one shows the environment of this process
    entries = proc.environment(child.pid)
    return not any(entry.startswith(b"TTS_SUPERVISOR_LIFE=") for entry in entries)


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not seen():  # noqa: ASYNC110 -- the nursery tells nobody of this: it is looked at
            await asyncio.sleep(0.005)


async def gone(pid: int) -> None:
    assert await asyncio.to_thread(dies, pid, 10.0)


def test_children_come_from_one_template_which_is_gone_after() -> None:
    pids: list[int] = []

    async def act(home: Home) -> None:
        assert home.nursery.pid is None
        for life in (1, 2):
            child = await home.child(life)
            assert is_forked(child)
            child.ready()
            assert child.leave() == "exited with status 0"
            pids.append(home.template)

    home = live(act)
    assert pids[0] == pids[1]
    assert dies(pids[0], 0.0)
    assert (home.notices, home.lines) == ([], [])


def test_several_may_be_asked_for_while_it_gets_warm() -> None:
    async def act(home: Home) -> None:
        came = await asyncio.gather(*[home.ask(life) for life in (1, 2, 3)])
        children = [home.grown(one) for one in came]
        assert all(map(is_forked, children))
        for child in children:
            child.ready()
            child.kill()

    live(act)


def test_cold_means_cold() -> None:
    async def act(home: Home) -> None:
        answer = home.ask()
        assert answer.done()  # before `start` returned
        child = home.grown(answer.result())
        assert not is_forked(child)
        child.ready()
        child.kill()
        assert home.nursery.pid is None

    assert live(act, start="cold").notices == []


@pytest.mark.parametrize("start", ["template", "cold"])
def test_what_prevents_every_start_is_given_back_as_the_reason(start: Literal["template", "cold"]) -> None:
    async def run() -> None:
        home = Home(hello(), start, 30.0)
        home.nursery._python = "/no/such/python"  # pyright: ignore[reportPrivateUsage] -- the one thing that is wrong
        came = await home.ask()
        assert isinstance(came, SupervisorError)
        assert "child.python" in str(came)
        home.nursery.close()

    asyncio.run(run())


def test_settings_that_no_start_can_use_start_no_child_and_are_told_once() -> None:
    async def act(home: Home) -> None:
        came = await asyncio.wait_for(asyncio.gather(*[home.ask(life) for life in (1, 2)]), 30)
        assert all(isinstance(one, ConfigError) for one in came)
        assert "engine.scripted.load_s" in str(came[0])
        assert home.nursery.pid is None

    home = live(act, hello(load_s=-1.0))
    assert home.notices == []


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("a bug", "ZeroDivisionError: no engine is perfect"),
        ("a thread", "2 threads run in the template"),
    ],
)
def test_an_engine_that_cannot_be_prepared_is_started_cold_and_that_is_said_once(
    manner: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warm_engine.install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)

    async def act(home: Home) -> None:
        for life in (1, 2):
            child = await home.child(life)
            child.ready()
            child.kill()
        assert home.nursery.pid is None

    home = live(act, hello(warm_engine.NAME, manner=manner))
    (notice,) = home.notices
    assert (notice.level, notice.name) == ("warning", "template")
    assert words in notice.text
    assert 'child.start = "cold"' in notice.text


def test_a_thread_that_comes_later_ends_the_forking_and_the_child_comes_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warm_engine.install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)

    async def act(home: Home) -> None:
        (await home.child()).kill()
        child = await home.child(2)
        child.ready()
        child.kill()
        assert home.nursery.pid is None

    (notice,) = live(act, hello(warm_engine.NAME, manner="a thread later")).notices
    assert "threads run in the template" in notice.text


def test_one_that_dies_while_it_gets_warm_costs_nobody_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warm_engine.install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)

    async def act(home: Home) -> None:
        for life in range(1, MOST_LOSSES + 2):
            child = await home.child(life)
            child.ready()
            child.kill()
        assert home.nursery.pid is None

    (notice,) = live(act, hello(warm_engine.NAME, manner="a crash")).notices
    assert f"it was lost {MOST_LOSSES} times, at last: killed by SIGABRT" in notice.text


def test_one_that_takes_too_long_to_get_warm_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warm_engine.install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)

    async def act(home: Home) -> None:
        child = await home.child()
        child.ready()
        child.kill()

    live(act, hello(warm_engine.NAME, manner="no end"), limit_s=0.5)


def test_one_that_is_killed_while_idle_is_replaced_at_once() -> None:
    async def act(home: Home) -> None:
        (await home.child()).kill()
        first = home.template
        os.kill(first, signal.SIGKILL)
        await until(lambda: home.nursery.pid not in (first, None))
        child = await home.child(2)
        assert is_forked(child)
        child.kill()

    home = live(act)
    assert (home.notices, home.lines) == ([], ["the template is lost: killed by SIGKILL"])


def test_one_that_is_stopped_is_replaced_and_the_child_comes_cold_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(templatelink, "FORK_LIMIT_S", 0.3)

    async def act(home: Home) -> None:
        (await home.child()).kill()
        first = home.template
        os.kill(first, signal.SIGSTOP)
        cold = await home.child(1)
        assert not is_forked(cold)
        cold.ready()
        cold.kill()
        assert home.template != first
        await gone(first)
        child = await home.child(2)
        assert is_forked(child)
        child.kill()

    assert live(act).notices == []


def test_losses_that_go_on_and_on_end_with_cold_starts_and_one_word_about_it() -> None:
    async def act(home: Home) -> None:
        (await home.child()).kill()
        for _ in range(MOST_LOSSES):
            pid = home.template
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: home.nursery.pid != pid)
            if home.nursery.pid is not None:
                await until(lambda: home.nursery.is_warm)  # again, though no child comes of it
        child = await home.child(1)
        assert not is_forked(child)
        child.kill()
        (await home.child(2)).kill()

    (notice,) = live(act).notices
    assert "it was lost 3 times, at last: killed by SIGKILL" in notice.text


def test_a_template_that_leaves_no_room_for_a_child_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    tight = HostReading(total_bytes=2**30, available_bytes=2**20, child_private_bytes=None)

    def read_host(_pid: int | None) -> HostReading:
        return tight

    monkeypatch.setattr(nurseries, "read_host", read_host)

    async def act(home: Home) -> None:
        child = await home.child()
        assert not is_forked(child)
        child.kill()
        assert home.nursery.pid is None

    (notice,) = live(act).notices
    assert "of memory and only 1 MiB are left for a child beside it" in notice.text


def test_the_loop_never_waits_for_it() -> None:
    async def act(home: Home) -> None:
        longest_s = 0.0

        async def tick() -> None:
            nonlocal longest_s
            while True:
                began_s = time.thread_time()
                await asyncio.sleep(0.005)
                longest_s = max(longest_s, time.thread_time() - began_s)

        ticking = asyncio.ensure_future(tick())
        (await home.child()).kill()
        (await home.child(2)).kill()
        ticking.cancel()
        assert longest_s < 0.2

    live(act)


def test_nobody_is_called_after_the_end() -> None:
    async def act(home: Home) -> None:
        waiting = home.ask()
        home.nursery.close()
        late = home.ask(2)
        await asyncio.sleep(0)
        assert not waiting.done()
        assert not late.done()
        assert home.nursery.pid is None

    live(act)


def test_weights_are_learned_from_the_template_and_from_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in warm_engine.install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    asked: list[list[str]] = []

    async def act(home: Home) -> None:
        prefetcher = home.nursery._prefetcher  # pyright: ignore[reportPrivateUsage] -- what the kernel is asked is its own test
        monkeypatch.setattr(prefetcher, "fetch", asked.append)
        home.nursery.prefetch()
        (await home.child()).kill()
        home.nursery.learn_weights(["/from/a/child", "/from/the/template"])
        home.nursery.prefetch()

    live(act, hello(warm_engine.NAME, weights="/from/the/template"))
    assert asked == [[], ["/from/the/template", "/from/a/child"]]


def test_a_hundred_children_leave_nothing_here() -> None:
    async def act(home: Home) -> None:
        async def once(life: int) -> None:
            child = await home.child(life)
            if life % 10 == 0:
                child.ready()
            child.kill()

        for life in range(1, 11):
            await once(life)
        gc.collect()  # what other tests left to it is not counted here
        before = len(descriptors(os.getpid())), psutil.Process().num_threads()
        for life in range(11, 111):
            await once(life)
        gc.collect()
        after = len(descriptors(os.getpid())), psutil.Process().num_threads()
        assert after[0] <= before[0]
        assert after[1] <= before[1]
        assert left_unreaped() == []

    live(act, hello("espeak"))
