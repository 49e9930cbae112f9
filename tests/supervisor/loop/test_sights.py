"""Who looks on sees what there is; nobody costs nothing."""

import asyncio
from dataclasses import dataclass, field

import pytest

from supervisor.core.traces import Boundary, Reading, Record
from supervisor.loop.service import GivenBack, NothingToAsk
from supervisor.loop.sights import BroomUsed, JobMoved, MemoryReading, Sight, Sights, reading_of

GAVE = GivenBack(before_bytes=9, after_bytes=4, took_s=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a conductor knows."""

    own: int | None = None
    seen: dict[str, int] = field(default_factory=dict[str, int])

    def figures(self) -> dict[str, int]:
        return {} if self.own is None else {"child_device": self.own}

    def marks(self) -> dict[str, int]:
        return {"host_soft": 50, "host_hard": 70} | self.seen


def reading(**figures: int) -> Reading:
    return Reading(t=1.0, **figures)


def test_who_looks_on_is_shown_all_and_nothing_once_he_looks_away() -> None:
    sights, seen, other = Sights(), list[Sight](), list[Sight]()
    look_away = sights.look_on(seen.append)
    sights.look_on(other.append)
    sights.moved("j1")
    look_away()
    look_away()
    sights.moved("j2")
    assert seen == [JobMoved(job="j1")]
    assert other == [JobMoved(job="j1"), JobMoved(job="j2")]


def test_where_nobody_looks_on_the_traces_are_what_they_were() -> None:
    records = list[Record]()
    assert Sights().tapped([], ["auto"], [Known()]) == ()
    assert Sights().tapped([records.append], ["auto"], [Known()]) == (records.append,)


@pytest.mark.parametrize("is_recorded", [False, True])
def test_readings_of_each_device_are_shown_and_every_record_is_still_recorded(*, is_recorded: bool) -> None:
    sights, seen = Sights(), list[Sight]()
    files = (list[Record](), list[Record]())
    sights.look_on(seen.append)
    traces = [file.append for file in files] if is_recorded else []
    taps = sights.tapped(traces, ["cuda:0", "cuda:1"], [Known(), Known()])
    boundary, read = Boundary(t=0.5, what="paragraph"), reading(child_host=3, host_total=9, host_available=4)
    taps[1](boundary)
    taps[1](read)
    assert [(one.device, one.name, one.ours) for one in seen if isinstance(one, MemoryReading)] == [
        (1, "cuda:1", 3)
    ]
    assert len(seen) == 1
    assert files == ([], [boundary, read] if is_recorded else [])


def test_the_gpu_is_what_matters_once_the_child_holds_some_of_it() -> None:
    record = reading(device_total=100, device_used=60, child_host=5, host_total=50, host_available=20)
    known = Known(own=40, seen={"device_soft": 85, "device_hard": 95})
    assert reading_of(0, "auto", record, known) == MemoryReading(
        device=0, name="cuda:0", of="device", total=100, ours=40, others=20, soft=85, hard=95
    )
    for without in (Known(own=0), Known()):
        assert reading_of(0, "auto", record, without) == MemoryReading(
            device=0, name="cpu", of="host", total=50, ours=5, others=25, soft=50, hard=70
        )


def test_what_nobody_says_is_not_known_and_nothing_is_less_than_nought() -> None:
    empty = reading_of(0, "cpu", reading(), Known())
    assert (empty.total, empty.ours, empty.others) == (None, None, None)
    late = reading(device_total=9, device_used=3)
    assert reading_of(0, "cuda:0", late, Known(own=4)).others == 0
    host = reading(host_total=9, host_available=8, child_host=5)
    assert reading_of(0, "cpu", host, Known()).others == 0


def test_what_the_broom_gave_back_is_shown_and_so_is_why_it_could_not() -> None:
    sights, seen = Sights(), list[Sight]()
    sights.look_on(seen.append)

    async def gives() -> GivenBack:
        return GAVE

    async def fails() -> GivenBack:
        raise NothingToAsk("no child runs now")

    assert asyncio.run(sights.of_broom("clean", gives())) == GAVE
    with pytest.raises(NothingToAsk):
        asyncio.run(sights.of_broom("recycle", fails()))
    assert seen == [BroomUsed(what="clean", gave=GAVE), BroomUsed(what="recycle", error="no child runs now")]
