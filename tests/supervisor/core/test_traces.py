import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.traces import (
    KINDS,
    Asked,
    Boundary,
    DamagedLine,
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
    decode,
    encode,
)

#: The lines of interface §5, as they stand there.
PUBLISHED = """\
{"t": 0.0, "kind": "ready", "life": 1}
{"t": 0.5, "kind": "reading", "device_total": 10737418240, "device_used": 3221225472, "child_device": 2415919104, "child_host": 1879048192, "host_available": 9663676416}
{"t": 0.9, "kind": "segment_begin", "segment": 17, "chars": 88}
{"t": 2.4, "kind": "segment_end", "segment": 17, "chars": 88, "seconds": 5.3, "vitals": {"live": 2147483648, "reserved": 2684354560, "peak": 2415919104, "declared": 41943040, "host_private": 1879048192}}
{"t": 2.4, "kind": "boundary", "what": "paragraph"}
{"t": 9.0, "kind": "ended", "life": 1, "why": "leak"}
""".splitlines()  # noqa: E501 -- the contract's own lines

sizes = st.none() | st.integers(0, 2**60)
times = st.floats(0, 1e9)
all_vitals = st.builds(TraceVitals, **dict.fromkeys(TraceVitals.__struct_fields__, sizes))
words = st.text(max_size=30).filter(lambda text: text.isprintable())
records = st.one_of(
    st.builds(LifeReady, t=times, life=st.integers(1, 999), vitals=st.none() | all_vitals),
    st.builds(Reading, t=times, **dict.fromkeys(Reading.__struct_fields__[1:], sizes)),
    st.builds(SegmentBegin, t=times, segment=st.integers(0), chars=st.integers(0)),
    st.builds(
        SegmentEnd, t=times, segment=st.integers(0), chars=st.integers(0), seconds=times, vitals=all_vitals
    ),
    st.builds(Boundary, t=times, what=words),
    st.builds(LifeEnded, t=times, life=st.integers(1), why=words),
    st.builds(Released, t=times, vitals=all_vitals, took_s=times),
    st.builds(Decided, t=times, action=words, policy=words, why=words),
    st.builds(Asked, t=times, chars=st.lists(st.integers(1, 500), min_size=1).map(tuple)),
)


@pytest.mark.parametrize("line", PUBLISHED)
def test_a_line_of_the_contract_comes_back_with_every_field_that_it_had(line: str) -> None:
    record = decode(line)
    assert record is not None
    told = json.loads(line)
    again = json.loads(encode(record))
    assert {name: again[name] for name in told if name != "vitals"} == {
        name: value for name, value in told.items() if name != "vitals"
    }
    assert told.get("vitals", {}).items() <= again.get("vitals", {}).items()


@given(records)
def test_what_is_written_is_what_is_read(record: Record) -> None:
    line = encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == record
    assert json.loads(line)["kind"] in KINDS


def test_what_is_not_known_is_passed_by() -> None:
    assert decode('{"t": 1, "kind": "weather", "life": "sunny"}') is None
    assert decode('{"t": 1, "kind": "ready", "life": 2, "mood": [1]}') == LifeReady(t=1.0, life=2)
    assert decode(b'{"t": 1, "kind": "reading"}') == Reading(t=1.0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[1]",
        "null",
        "hello",
        '{"t": 1}',
        '{"t": 1, "kind": 3}',
        '{"t": 1, "kind": "ready"}',
        '{"kind": "ready", "life": 1}',
        '{"t": "late", "kind": "ready", "life": 1}',
        '{"t": 1, "kind": "segment_end", "segment": 1, "chars": 5, "vitals": null}',
        '{"t": 1, "kind": "reading", "device_used": "much"}',
        '{"t": 1, "kind": "ready", "life": 1} trailing',
        b'{"t": 1, "kind": "boundary", "what": "\xff"}',
        b'{"t": 1, "kind": "\xff", "life": 1}',
    ],
)
def test_a_damaged_line_is_an_error_that_says_what_was_seen(line: str | bytes) -> None:
    with pytest.raises(DamagedLine, match=r"."):
        decode(line)
