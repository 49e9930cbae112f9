"""Readings on the event loop, of a real process."""

import asyncio
import sys

from supervisor.core import events as ev
from supervisor.core.readings import DeviceAnswer
from supervisor.edge.process import ChildProcess, start_child
from supervisor.loop.memory import MemoryWatch

WAIT = ("-c", "import os, sys; os.read(int(sys.argv[2]), 1)")


def start() -> ChildProcess:
    return start_child(python=sys.executable, life=3, state_marker="/t", program=WAIT)


async def readings(device: str, count: int) -> list[ev.Event]:
    told: asyncio.Queue[ev.Event] = asyncio.Queue()
    watch = MemoryWatch(poll_s=0.01, device=device, tell=told.put_nowait)
    process = start()
    try:
        watch.watch(3, process)
        return [await asyncio.wait_for(told.get(), 10) for _ in range(count)]
    finally:
        watch.close()
        process.end_now()
        process.close()


def test_readings_come_at_their_pace_and_name_the_life() -> None:
    for event in asyncio.run(readings("cpu", 3)):
        assert isinstance(event, ev.Read)
        assert event.life == 3
        assert event.device is None
        assert event.host is not None
        # How much depends on how far its interpreter has come; that there is something does not.
        assert event.host.child_private_bytes
        assert not event.stopped


def test_a_machine_without_a_driver_says_so_and_the_host_is_read_all_the_same() -> None:
    event = asyncio.run(readings("cuda:0", 2))[-1]
    assert isinstance(event, ev.Read)
    assert isinstance(event.device, DeviceAnswer)
    assert event.host is not None


def test_nothing_is_told_within_the_call_that_asks_nor_after_unwatch() -> None:
    async def ask() -> int:
        told: list[ev.Event] = []
        watch = MemoryWatch(poll_s=3600.0, device="cpu", tell=told.append)
        process = start()
        try:
            watch.watch(3, process)
            watch.read_now()
            within = len(told)
            watch.unwatch()
            await asyncio.sleep(0)  # both answers are due now
            await asyncio.sleep(0)
            return within + len(told)
        finally:
            watch.close()
            process.end_now()
            process.close()

    assert asyncio.run(ask()) == 0


def test_the_device_is_read_on_when_nobody_is_there_and_told_to_whoever_wants_to_see() -> None:
    async def look() -> tuple[list[ev.Event], DeviceAnswer]:
        told: list[ev.Event] = []
        seen: asyncio.Queue[DeviceAnswer] = asyncio.Queue()
        watch = MemoryWatch(poll_s=0.01, device="cuda:0", tell=told.append, seen=seen.put_nowait)
        process = start()
        try:
            watch.watch(3, process)
            await asyncio.wait_for(seen.get(), 10)
            watch.unwatch(3)
            told.clear()
            answers = [await asyncio.wait_for(seen.get(), 10) for _ in range(3)]
        finally:
            watch.close()
            process.end_now()
            process.close()
        return told, answers[-1]

    told, answer = asyncio.run(look())
    assert told == []
    assert isinstance(answer, DeviceAnswer)
