import asyncio
from pathlib import Path
from typing import cast

import pytest
from starlette.types import Message, Scope

from supervisor.core.notes import MemoryDecision
from supervisor.doors.backlog import Room
from supervisor.doors.http.events import MOST_VIEWERS, EventsReply
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.sending import Cut
from supervisor.loop.sights import MemoryReading, ServiceOver
from tests.supervisor.doors.http.streaming import stream
from tests.supervisor.doors.http.visit import Json, Visit, until, visiting

READ = MemoryReading(device=0, name="cpu", of="host", total=100, ours=7, others=20, soft=50, hard=70)
DECIDED = MemoryDecision(life=3, action="drain", policy="leak", why="it grows", memory={})


def reception_of(visit: Visit) -> Reception:
    return visit.door._reception  # pyright: ignore[reportPrivateUsage] -- what waits is seen nowhere else


def test_who_comes_late_is_told_what_was_and_then_what_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.sights.show(READ)
            visit.service.tell(DECIDED)
            async with stream(visit) as seen:
                assert b"content-type: text/event-stream" in seen.head
                assert b"cache-control: no-store" in seen.head
                name, everything = await seen.event()
                assert name == "all"
                (series,) = cast("list[Json]", everything["series"])
                (moment,) = cast("list[Json]", everything["moments"])
                assert cast("list[list[object]]", series["points"])[0][1:] == [7, 20]
                assert (series["marks"], series["marks_of"]) == ({"soft": 50, "hard": 70}, "child")
                assert (moment["kind"], moment["policy"], moment["why"]) == ("decided", "leak", "it grows")
                assert cast("Json", everything["status"])["state"] == "idle"
                assert everything["jobs"] == []
                visit.service.sights.show(READ)
                reading = await seen.until("reading")
                assert cast("list[object]", reading["point"])[1:] == [7, 20]
                visit.service.tell(DECIDED)
                assert (await seen.until("moment"))["action"] == "drain"
                assert (await seen.until("status"))["ready"] is True

    asyncio.run(run())


def test_the_broom_and_a_job_are_told_to_all_who_look_on(tmp_path: Path) -> None:
    async def run() -> None:
        folders = f'["{tmp_path}"]'
        async with (
            visiting(tmp_path, output_folders=folders) as visit,
            stream(visit) as one,
            stream(visit) as other,
        ):
            for seen in (one, other):
                assert (await seen.event())[0] == "all"
            await visit.call("jobs/submit", text="Hm. Ah.", output=f"{tmp_path}/x")
            for seen in (one, other):
                job = await seen.until("job", state="done")
                assert (job["done"], job["name"], job["is_audible"]) == (2, "x", True)
            await visit.ask("POST", "/api/cleanup")
            async with stream(visit) as late:
                jobs = cast("list[Json]", (await late.event())[1]["jobs"])
                assert [one["state"] for one in jobs] == ["done"]

    asyncio.run(run())


def test_the_key_is_asked_for_and_no_page_elsewhere_looks_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, api_key="s3cret") as visit:
            assert (await visit.ask("GET", "/api/events")).status == 401
            away = {"origin": "http://evil.example", "x-api-key": "s3cret"}
            assert (await visit.ask("GET", "/api/events", headers=away)).status == 403
            async with stream(visit, {"authorization": "Bearer s3cret"}) as seen:
                assert (await seen.event())[0] == "all"
            head = await visit.ask("HEAD", "/api/events", headers={"x-api-key": "s3cret"})
            assert (head.status, head.body) == (200, b"")

    asyncio.run(run())


def test_who_looks_on_leaves_most_places_to_speech(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, connections="8") as visit, stream(visit) as one:
            assert (await one.event())[0] == "all"
            async with stream(visit) as two:
                assert (await two.event())[0] == "all"
                third = await visit.ask("GET", "/api/events")
                assert (third.status, third.code) == (503, "busy")
                assert (await visit.speak("Hm.")).status == 200
            await until(lambda: reception_of(visit).board.viewers == 1)
            async with stream(visit) as two:
                assert (await two.event())[0] == "all", "the place is free again"

    asyncio.run(run())


def test_sixteen_look_on_and_one_more_is_told_that_there_is_no_place(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            async with asyncio.TaskGroup() as group:
                seen = [stream(visit) for _ in range(MOST_VIEWERS)]
                opened = [group.create_task(one.__aenter__()) for one in seen]
            for one in opened:
                assert (await one.result().event())[0] == "all"
            assert (await visit.ask("GET", "/api/events")).status == 503
            assert (await visit.speak("Hm.")).status == 200
            for one in seen:
                await one.__aexit__(None, None, None)
            await until(lambda: reception_of(visit).board.viewers == 0)

    asyncio.run(run())


def test_the_end_of_the_service_is_the_last_event(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit, stream(visit) as seen:
            assert (await seen.event())[0] == "all"
            closing = asyncio.ensure_future(visit.door.close())
            assert await seen.until("over") == {"why": "the service ends", "state": "failed"}
            assert await seen.is_over()
            await closing

    asyncio.run(run())


def test_the_last_event_says_how_the_service_ended(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit, stream(visit) as seen:
            assert (await seen.event())[0] == "all"
            visit.service.sights.show(ServiceOver(state="gave_up"))
            closing = asyncio.ensure_future(visit.door.close())
            assert (await seen.until("over"))["state"] == "gave_up"
            await closing

    asyncio.run(run())


class _Client:
    """One who reads when he is told to.

    Attributes:
        may_read: Cleared: he reads nothing.
        read: All that he read.
        leaves: Set when he goes.
    """

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.read = b""
        self.leaves = asyncio.Event()

    async def send(self, message: Message) -> None:
        await self.may_read.wait()
        self.read += bytes(message.get("body", b""))

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def looks_on(self, reply: EventsReply) -> None:
        await reply({"type": "http"}, self.receive, self.send)


SCOPE: Scope = {"type": "http"}


def test_a_silent_stream_has_a_beat(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            client = _Client()
            looking = asyncio.ensure_future(client.looks_on(EventsReply(reception_of(visit), beat_s=0.01)))
            await until(lambda: client.read.count(b"\n\n: \n\n") == 1)
            await until(lambda: client.read.endswith(b": \n\n: \n\n: \n\n"))
            client.leaves.set()
            await looking
            assert reception_of(visit).board.viewers == 0

    asyncio.run(run())


def test_who_does_not_read_is_told_anew_and_costs_a_bounded_room(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            reception, client = reception_of(visit), _Client()
            free_bytes = reception.room.left_bytes
            looking = asyncio.ensure_future(client.looks_on(EventsReply(reception)))
            await until(lambda: b"event: all" in client.read)
            client.may_read.clear()
            for _ in range(5000):
                visit.service.sights.show(READ)
            held_bytes = free_bytes - reception.room.left_bytes
            assert held_bytes < 64 * 1024
            client.may_read.set()
            await until(lambda: client.read.count(b"event: all") == 2)
            assert client.read.count(b"event: reading") < 1000
            visit.service.sights.show(READ)
            before = client.read.count(b"event: reading")
            await until(lambda: client.read.count(b"event: reading") == before + 1)
            client.leaves.set()
            await looking
            assert reception.room.left_bytes == free_bytes
            assert reception.room.spill.held_bytes == 0

    asyncio.run(run())


def test_who_never_reads_is_let_go(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            client = _Client()
            client.may_read.clear()
            with pytest.raises(Cut, match="read nothing"):
                await client.looks_on(EventsReply(reception_of(visit), unread_s=0.01))
            assert reception_of(visit).board.viewers == 0

    asyncio.run(run())


def test_where_there_is_no_room_for_what_is_not_read_the_viewer_is_let_go(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            reception, client = reception_of(visit), _Client()
            reception.methods.room = Room(0, tmp_path / "gone")
            with pytest.raises(Cut, match="no room"):
                await client.looks_on(EventsReply(reception))

    asyncio.run(run())
