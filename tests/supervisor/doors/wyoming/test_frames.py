"""What is written is read again however it is cut, by us and by the package; what breaks rules is told."""

import asyncio
import itertools
import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, async_read_event

from supervisor.doors.wyoming.frames import (
    MOST_PART_BYTES,
    MOST_PAYLOAD_BYTES,
    Frame,
    Frames,
    Malformed,
    WrongData,
    written,
)


class Said(msgspec.Struct, frozen=True):
    text: str | None = None
    number: int | None = None


names = st.text(min_size=1, max_size=20)
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=50))
events = st.builds(
    Event,
    type=names,
    data=st.dictionaries(names, values, max_size=4),
    payload=st.one_of(st.none(), st.binary(max_size=300)),
)


def frames_of(data: bytes, cuts: list[int], *, whole: bool = True) -> list[Frame]:
    frames, found = Frames(), list[Frame]()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        frames.feed(data[start:end])
        while (frame := frames.next()) is not None:
            found.append(frame)
    if whole:
        assert frames.is_between
        assert frames.kept_bytes == 0
    return found


@given(st.lists(events, max_size=4), st.lists(st.integers(0, 10**6), max_size=8))
def test_what_is_written_is_read_again_however_it_is_cut(said: list[Event], cuts: list[int]) -> None:
    found = frames_of(b"".join(map(written, said)), cuts)
    assert [frame.type for frame in found] == [event.type for event in said]
    assert [json.loads(b"".join(frame.parts) or b"{}") for frame in found] == [event.data for event in said]


@given(events)
def test_the_package_reads_what_is_written(said: Event) -> None:
    async def read() -> Event | None:
        reader = asyncio.StreamReader()
        reader.feed_data(written(said))
        reader.feed_eof()
        return await async_read_event(reader)

    event = asyncio.run(read())
    assert event is not None
    assert (event.type, event.data, event.payload or b"") == (said.type, said.data, said.payload or b"")


def test_data_behind_the_header_wins_over_data_in_it_and_null_is_nothing() -> None:
    (frame,) = frames_of(
        b'{"type": "a", "data": {"text": "x", "number": 3}, "data_length": 13}\n{"text": "y"}', []
    )
    assert frame.read(Said) == Said(text="y", number=3)
    (frame,) = frames_of(b'{"type": "a", "data": null, "data_length": null, "payload_length": 0}\n', [])
    assert frame.read(Said) == Said()


def test_a_long_header_is_read_where_the_package_cuts_it() -> None:
    text = "x" * 70_000
    (frame,) = frames_of(
        json.dumps({"type": "synthesize", "data": {"text": text}}).encode() + b"\n", [10, 66_000]
    )
    assert frame.read(Said).text == text


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_junk_is_events_or_malformed_and_nothing_else(junk: bytes, cuts: list[int]) -> None:
    with suppress(Malformed):
        frames_of(junk + b"\n", cuts, whole=False)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"type": 1}\n',
        b'{"type": "a\xff"}\n',
        b'{"type": "\\ud800"}\n',
        b'{"type": "a", "data_length": -1}\n',
        b'{"type": "a", "data_length": 1.5}\n',
        b'{"type": "a", "data_length": "12"}\n',
        b'{"type": "a", "payload_length": -3}\n',
        b'{"type": "a", "data_length": %d}\n' % (MOST_PART_BYTES + 1),
        b'{"type": "a", "payload_length": %d}\n' % (MOST_PAYLOAD_BYTES + 1),
        b'{"type": "a", "data_length": 99999999999999999999999999}\n',
        b'{"type": "a", "data": ' + b"[" * 200_000 + b"\n",
        b"x" * (MOST_PART_BYTES + 1),
    ],
)
def test_what_is_no_header_is_malformed_as_soon_as_that_is_known(line: bytes) -> None:
    frames = Frames()
    frames.feed(line)
    with pytest.raises(Malformed):
        frames.next()


@pytest.mark.parametrize(
    "data", [b"[]", b"{", b'{"text": 5}', b'{"text": "\\ud800"}', b"[" * 100_000, b"\xff"]
)
def test_data_that_is_wrong_costs_its_event_alone(data: bytes) -> None:
    frames = Frames()
    frames.feed(b'{"type": "a", "data_length": %d}\n' % len(data) + data + b'{"type": "b"}\n')
    first, second = frames.next(), frames.next()
    assert first is not None
    assert second is not None
    with pytest.raises(WrongData):
        first.read(Said)
    assert second.type == "b"


def test_a_payload_is_passed_over_and_never_kept() -> None:
    frames = Frames()
    frames.feed(b'{"type": "audio-chunk", "payload_length": %d}\n' % MOST_PAYLOAD_BYTES)
    chunk = frames.next()
    assert chunk is not None
    for _ in range(MOST_PAYLOAD_BYTES // 65_536):
        assert not frames.is_between
        frames.feed(bytes(65_536))
        assert frames.next() is None
        assert frames.kept_bytes == 0
    frames.feed(b'{"type": "ping"}\n')
    ping = frames.next()
    assert ping is not None
    assert ping.type == "ping"
