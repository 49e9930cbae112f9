"""A client is served in turns, and one that does not read is not asked what more it wants."""

import asyncio
import gc
import itertools
import json
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from supervisor.doors.client import Client, Pace
from supervisor.doors.offer import service_methods
from supervisor.doors.outbox import UNREAD_BYTES
from supervisor.log import Log
from tests.supervisor.doors.memory_service import MemoryService, memory_service
from tests.supervisor.doors.pipes import request, until

R = TypeVar("R")


@dataclass(slots=True)
class Hands:
    """Carries bytes by hand."""

    is_paused: bool = False
    ends: int = 0

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def wake(self) -> None:
        pass

    def done(self) -> None:
        self.ends += 1


def run(
    folder: Path, do: Callable[[Client, Hands, MemoryService], Coroutine[object, object, R]], lines: int = 4
) -> R:
    async def within() -> R:
        log = Log(format="text", level="error", write=lambda _: None)
        async with memory_service(folder) as service:
            methods = service_methods(service, log, folder=folder)
            hands = Hands()
            client = Client(methods, hands, Pace(lines=lines, rest_s=lambda: 0.0))
            result = await do(client, hands, service)
            await client.close()
            client.hang_up()
            return result

    return asyncio.run(within())


STATUS = request("status") + b"\n"


def test_some_lines_are_taken_and_the_rest_when_others_had_their_turn(tmp_path: Path) -> None:
    async def feed(client: Client, hands: Hands, service: MemoryService) -> list[int]:
        del hands
        client.feed(STATUS * 10)
        counts = [len(service.asked)]
        while len(service.asked) < 10:
            await asyncio.sleep(0.001)
            counts.append(len(service.asked))
        return counts

    counts = run(tmp_path, feed)
    assert counts[0] == 4
    assert all(late - early <= 8 for early, late in itertools.pairwise(counts))


def test_who_does_not_read_is_asked_no_more_and_goes_on_when_it_reads(tmp_path: Path) -> None:
    async def feed(client: Client, hands: Hands, service: MemoryService) -> None:
        line_bytes = len(json.dumps({"jsonrpc": "2.0"})) + 1
        client.feed(STATUS * 20_000)
        before = -1
        while before != len(service.asked):
            before = len(service.asked)
            await asyncio.sleep(0.05)
        assert before * line_bytes < 2 * UNREAD_BYTES
        assert before < 20_000
        assert hands.is_paused
        while client.has_more or len(service.asked) < 20_000:
            client.pull(1 << 20)
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert not hands.is_paused

    run(tmp_path, feed, lines=500)


def test_audio_that_is_not_read_holds_up_further_requests_and_no_other_client(tmp_path: Path) -> None:
    async def feed(client: Client, hands: Hands, service: MemoryService) -> None:
        other = Client(client._conversation._methods, Hands(), Pace(lines=4, rest_s=lambda: 0.0))  # pyright: ignore[reportPrivateUsage] - those of the same service
        long = "sentence of some length. " * 30
        client.feed(request("synthesize", 1, text=long, audio="inline") + b"\n")
        await until(lambda: bool(service.asked) and not service.now)
        client.feed(STATUS)
        assert service.asked == ["synthesize"]
        other.feed(STATUS + request("synthesize", 2, text="One.") + b"\n")
        await until(lambda: b'"id":2' in other.pull(1 << 20))
        read = b""
        while b'"id":1,"result":{"state"' not in read:
            read += client.pull(1 << 16)
            await asyncio.sleep(0)
        assert read.count(b"audio/chunk") > 2
        del hands
        other.hang_up()

    run(tmp_path, feed)


def test_the_end_comes_when_all_is_answered_and_taken(tmp_path: Path) -> None:
    async def feed(client: Client, hands: Hands, service: MemoryService) -> list[int]:
        service.may_go.clear()
        client.feed(request("synthesize", 1, text="One."))
        client.end()
        await asyncio.sleep(0)
        counts = [hands.ends]
        service.may_go.set()
        await until(lambda: client.has_more)
        counts.append(hands.ends)
        assert b'"id":1' in client.pull(1 << 16)
        await asyncio.sleep(0.01)
        return [*counts, hands.ends]

    before, unread, after = run(tmp_path, feed)
    assert (before, unread) == (0, 0)
    assert after >= 1


def test_who_is_gone_is_forgotten_at_once_without_the_collector(tmp_path: Path) -> None:
    half = b'{"jsonrpc":"2.0","id":7,'

    async def vanish(client: Client, service: MemoryService) -> "weakref.ref[Client]":
        methods = client._conversation._methods  # pyright: ignore[reportPrivateUsage] - those of the same service
        service.may_go.clear()
        gone = Client(methods, Hands(), Pace(lines=9, rest_s=lambda: 0.0))
        gone.listen()
        before = service.asked.count("synthesize")
        spoken = [request("synthesize", number, text="One.", audio="inline") for number in range(3)]
        gone.feed(b"\n".join([*spoken, request("synthesize", 4, text=""), STATUS.strip(), half]))
        await until(lambda: service.asked.count("synthesize") >= before + 3)
        gone.hang_up()
        await until(lambda: not gone.waits)
        return weakref.ref(gone)

    async def remains(client: Client, hands: Hands, service: MemoryService) -> tuple[int, int]:
        del hands
        await vanish(client, service)
        gc.collect()
        gc.disable()
        try:
            gone = [await vanish(client, service) for _ in range(20)]
            await asyncio.sleep(0)
            return sum(one() is not None for one in gone), gc.collect()
        finally:
            gc.enable()
            service.may_go.set()

    living, unreachable = run(tmp_path, remains)
    assert living == 0
    assert unreachable < 20
