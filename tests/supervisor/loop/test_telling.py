"""Each note of a service goes to whom it concerns."""

import asyncio

from supervisor.core.notes import ChildState, Note, SegmentSpoken, Stage
from supervisor.errors import DiskFull, GaveUp, SupervisorError
from supervisor.log import Log
from supervisor.loop.service import Status, Totals
from supervisor.loop.sights import ServiceOver, Sight
from supervisor.loop.telling import Telling
from supervisor.loop.watching import Ended

CHILD = ChildState(life=1, state="ready", why="", signal=None, memory={})
STAGE = Stage(name="delivering", detail="out.wav")


def spoken(job: str) -> SegmentSpoken:
    return SegmentSpoken(job=job, segment=0, seconds=0.1, sha256="ab", attempts=1)


def test_people_hear_all_clients_no_requests_and_who_watches_a_job_what_is_about_it() -> None:
    events: list[str] = []
    people, company, client, watched = (list[Note]() for _ in range(4))

    async def tell() -> None:
        telling = Telling(Log(format="text", level="debug", write=events.append), people.append)
        telling.also(company.append)
        unlisten = telling.listen(client.append)
        telling.watchers.begin("j1")
        watching = asyncio.ensure_future(telling.watchers.watch("j1", watched.append))
        await asyncio.sleep(0)
        for note in (CHILD, spoken("r1"), spoken("j1"), spoken("j2")):
            telling.show(note)
        telling.show_of("j1", STAGE)
        telling.show_of("j2", STAGE)
        unlisten()
        unlisten()
        telling.show(CHILD)
        telling.watchers.end("j1", Ended(exit_code=0))
        await watching

    asyncio.run(tell())
    everything = [CHILD, spoken("r1"), spoken("j1"), spoken("j2"), STAGE, STAGE, CHILD]
    assert people == company == everything
    assert len(events) == len(everything)
    assert client == [CHILD, spoken("j1"), spoken("j2"), STAGE, STAGE]
    assert watched == [CHILD, spoken("j1"), STAGE, CHILD]


def test_who_looks_on_is_shown_how_it_ends_in_a_word_and_who_watches_is_told_why() -> None:
    seen: list[Sight] = []
    status = Status(state="recycling", child=None, queue=0, lives=[], totals=Totals())

    async def told(error: SupervisorError) -> Ended:
        telling = Telling(Log(format="text", level="debug", write=lambda _: None), lambda _: None)
        telling.sights.look_on(seen.append)
        telling.watchers.begin("j1")
        watching = asyncio.ensure_future(telling.watchers.watch("j1", lambda _: None))
        await asyncio.sleep(0)
        telling.failed(error, status)
        telling.stopped()
        return await watching

    gave_up, full = (asyncio.run(told(error)) for error in (GaveUp("five died"), DiskFull("no room")))
    assert gave_up == Ended(exit_code=78, message="five died")
    assert full.message == "no room"
    states = [one.state for one in seen if isinstance(one, ServiceOver)]
    assert states == ["gave_up", "stopped", "failed", "stopped"]
