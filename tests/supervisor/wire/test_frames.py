"""Frames: the same bodies however the stream is cut; nothing damaged gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import encode as pack

from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.frames import (
    MAX_BODY_BYTES,
    FrameReader,
    decode_from_child,
    decode_from_parent,
    encode,
)
from supervisor.wire.messages import Chunk, Exit, Loading, Release, Synthesize

CHUNK = Chunk(segment_id=7, attempt=3, seq=0, pcm_s16le=bytes(range(256)))


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.lists(st.integers(0, 400), max_size=10))
def test_however_the_stream_is_cut_the_same_bodies_come_out(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    reader = FrameReader()
    ends = [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    begins = [0, *ends[:-1]]
    found = [body for a, b in zip(begins, ends, strict=True) for body in reader.feed(stream[a:b])]
    assert found == bodies
    reader.close()


@pytest.mark.parametrize("announced", [0, MAX_BODY_BYTES + 1, 2**32 - 1])
def test_an_impossible_size_is_refused_after_four_bytes(announced: int) -> None:
    with pytest.raises(PeerError, match=str(announced)):
        FrameReader().feed(announced.to_bytes(4, "big"))


def test_an_end_within_a_frame_is_told() -> None:
    reader = FrameReader()
    assert reader.feed(encode(1, Exit())[:-1]) == []
    with pytest.raises(PeerError, match="into a frame"):
        reader.close()


def test_a_message_comes_back_as_it_was() -> None:
    assert decode_from_child(encode(4, CHUNK)[4:]) == (4, CHUNK)
    assert decode_from_parent(encode(1, Release())[4:]) == (1, Release())


def test_each_side_refuses_the_others_words() -> None:
    with pytest.raises(PeerError):
        decode_from_child(encode(1, Release())[4:])
    with pytest.raises(PeerError):
        decode_from_parent(encode(1, CHUNK)[4:])


def test_what_is_too_long_for_a_frame_is_our_own_fault() -> None:
    with pytest.raises(LocalError, match="Loading"):
        encode(1, Loading(stage="x" * MAX_BODY_BYTES))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        pack("hello"),
        pack([1]),
        pack([1, {}, 3]),
        pack([True, {"type": "loading", "stage": "x"}]),
        pack([1.0, {"type": "loading", "stage": "x"}]),
        pack([1, {"type": "loading"}]),
        pack([1, {"type": "loading", "stage": 7}]),
        pack([1, {"type": "loading", "stage": "x", "more": 1}]),
        pack([1, {"type": "nothing"}]),
        pack([1, {"type": "loading", "stage": "x"}]) + b"\x00",
        b"\xdd\xff\xff\xff\xff",  # an array of four billion
        b"\x91" * 5000,  # nested five thousand deep
        pack([1, {1: 2}]),
    ],
)
def test_what_is_no_message_is_the_peers_fault(body: bytes) -> None:
    with pytest.raises(PeerError):
        decode_from_child(body)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    for decode in (decode_from_child, decode_from_parent):
        with pytest.raises(PeerError):
            decode(body)


def test_text_with_half_a_surrogate_is_our_own_fault() -> None:
    order = Synthesize(segment_id=0, attempt=1, text="a\ud800", voice=None, seed=0)
    with pytest.raises((LocalError, UnicodeEncodeError)):
        encode(1, order)
