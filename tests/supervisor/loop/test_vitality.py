"""A pulse on a real loop and a real socket: fed while the loop works, silent when it does not."""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.edge.sdnotify import Notifier
from supervisor.loop.overdue import late
from supervisor.loop.vitality import BEATS, Vitality
from tests.tree import ROOT


class Service:
    """The service manager's end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def notifier(self, watchdog_s: float | None) -> Notifier:
        return Notifier(str(self.path), watchdog_s=watchdog_s)

    def heard(self) -> list[str]:
        found: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(65536).decode())
        return found

    async def next(self) -> str:
        return (await asyncio.get_running_loop().sock_recv(self.socket, 65536)).decode()

    async def until(self, message: str) -> list[str]:
        heard: list[str] = []
        while message not in heard:
            heard.append(await self.next())
        return heard


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "notify")
    yield service
    service.socket.close()


class Clock:
    """The time, as a test has it."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_an_idle_loop_feeds_the_watchdog(service: Service) -> None:
    async def idle() -> None:
        with Vitality(service.notifier(0.03)):
            for _ in range(20):
                assert await service.next() == "WATCHDOG=1"

    began_s = time.monotonic()
    asyncio.run(idle())
    assert time.monotonic() - began_s >= 19 * 0.03 / BEATS


def test_what_is_overdue_starves_it_and_is_told_once(service: Service) -> None:
    clock, told = Clock(), list[str]()

    async def waits() -> None:
        with Vitality(service.notifier(0.03), told=told.append, now_s=clock) as vitality:
            vitality.status("speaks")
            with vitality.waiting("the ledger's write", 2.0):
                assert await service.next() == "WATCHDOG=1"
                assert vitality.overdue() == []
                clock.s += 12.0
                await service.until("STATUS=speaks; the ledger's write is 10 s late")
                heard = service.heard()
                await asyncio.sleep(0.1)  # ten beats
                heard += service.heard()
                assert heard == []
            assert (await service.until("WATCHDOG=1"))[-1] == "WATCHDOG=1"
            clock.s += 1.0
            await service.until("STATUS=speaks")

    asyncio.run(waits())
    assert told == ["the ledger's write is 10 s late"]


def test_a_question_that_finds_something_late_starves_it(service: Service) -> None:
    clock = Clock()
    due_s: list[float | None] = [None]

    async def asks() -> None:
        with Vitality(service.notifier(0.03), now_s=clock) as vitality:
            unwatch = vitality.watch(lambda at_s: late("the next look", due_s[0], at_s))
            await service.until("WATCHDOG=1")
            due_s[0] = clock.s - 60
            await service.until("STATUS=the next look is 60 s late")
            assert vitality.overdue() == ["the next look is 60 s late"]
            assert "WATCHDOG=1" not in service.heard()
            unwatch()
            unwatch()
            await service.until("WATCHDOG=1")

    asyncio.run(asks())


def test_a_start_is_extended_in_slices_until_it_is_over_and_no_longer(service: Service) -> None:
    clock = Clock()

    async def starts() -> None:
        with Vitality(service.notifier(3.0), now_s=clock) as vitality:
            vitality.extend(20.0)
            assert service.heard() == ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=3000000"]
            clock.s += 18.5
            vitality.extend(1.0)  # shorter than what is granted: the longer one holds
            assert service.heard() == ["EXTEND_TIMEOUT_USEC=1500000"]
            vitality.ready()
            vitality.extend(60.0)
            assert service.heard() == ["READY=1"]
            vitality.stopping()
            vitality.extend(60.0)
            assert service.heard() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=3000000"]

    asyncio.run(starts())


def test_a_start_is_extended_with_each_beat_even_where_no_watchdog_is_set(service: Service) -> None:
    async def starts() -> None:
        with Vitality(service.notifier(0.03)) as vitality:
            vitality.extend(60.0)
            for _ in range(5):
                await service.until("EXTEND_TIMEOUT_USEC=30000")
            vitality.ready()
            await service.until("READY=1")
            assert {await service.next() for _ in range(5)} == {"WATCHDOG=1"}
        with Vitality(service.notifier(None)) as vitality:
            vitality.extend(60.0)
            assert service.heard()[-1:] == ["EXTEND_TIMEOUT_USEC=15000000"]

    asyncio.run(starts())


def test_each_phase_is_said_once_and_only_where_it_fits(service: Service) -> None:
    clock = Clock()

    async def lives() -> None:
        with Vitality(service.notifier(None), now_s=clock) as vitality:
            vitality.reloading()  # not ready yet: there is nothing to reload
            vitality.ready()
            vitality.ready()
            vitality.reloading()
            vitality.reloading()
            vitality.ready()
            vitality.stopping("parks the work")
            vitality.stopping()
            vitality.reloading()
            vitality.ready()

    asyncio.run(lives())
    assert service.heard() == [
        "READY=1",
        "RELOADING=1\nMONOTONIC_USEC=100000000",
        "READY=1",
        "STOPPING=1",
        "STATUS=parks the work",
    ]


def test_status_lines_that_come_too_fast_leave_the_last_one(service: Service) -> None:
    async def talks() -> list[str]:
        with Vitality(service.notifier(None)) as vitality:
            for number in range(1000):
                vitality.status(f"segment {number}")
            return await service.until("STATUS=segment 999")

    assert asyncio.run(talks()) == ["STATUS=segment 0", "STATUS=segment 999"]


def test_a_status_that_is_followed_shows_when_it_changes_and_is_not_said_twice(service: Service) -> None:
    async def follows() -> list[str]:
        stands = ["speaks"]
        with Vitality(service.notifier(None)) as vitality:
            vitality.follow(lambda: stands[0], 0.01)
            heard = [await service.next()]
            stands[0] = "waits: the disk is full"
            heard.append(await service.next())
            await asyncio.sleep(0.5)  # fifty questions, and two lines that could be said
            return heard + service.heard()

    assert asyncio.run(follows()) == ["STATUS=speaks", "STATUS=waits: the disk is full"]


def test_what_a_busy_manager_did_not_take_is_said_again_in_order(service: Service) -> None:
    async def insists() -> list[str]:
        with Vitality(service.notifier(0.03)) as vitality:
            filler = service.notifier(None)
            while filler.tell("X=1"):
                pass
            filler.close()
            vitality.ready()
            vitality.stopping("parks")
            return await service.until("STATUS=parks")

    heard = [line for line in asyncio.run(insists()) if line not in ("X=1", "WATCHDOG=1")]
    assert heard == ["READY=1", "STOPPING=1", "STATUS=parks"]


def test_without_a_service_manager_nothing_ticks() -> None:
    async def alone() -> None:
        with Vitality(Notifier()) as vitality:
            vitality.extend(5.0)
            vitality.status("speaks")
            vitality.follow(lambda: "speaks", 0.01)
            vitality.ready()
            vitality.reloading()
            vitality.stopping("parks")
            loop = asyncio.get_running_loop()
            assert not getattr(loop, "_scheduled", [])

    asyncio.run(alone())


PULSE = """
import asyncio, os
from supervisor.edge.sdnotify import Notifier
from supervisor.loop.vitality import Vitality

async def main():
    with Vitality(Notifier.take(os.environ)):
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_loop_that_is_stopped_by_a_signal_is_heard_no_more_until_it_goes_on(service: Service) -> None:
    def beats(within_s: float) -> bool:
        return bool(select.select([service.socket], [], [], within_s)[0])

    env = {**os.environ, "NOTIFY_SOCKET": str(service.path), "WATCHDOG_USEC": "60000"}
    with subprocess.Popen([sys.executable, "-c", PULSE], cwd=ROOT, env=env) as pulse:
        try:
            assert beats(15.0)
            os.kill(pulse.pid, signal.SIGSTOP)
            os.waitpid(pulse.pid, os.WUNTRACED)
            service.heard()
            assert not beats(0.3)
            os.kill(pulse.pid, signal.SIGCONT)
            assert beats(15.0)
        finally:
            pulse.kill()


def test_the_last_line_is_said_at_once_however_soon_after_another(service: Service) -> None:
    async def ends() -> None:
        with Vitality(service.notifier(None)) as vitality:
            vitality.status("parks the work")
            vitality.status("still parks")  # would wait for its turn
            vitality.last("gave_up: five died")

    asyncio.run(ends())
    assert service.heard()[-1] == "STATUS=gave_up: five died"
