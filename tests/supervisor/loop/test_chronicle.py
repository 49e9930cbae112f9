"""The last hour, in bounded room, whatever comes."""

import itertools
from typing import Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from supervisor.loop.chronicle import (
    BUCKET_S,
    KEPT_S,
    MOST_MOMENTS,
    MOST_POINTS,
    Began,
    Chronicle,
    Decided,
    GaveBack,
    Point,
)
from supervisor.loop.sights import Memory, MemoryReading

NOW: Final = 1_800_000_000.0


def read(ours: int | None, others: int | None = 10, *, device: int = 0, of: Memory = "host") -> MemoryReading:
    return MemoryReading(
        device=device, name="cpu", of=of, total=100, ours=ours, others=others, soft=50, hard=70
    )


def points(chronicle: Chronicle, now_s: float) -> list[Point]:
    found = chronicle.series(now_s)
    return found[0].points if found else []


def test_a_reading_is_a_point_of_a_line_that_says_what_its_marks_hold_for() -> None:
    chronicle = Chronicle()
    told = chronicle.read(read(3), NOW)
    assert (told.point, told.marks_of, told.marks.soft, told.marks.hard) == ((NOW, 3, 10), "child", 50, 70)
    assert chronicle.read(read(4, of="device"), NOW).marks_of == "all"
    device, host = chronicle.series(NOW)
    assert (device.of, device.points, host.of, host.points) == (
        "device",
        [(NOW, 4, 10)],
        "host",
        [(NOW, 3, 10)],
    )


def test_what_is_not_known_stays_unknown() -> None:
    chronicle = Chronicle()
    chronicle.read(read(None, None), NOW)
    assert points(chronicle, NOW) == [(NOW, None, None)]
    assert b"[[1800000000.0,null,null]]" in msgspec.json.encode(chronicle.series(NOW))


def test_the_latest_minutes_are_told_as_they_were_read() -> None:
    chronicle = Chronicle()
    sent = [(NOW + number / 2, number, 10) for number in range(MOST_POINTS // 2)]
    for at_s, ours, _ in sent:
        chronicle.read(read(ours), at_s)
    assert points(chronicle, NOW + MOST_POINTS) == sent


def test_a_peak_of_an_hour_ago_is_still_seen() -> None:
    chronicle = Chronicle()
    peak_s = NOW + 5 * BUCKET_S + 1
    at_s = NOW
    for number in range(int(KEPT_S) * 2):
        at_s = NOW + number / 2
        chronicle.read(read(99 if at_s == peak_s else number % 7), at_s)
    found = points(chronicle, at_s)
    assert len(found) <= MOST_POINTS
    assert (peak_s, 99, 10) in found
    assert found[0][0] < NOW + 2 * BUCKET_S, "it goes back an hour"
    assert found == sorted(found)


def test_of_the_machines_memory_the_childs_part_makes_the_peak_and_of_a_gpu_all_of_it() -> None:
    peaks: dict[Memory, tuple[int, int]] = {"host": (9, 10), "device": (1, 90)}
    for of, peak in peaks.items():
        chronicle = Chronicle()
        at_s = NOW
        for number, held in enumerate([(9, 10), (1, 90), *[(2, 20)] * MOST_POINTS]):
            at_s = NOW + 1 + number * (0.1 if number < 2 else 1.0)
            chronicle.read(read(*held, of=of), at_s)
        assert points(chronicle, at_s)[0][1:] == peak


def test_what_is_older_than_an_hour_is_forgotten_though_nothing_is_read() -> None:
    chronicle = Chronicle()
    chronicle.read(read(1), NOW)
    assert points(chronicle, NOW + KEPT_S) == [(NOW, 1, 10)]
    assert points(chronicle, NOW + KEPT_S + 1) == []


def test_a_clock_that_is_set_back_leaves_no_future_behind() -> None:
    chronicle = Chronicle()
    for at_s in (NOW, NOW + 1, NOW + 2, NOW + 1.5):
        chronicle.read(read(1), at_s)
    assert [point[0] for point in points(chronicle, NOW + 2)] == [NOW, NOW + 1, NOW + 1.5]


def test_lines_are_bounded_and_the_one_that_was_not_read_for_longest_goes() -> None:
    chronicle = Chronicle()
    for device in [*range(15), 0, 15, 16]:
        chronicle.read(read(1, device=device), NOW)
    assert [one.device for one in chronicle.series(NOW)] == [0, *range(2, 17)]


def test_the_last_moments_are_kept_and_say_what_they_are() -> None:
    chronicle = Chronicle()
    for life in range(MOST_MOMENTS + 5):
        chronicle.tell(Began(at=NOW, life=life))
    assert chronicle.moments == [Began(at=NOW, life=life) for life in range(5, MOST_MOMENTS + 5)]
    told = msgspec.json.encode(
        [
            Decided(at=1.0, life=2, policy="leak", action="flag", why="it grows"),
            GaveBack(at=1.0, what="clean", error="no child"),
        ]
    )
    assert told == (
        b'[{"kind":"decided","at":1.0,"life":2,"policy":"leak","action":"flag","why":"it grows"},'
        b'{"kind":"gave_back","at":1.0,"what":"clean","error":"no child"}]'
    )


gaps_s = st.lists(st.sampled_from([0.1, 0.5, 5.0, 11.9, 12.0, 60.0, 3599.0, -0.5, -40.0]), max_size=120)


@given(gaps_s, st.lists(st.integers(0, 90), min_size=1))
def test_whatever_comes_points_are_in_order_few_real_and_of_the_hour(
    gaps: list[float], sizes: list[int]
) -> None:
    chronicle = Chronicle()
    at_s, sent = NOW, set[Point]()
    for gap_s, size in zip(gaps, itertools.cycle(sizes)):
        at_s = round(at_s + gap_s, 3)
        chronicle.read(read(size), at_s)
        sent.add((at_s, size, 10))
    found = points(chronicle, at_s)
    times = [point[0] for point in found]
    assert times == sorted(times)
    assert len(found) <= MOST_POINTS
    assert set(found) <= sent
    assert all(at_s - KEPT_S <= one <= at_s for one in times)
    assert not gaps or times[-1] == at_s
