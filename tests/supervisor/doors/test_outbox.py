"""Answers and audio are kept in order, notes give way, and a client that is slow costs a bounded room."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.doors.backlog import Room
from supervisor.doors.outbox import (
    CHUNK_BYTES,
    KEPT_BYTES,
    MOST_NOTES,
    UNHEARD_BYTES,
    UNREAD_BYTES,
    Outbox,
    Sound,
)

Json = dict[str, object]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(Room(1 << 20, tmp_path), lambda: None)
    yield outbox
    outbox.close()


def drain(outbox: Outbox) -> list[bytes]:
    pieces = b""
    while not outbox.is_empty:
        pieces += outbox.pull(1000)
    return pieces.splitlines()


def test_lines_come_out_in_order_and_about_as_many_as_are_wanted(outbox: Outbox) -> None:
    for number in range(10):
        outbox.put(b"%d\n" % number)
    assert outbox.pull(5) == b"0\n1\n2\n"
    assert drain(outbox) == [b"%d" % number for number in range(3, 10)]


def test_a_note_takes_the_place_of_an_earlier_one_about_the_same(outbox: Outbox) -> None:
    outbox.tell(b"job a 1\n", "a")
    outbox.put(b"answer\n")
    outbox.tell(b"job b 1\n", "b")
    outbox.tell(b"job a 2, longer\n", "a")
    assert drain(outbox) == [b"job a 2, longer", b"answer", b"job b 1"]
    outbox.tell(b"job a 3\n", "a")
    assert drain(outbox) == [b"job a 3"]


def test_notes_are_dropped_oldest_first_and_answers_never(outbox: Outbox) -> None:
    for number in range(3 * MOST_NOTES):
        outbox.tell(b"note %d\n" % number)
        if number % MOST_NOTES == 0:
            outbox.put(b"answer %d\n" % number)
    lines = drain(outbox)
    assert [line for line in lines if b"answer" in line] == [b"answer 0", b"answer 256", b"answer 512"]
    kept = [line for line in lines if b"note" in line]
    assert kept == [b"note %d" % number for number in range(2 * MOST_NOTES, 3 * MOST_NOTES)]


def test_answers_that_nobody_reads_wait_on_disk_beyond_a_few(tmp_path: Path) -> None:
    room = Room(0, tmp_path)
    outbox = Outbox(room, lambda: None)
    answers = [b"%d" % number * 10_000 + b"\n" for number in range(10)]
    for answer in answers:
        outbox.put(answer)
        outbox.tell(b"note\n", "job a")
    assert sum(map(len, answers)) - room.spill.held_bytes < KEPT_BYTES
    assert [line + b"\n" for line in drain(outbox) if line != b"note"] == answers
    assert room.spill.held_bytes == 0
    for answer in answers:
        outbox.put(answer)
    outbox.close()
    assert (room.spill.held_bytes, outbox.is_empty, outbox.is_full) == (0, True, False)


def test_an_answer_that_cannot_be_put_aside_is_kept_all_the_same(tmp_path: Path) -> None:
    outbox = Outbox(Room(0, tmp_path / "nowhere"), lambda: None)
    answers = [b"%d" % number * 20_000 for number in range(4)]
    for answer in answers:
        outbox.put(answer + b"\n")
    assert drain(outbox) == answers


def test_an_answer_that_cannot_be_read_back_is_told(tmp_path: Path) -> None:
    room = Room(0, tmp_path)
    outbox = Outbox(room, lambda: None)
    for _ in range(2):
        outbox.put(b"x" * 50_000 + b"\n")
    os.ftruncate(room.spill._fd, 0)  # pyright: ignore[reportPrivateUsage] - to break what it reads
    answers = [json.loads(line) for line in drain(outbox)]
    assert [(each["id"], each["error"]["data"]["kind"]) for each in answers] == [(None, "disk_full")] * 2
    assert (room.spill.held_bytes, outbox.is_full) == (0, False)


def test_it_is_full_of_answers_or_of_audio_until_they_are_read(outbox: Outbox) -> None:
    outbox.put(b"x" * UNREAD_BYTES + b"\n")
    assert outbox.is_full
    outbox.pull(1)
    assert not outbox.is_full
    sound = outbox.sound(b"1")
    outbox.hear(sound, bytes(UNHEARD_BYTES + 2), 24_000)
    assert outbox.is_full
    outbox.pull(100_000)
    assert not outbox.is_full


def test_audio_is_cut_into_chunks_with_its_answer_behind_it(outbox: Outbox) -> None:
    sound, pcm = outbox.sound(b'"a"'), bytes(range(256)) * 500
    outbox.hear(sound, pcm, 24_000)
    outbox.finish(sound, b'{"id":"a"}\n')
    outbox.put(b'{"id":"other"}\n')
    first, *chunks, last = [json.loads(line) for line in drain(outbox)]
    assert (first, last) == ({"id": "other"}, {"id": "a"})
    params = [chunk["params"] for chunk in chunks]
    assert [each["seq"] for each in params] == list(range(len(pcm) // CHUNK_BYTES + 1))
    assert {(each["id"], each["sample_rate"]) for each in params} == {("a", 24_000)}
    assert b"".join(base64.b64decode(each["pcm_s16le"]) for each in params) == pcm


def test_sounds_take_turns(outbox: Outbox) -> None:
    sounds = [outbox.sound(b"%d" % number) for number in range(3)]
    for sound in sounds:
        outbox.hear(sound, bytes(2 * CHUNK_BYTES), 24_000)
    ids = [json.loads(line)["params"]["id"] for line in drain(outbox)]
    assert ids == [0, 1, 2, 0, 1, 2]


def test_a_sound_that_is_not_wanted_any_more_goes_and_its_room_with_it(tmp_path: Path) -> None:
    room = Room(1 << 20, tmp_path)
    outbox = Outbox(room, lambda: None)
    sound = outbox.sound(b"1")
    outbox.hear(sound, bytes(1 << 19), 24_000)
    outbox.hear(sound, bytes(1 << 20), 24_000)
    outbox.finish(sound, b"cancelled\n", drop=True)
    outbox.hear(sound, bytes(100), 24_000)
    assert (drain(outbox), room.left_bytes, outbox.audio_bytes) == ([b"cancelled"], 1 << 20, 0)


def test_audio_that_cannot_be_read_back_is_answered_with_why(outbox: Outbox) -> None:
    sound = outbox.sound(b"7")
    outbox.hear(sound, bytes(3 << 20), 24_000)  # does not fit into memory
    outbox.finish(sound, b'{"id":7,"result":{}}\n')
    os.ftruncate(outbox._room.spill._fd, 0)  # pyright: ignore[reportPrivateUsage] - to break what it reads
    *_, line = drain(outbox)  # some of it was in memory
    answer = json.loads(line)
    assert (answer["id"], answer["error"]["data"]) == (7, {"kind": "disk_full", "retryable": True})


Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "tell", "hear", "finish", "pull"]), st.integers(0, 3), st.integers(1, 90_000)
    ),
    max_size=60,
)


@given(steps=steps, room_bytes=st.integers(0, 200_000))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_no_answer_and_no_sample_is_lost_or_moved(
    tmp_path: Path, steps: list[Step], room_bytes: int
) -> None:
    outbox = Outbox(Room(room_bytes, tmp_path), lambda: None)
    sounds: dict[int, Sound] = {}
    given_bytes, read = dict[int, bytes](), b""
    answers: list[str] = []
    for count, (what, which, size) in enumerate(steps):
        if what == "put":
            answers.append(f"answer {count}")
            outbox.put(json.dumps(answers[-1]).encode() + b"\n")
        elif what == "tell":
            outbox.tell(b'"note"\n', f"job {which}")
        elif what == "hear":
            if which not in given_bytes:
                sounds[which], given_bytes[which] = outbox.sound(b"%d" % which), b""
            if which in sounds:
                pcm = count.to_bytes(2, "little") * (size // 2)
                given_bytes[which] += pcm
                outbox.hear(sounds[which], pcm, 24_000)
        elif what == "finish" and which in sounds:
            outbox.finish(sounds.pop(which), json.dumps({"end": which}).encode() + b"\n")
        else:
            read += outbox.pull(size)
    read += b"".join(line + b"\n" for line in drain(outbox))
    lines: list[str | Json] = [json.loads(line) for line in read.splitlines()]
    assert [line for line in lines if isinstance(line, str) and line != "note"] == answers
    assert heard([line for line in lines if isinstance(line, dict)]) == {
        key: pcm for key, pcm in given_bytes.items() if pcm
    }
    outbox.close()


def heard(lines: list[Json]) -> dict[object, bytes]:
    """Join the chunks of each sound: none is out of turn, and none comes after the answer."""
    found: dict[object, list[bytes]] = {}
    ended: set[object] = set()
    for line in lines:
        if "end" in line:
            ended.add(line["end"])
            continue
        params = cast("Json", line["params"])
        assert params["id"] not in ended
        chunks = found.setdefault(params["id"], [])
        assert params["seq"] == len(chunks)
        chunks.append(base64.b64decode(str(params["pcm_s16le"])))
    return {key: b"".join(chunks) for key, chunks in found.items()}
