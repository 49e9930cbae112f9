"""A template on the event loop, with real processes that do what a template should or should not."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import pytest

from supervisor.edge.template import become_reaper, start_template
from supervisor.errors import SupervisorError
from supervisor.loop import templatelink
from supervisor.loop.templatelink import Lost, TemplateLink
from supervisor.wire.forking import Born, FromTemplate, Prepare, Warm
from tests.standin.nest import dies

pytestmark = pytest.mark.processes

ORDER = Prepare(engine="scripted", device="cpu", settings={})

PRELUDE = """
import os, socket, sys, time
from supervisor.wire.forking import *
control = socket.socket(fileno=int(sys.argv[2]))
control.recv(1000)
def say(message): control.send(encode_packet(message))
"""
WARM = "say(Warm(weight_files=[], private_bytes=1, took_s=1.0))\n"


class Told:
    """What was told, one after the other."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._events: asyncio.Queue[FromTemplate | Lost] = asyncio.Queue()

    def take(self, event: FromTemplate | Lost) -> None:
        self._events.put_nowait(event)

    async def next(self) -> FromTemplate | Lost:
        return await asyncio.wait_for(self._events.get(), 15)

    async def lost(self) -> str:
        event = await self.next()
        assert isinstance(event, Lost), event
        return event.why

    @property
    def is_silent(self) -> bool:
        return self._events.empty()


def watch(act: Callable[[TemplateLink, Told], Awaitable[None]], script: str | None = None) -> Told:
    """Watch a template, or a script in its place, while `act` goes on; nothing of it is left then."""
    told = Told()

    async def run() -> None:
        assert become_reaper()
        program = ("-m", "child.template") if script is None else ("-c", PRELUDE + script)
        process = start_template(python=sys.executable, state_marker="/t", program=program)
        link = TemplateLink(process, tell=told.take, overheard=told.lines.append)
        link.prepare(ORDER, 15.0)
        try:
            await act(link, told)
        finally:
            link.close()
            link.close()
        assert link.is_over
        assert dies(link.pid, 0.0)

    asyncio.run(run())
    return told


def test_it_tells_what_the_template_answers() -> None:
    async def act(link: TemplateLink, told: Told) -> None:
        assert isinstance(await told.next(), Warm)
        for life in (1, 2):
            unborn = link.ask(life)
            born = await told.next()
            assert isinstance(born, Born)
            child = unborn.adopt(born.pid)
            child.end_now()
            child.close()

    watch(act)


def test_what_it_writes_is_overheard_and_its_death_told_with_the_last_line() -> None:
    async def act(_link: TemplateLink, told: Told) -> None:
        assert isinstance(await told.next(), Warm)
        assert await told.lost() == "exited with status 3: and died"
        assert told.is_silent

    told = watch(act, WARM + "os.write(2, b'was here\\nand died'); os._exit(3)")
    assert told.lines == ["was here", "and died"]


def test_what_was_answered_before_a_death_is_told_before_it() -> None:
    async def act(_link: TemplateLink, told: Told) -> None:
        assert isinstance(await told.next(), Warm)
        assert isinstance(await told.next(), Born)
        assert await told.lost() == "killed by SIGKILL"

    watch(act, WARM + "say(Born(life=1, pid=1)); os.kill(os.getpid(), 9)")


@pytest.mark.parametrize("how", ["mute", "stopped", "hung up"])
def test_one_that_does_not_answer_in_time_is_killed(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templatelink, "FORK_LIMIT_S", 0.3)
    scripts = {
        "mute": WARM + "time.sleep(600)",
        "stopped": None,
        "hung up": WARM + "control.close(); time.sleep(600)",
    }

    async def act(link: TemplateLink, told: Told) -> None:
        assert isinstance(await told.next(), Warm)
        if how == "stopped":
            os.kill(link.pid, signal.SIGSTOP)
        try:
            link.ask(1).close()
        except SupervisorError:
            assert how == "hung up"
        assert await told.lost() == "no answer within 0.3 s"
        await asyncio.to_thread(dies, link.pid, 5.0)

    watch(act, scripts[how])


def test_one_that_does_not_get_warm_in_time_is_killed() -> None:
    async def act(link: TemplateLink, told: Told) -> None:
        link.prepare(ORDER, 0.2)
        assert await told.lost() == "not warm after 0.2 s"

    watch(act, "time.sleep(600)")


def test_nonsense_is_a_loss() -> None:
    async def act(_link: TemplateLink, told: Told) -> None:
        assert "broke the contract" in await told.lost()

    watch(act, "control.send(b'nonsense'); time.sleep(600)")


def test_one_that_is_ended_on_purpose_tells_nothing_more() -> None:
    async def act(link: TemplateLink, told: Told) -> None:
        assert isinstance(await told.next(), Warm)
        link.end()
        async with asyncio.timeout(15):
            while not link.is_over:  # noqa: ASYNC110 -- nothing is told: that is what is tested
                await asyncio.sleep(0.005)
        assert told.is_silent

    watch(act)


def test_one_that_is_stopped_while_it_gets_warm_is_lost_long_before_its_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(templatelink, "STOP_LOOK_S", 0.05)

    async def act(link: TemplateLink, told: Told) -> None:
        link.prepare(ORDER, 300.0)
        os.kill(link.pid, signal.SIGSTOP)
        assert "stopped (SIGSTOP)" in await told.lost()

    watch(act, "time.sleep(600)")


def test_one_that_takes_long_to_get_warm_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templatelink, "STOP_LOOK_S", 0.01)

    async def act(link: TemplateLink, told: Told) -> None:
        link.prepare(ORDER, 300.0)
        assert isinstance(await told.next(), Warm)

    watch(act, "time.sleep(0.3)\n" + WARM + "time.sleep(600)")
