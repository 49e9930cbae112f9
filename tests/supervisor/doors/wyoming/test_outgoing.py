"""What goes out to a client: in order, never empty audio, and no more memory than there is room for."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.ping import Pong

from supervisor.doors.backlog import Room
from supervisor.doors.wyoming.frames import written
from supervisor.doors.wyoming.outgoing import CHUNK_SAMPLES, UNREAD_BYTES, Outgoing
from tests.supervisor.doors.wyoming.doors import frames_in, unwoken

RATE_HZ = 24_000


def outgoing_in(folder: Path, room_bytes: int = 1 << 20) -> Outgoing:
    return Outgoing(Room(room_bytes, folder), wake=unwoken)


def all_of(outgoing: Outgoing, most_bytes: int = 1000) -> bytes:
    pieces: list[bytes] = []
    while not outgoing.is_empty:
        pieces.append(outgoing.pull(most_bytes))
        assert 0 < len(pieces[-1]) <= most_bytes
    return b"".join(pieces)


def as_events(pcm: bytes, rate_hz: int = RATE_HZ) -> list[Event]:
    """What the package would send."""
    step = CHUNK_SAMPLES * 2
    cuts = [pcm[at : at + step] for at in range(0, len(pcm), step)]
    chunks = [
        AudioChunk(
            audio=cut, rate=rate_hz, width=2, channels=1, timestamp=number * CHUNK_SAMPLES * 1000 // rate_hz
        ).event()
        for number, cut in enumerate(cuts)
    ]
    start = AudioStart(rate=rate_hz, width=2, channels=1, timestamp=0).event()
    return [start, *chunks, AudioStop(timestamp=len(pcm) // 2 * 1000 // rate_hz).event()]


def test_audio_is_a_start_chunks_and_a_stop_with_their_times(tmp_path: Path) -> None:
    outgoing, pcm = outgoing_in(tmp_path), os.urandom(2 * 5000)
    for _ in range(2):  # the next begins at 0 again
        outgoing.audio(pcm, RATE_HZ)
        outgoing.end_audio()
        assert all_of(outgoing) == b"".join(map(written, as_events(pcm)))


def test_silence_is_samples_before_what_is_said(tmp_path: Path) -> None:
    outgoing, pcm = outgoing_in(tmp_path), os.urandom(2 * 100)
    outgoing.audio(pcm, RATE_HZ, silence_s=1.5)
    outgoing.end_audio()
    silent = [event.payload for event in as_events(bytes(2 * 36_000))[1:-1]]
    sent = all_of(outgoing)
    assert frames_in(sent) == ["audio-start", *["audio-chunk"] * (len(silent) + 1), "audio-stop"]
    assert sent.count(bytes(CHUNK_SAMPLES * 2)) == 36_000 // CHUNK_SAMPLES


def test_audio_that_never_began_has_no_end(tmp_path: Path) -> None:
    outgoing = outgoing_in(tmp_path)
    outgoing.end_audio()
    assert outgoing.is_empty


def test_audio_that_broke_off_is_followed_by_a_start_of_its_own(tmp_path: Path) -> None:
    outgoing = outgoing_in(tmp_path)
    outgoing.audio(bytes(20), RATE_HZ)
    outgoing.break_audio()
    outgoing.end_audio()
    outgoing.audio(bytes(20), 16_000)
    outgoing.end_audio()
    assert frames_in(all_of(outgoing)) == [
        "audio-start",
        "audio-chunk",
        "audio-start",
        "audio-chunk",
        "audio-stop",
    ]


@given(
    st.lists(
        st.one_of(st.binary(min_size=2, max_size=9000).map(lambda pcm: pcm[: len(pcm) // 2 * 2]), st.none())
    ),
    st.integers(1, 5000),
    st.sampled_from([0, 3000, 1 << 20]),
)
def test_order_is_kept_in_memory_and_on_the_disk(
    tmp_path_factory: pytest.TempPathFactory, said: list[bytes | None], most: int, room_bytes: int
) -> None:
    room = Room(room_bytes, tmp_path_factory.getbasetemp())
    outgoing = Outgoing(room, wake=unwoken)
    plain = outgoing_in(tmp_path_factory.getbasetemp(), 1 << 24)
    for one in said:
        for each in (outgoing, plain):
            if one is None:
                each.put(Pong().event())
            else:
                each.audio(one, RATE_HZ)
    assert all_of(outgoing, most) == all_of(plain, 1 << 24)
    outgoing.close()
    assert room.left_bytes == room_bytes


def test_it_is_full_when_half_a_minute_is_unread(tmp_path: Path) -> None:
    outgoing = outgoing_in(tmp_path)
    outgoing.audio(bytes(2 * RATE_HZ * 25), RATE_HZ)
    assert not outgoing.is_full
    outgoing.audio(bytes(2 * RATE_HZ * 10), RATE_HZ)
    assert outgoing.is_full
    while outgoing.is_full:
        outgoing.pull(UNREAD_BYTES // 10)
    assert not outgoing.is_empty


def test_what_finds_no_place_is_an_error_for_who_brought_it(tmp_path: Path) -> None:
    outgoing = outgoing_in(tmp_path / "nowhere", 0)
    with pytest.raises(OSError, match="nowhere"):
        outgoing.audio(bytes(20), RATE_HZ)
    with pytest.raises(OSError, match="nowhere"):
        outgoing.put(Pong().event())
