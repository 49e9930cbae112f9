from supervisor.cli.recital import HEAD, Recital
from supervisor.core.decisions import Decision
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)

GIB = 2**30


def told(*records: Record) -> Recital:
    recital = Recital()
    for record in records:
        recital.take(record)
    return recital


def decision(t: float) -> Decision:
    return Decision(t=t, action="drain", policy="fragmentation", why="because")


def test_a_line_stands_under_its_heads() -> None:
    recital = told(LifeReady(t=0.0, life=3), SegmentBegin(t=1.0, segment=1234, chars=5))
    line = recital.line(decision(4521.04))
    for head, cell in (("life", "3"), ("segment", "1234"), ("time", "1:15:21.0")):
        end = HEAD.index(head) + len(head)
        assert line[:end].endswith(f" {cell}")
    for head, cell in (("action", "drain"), ("policy", "fragmentation"), ("why", "because")):
        assert line[HEAD.index(head) :].startswith(cell)


def test_what_is_not_known_is_a_dash() -> None:
    assert told(Reading(t=0.0)).line(decision(0.0)).split()[1:3] == ["-", "-"]


def test_a_segment_belongs_to_its_life() -> None:
    recital = told(
        LifeReady(t=0.0, life=1), SegmentBegin(t=0.0, segment=7, chars=1), LifeReady(t=1.0, life=2)
    )
    assert recital.line(decision(1.0)).split()[1:3] == ["2", "-"]


def test_times_are_written_to_the_tenth() -> None:
    recital = told(Reading(t=0.0))
    shown = [
        recital.line(decision(t)).split()[0] for t in (0.0, 0.96, 59.99, 3600.0, 100 * 3600.0, -1.5, -0.01)
    ]
    assert shown == [
        "0:00:00.0",
        "0:00:01.0",
        "0:01:00.0",
        "1:00:00.0",
        "100:00:00.0",
        "-0:00:01.5",
        "0:00:00.0",
    ]


def test_the_sum_counts_what_was_there() -> None:
    vitals = TraceVitals(live=2 * GIB, reserved=3 * GIB, host_private=GIB)
    recital = told(
        LifeReady(t=10.0, life=1),
        Reading(t=11.0, device_total=8 * GIB, device_used=5 * GIB, child_device=4 * GIB),
        SegmentEnd(t=70.0, segment=1, chars=10, seconds=30.0, vitals=vitals),
        Reading(t=71.0, device_total=8 * GIB, device_used=4 * GIB, child_device=4 * GIB),
        LifeEnded(t=130.0, life=1, why="leak"),
    )
    recital.line(decision(130.0))
    of_vitals = "live 2.0 GiB · reserved 3.0 GiB · host private 1.0 GiB"
    assert recital.summary() == [
        "1 life, 1 segment, 0:00:30 of audio in 0:02:00",
        "lives ended by: leak 1",
        "decisions: 1: fragmentation drain 1",
        f"largest: device 5.0 GiB of 8.0 GiB · the child's part 4.0 GiB · {of_vitals}",
    ]


def test_runs_are_counted_and_their_times_added() -> None:
    recital = told(
        Boundary(t=0.0, what="a"),
        Boundary(t=50.0, what="a"),
        Boundary(t=5.0, what="a"),
        Boundary(t=15.0, what="a"),
    )
    assert recital.summary() == [
        "2 runs, 0 lives, 0 segments, 0:00:00 of audio in 0:01:00",
        "decisions: none",
    ]


def test_many_kinds_of_ends_are_summed_up() -> None:
    ends = [LifeEnded(t=float(number), life=number, why=f"reason {number}") for number in range(5000)]
    summary = told(*ends, LifeEnded(t=5000.0, life=1)).summary()
    assert summary[1].startswith("lives ended by: other 4001 · reason 0 1")
    assert summary[1].endswith(" · others 995")


def test_an_end_without_a_reason_is_named_so() -> None:
    assert told(LifeEnded(t=0.0, life=1)).summary()[1] == "lives ended by: no reason given 1"


def test_the_machine_is_missed_only_where_host_memory_was_seen() -> None:
    assert not told(Reading(t=0.0)).lacks_host_total
    assert told(Reading(t=0.0, child_host=1)).lacks_host_total
    assert not told(Reading(t=0.0, child_host=1, host_total=2)).lacks_host_total


def test_ends_are_counted_by_who_ended_them_not_by_their_figures() -> None:
    ends = [LifeEnded(t=float(number), life=number, why=f"lookahead: {number} MiB") for number in range(3)]
    assert told(*ends).summary()[1] == "lives ended by: lookahead 3"
