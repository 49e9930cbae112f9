"""The dialogue: who may say what when, and what a peer may never get away with."""

import itertools
import math
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import encode as pack

from supervisor.wire.dialogue import MOST_RATE_HZ, TURNS, ChildEnd, ParentEnd, State, VersionMismatch
from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.frames import encode
from supervisor.wire.messages import (
    MAX_CHUNK_BYTES,
    PROTOCOL_VERSION,
    Chunk,
    Done,
    Exit,
    Failed,
    Figures,
    FromChild,
    FromParent,
    Greeting,
    Hello,
    ListVoices,
    Loading,
    Message,
    Progress,
    Ready,
    Release,
    Released,
    Synthesize,
    Voice,
    Voices,
)
from supervisor.wire.speech import length_bounds_s
from tests.supervisor.wire.said import CHUNK, DONE, FIGURES, NEARLY, PACKABLE, READY, SAID, WAYS


class Parent:
    """A parent's end and the numbers of what its child would send."""

    def __init__(self, state: State = State.GREETING) -> None:
        self.end = ParentEnd()
        self.heard = 0
        for kind in WAYS[state]:
            self.say(SAID[kind])
        assert self.end.state is state

    def say(self, message: Message) -> None:
        """Take this turn, whoever's it is."""
        if isinstance(message, FromParent):
            self.end.send(message)
        elif isinstance(message, FromChild):
            self.hear(message)

    def hear(self, message: FromChild) -> FromChild:
        self.heard += 1
        return self.end.receive(encode(self.heard, message)[4:])


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("state", "kind"), [pair for pair in itertools.product(State, SAID) if pair[1] is not Exit], ids=str
)
def test_every_word_in_every_state_is_a_turn_or_someones_fault(state: State, kind: type[Message]) -> None:
    parent = Parent(state)
    if (state, kind) in TURNS:
        if kind is Done:
            parent.hear(CHUNK)
        parent.say(SAID[kind])
        assert parent.end.state is TURNS[state, kind]
        return
    with pytest.raises(LocalError if kind in FromParent.__args__ else PeerError, match="out of turn"):
        parent.say(SAID[kind])
    assert parent.end.state is state


@pytest.mark.parametrize("state", State)
def test_exit_may_be_said_in_any_state_once_and_is_the_last_word(state: State) -> None:
    parent = Parent(state)
    parent.say(Exit())
    assert parent.end.state is state
    for message in (Exit(), Release(), SAID[Synthesize]):
        with pytest.raises(LocalError):
            parent.say(message)


def test_what_was_in_hand_when_exit_was_said_is_still_heard() -> None:
    parent = Parent(State.SPEAKING)
    parent.say(Exit())
    parent.hear(CHUNK)
    assert parent.hear(DONE) == DONE


def test_a_word_out_of_turn_uses_up_no_number() -> None:
    parent = Parent(State.HELLO)
    with pytest.raises(LocalError):
        parent.end.send(Release())
    child = ChildEnd()
    child.send(SAID[Greeting])  # pyright: ignore[reportArgumentType] -- the table holds both sides' words
    assert child.receive(parent.end.send(SAID[Hello])[4:]) == SAID[Hello]  # pyright: ignore[reportArgumentType] -- as above


# ---------------------------------------------------------------- both ends together


def test_two_ends_agree_over_a_whole_life() -> None:
    parent, child = ParentEnd(), ChildEnd()
    life = [Greeting, Hello, Loading, Ready, ListVoices, Voices, Synthesize, Progress, Chunk, Done]
    life += [Synthesize, Chunk, Failed, Release, Released, Exit]
    for kind in life:
        message = SAID[kind]
        if isinstance(message, FromParent):
            assert child.receive(parent.send(message)[4:]) == message
        elif isinstance(message, FromChild):
            assert parent.receive(child.send(message)[4:]) == message
        assert parent.state is child.state


def test_the_child_checks_its_own_words_too() -> None:
    child = ChildEnd()
    for kind in WAYS[State.SPEAKING]:
        message = SAID[kind]
        if isinstance(message, FromParent):
            child.receive(encode(child_number(message), message)[4:])
        elif isinstance(message, FromChild):
            child.send(message)
    with pytest.raises(LocalError, match="chunk 1"):
        child.send(msgspec.structs.replace(CHUNK, seq=1))
    with pytest.raises(LocalError, match="attempt 4"):
        child.send(msgspec.structs.replace(CHUNK, attempt=4))


def child_number(message: Message) -> int:
    """Number of the parent's words on the way to SPEAKING."""
    return 1 if isinstance(message, Hello) else 2


@pytest.mark.parametrize("protocol", [0, PROTOCOL_VERSION + 1])
def test_another_version_is_told_apart_from_damage(protocol: int) -> None:
    with pytest.raises(VersionMismatch, match="same version"):
        Parent().hear(Greeting(protocol=protocol, version="9", pid=1, python="3.11"))
    child = ChildEnd()
    with pytest.raises(VersionMismatch, match="same version"):
        child.receive(encode(1, Hello(protocol=protocol, life=1, engine="x", device="cpu", settings={}))[4:])


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("number", [-1, 0, 2, 2**40])
def test_a_lost_or_doubled_frame_is_seen_at_once(number: int) -> None:
    parent = Parent()
    with pytest.raises(PeerError, match=f"frame {number} .* frame 1"):
        parent.end.receive(encode(number, SAID[Greeting])[4:])


# ---------------------------------------------------------------- a segment's answers


@pytest.mark.parametrize("kind", [Chunk, Progress, Done, Failed])
@pytest.mark.parametrize("wrong", [{"attempt": 2}, {"attempt": 4}, {"segment_id": 8}])
def test_no_answer_of_another_attempt_is_used(kind: type[Message], wrong: dict[str, int]) -> None:
    parent = Parent(State.SPEAKING)
    answer = msgspec.structs.replace(SAID[kind], **wrong)
    with pytest.raises(PeerError, match="in hand are segment 7, attempt 3"):
        parent.say(answer)


@pytest.mark.parametrize("seq", [-1, 0, 2, 3])
def test_a_gap_between_chunks_is_seen(seq: int) -> None:
    parent = Parent(State.SPEAKING)
    parent.hear(CHUNK)
    with pytest.raises(PeerError, match="where 1 was due"):
        parent.hear(msgspec.structs.replace(CHUNK, seq=seq))


@pytest.mark.parametrize("size_bytes", [0, 1, 47999, MAX_CHUNK_BYTES + 2])
def test_a_chunk_holds_whole_samples_and_not_too_many(size_bytes: int) -> None:
    with pytest.raises(PeerError, match=f"holds {size_bytes} bytes"):
        Parent(State.SPEAKING).hear(msgspec.structs.replace(CHUNK, pcm_s16le=bytes(size_bytes)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunks": 2},
        {"samples": 23999},
        {"sample_rate_hz": 0},
        {"sample_rate_hz": -24000},
        {"sample_rate_hz": 10**9},
        {"sample_rate_hz": 48000},  # then the figures' second is half a second
        {"figures": msgspec.structs.replace(FIGURES, failed="silence")},
        {"figures": msgspec.structs.replace(FIGURES, seconds=math.nan)},
        {"figures": msgspec.structs.replace(FIGURES, peak=math.inf)},
        {"figures": msgspec.structs.replace(FIGURES, tail_silence_s=-1.0)},
    ],
)
def test_a_done_that_does_not_add_up_is_refused(wrong: dict[str, int | Figures]) -> None:
    parent = Parent(State.SPEAKING)
    parent.hear(CHUNK)
    with pytest.raises(PeerError):
        parent.hear(msgspec.structs.replace(DONE, **wrong))


def test_the_next_segment_begins_from_nothing() -> None:
    parent = Parent(State.SPEAKING)
    for _ in range(3):
        parent.hear(CHUNK)
        parent.hear(DONE)
        parent.say(SAID[Synthesize])


def test_audio_without_end_is_refused_before_it_fills_a_disk() -> None:
    parent = Parent(State.SPEAKING)
    piece = msgspec.structs.replace(CHUNK, pcm_s16le=bytes(MAX_CHUNK_BYTES))
    most = int(length_bounds_s("hello there")[1] * MOST_RATE_HZ * 2 / MAX_CHUNK_BYTES)
    for seq in range(most):
        parent.hear(msgspec.structs.replace(piece, seq=seq))
    with pytest.raises(PeerError, match="does not end"):
        parent.hear(msgspec.structs.replace(piece, seq=most))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate_hz": 0},
        {"pace_s_per_char": 0.0},
        {"pace_s_per_char": math.nan},
        {"pace_s_per_char": math.inf},
        {"canary": msgspec.structs.replace(FIGURES, seconds=math.nan)},
    ],
)
def test_a_ready_that_cannot_be_is_refused(wrong: dict[str, float | Figures]) -> None:
    with pytest.raises(PeerError):
        Parent(State.LOADING).hear(msgspec.structs.replace(READY, **wrong))


def test_a_voice_that_cannot_be_is_refused() -> None:
    voice = Voice(name="x", language="y", sample_rate_hz=0)
    with pytest.raises(PeerError, match="0 Hz"):
        Parent(State.LISTING).hear(Voices(voices=[voice]))


# ---------------------------------------------------------------- arbitrary bodies


@given(state=st.sampled_from(State), body=st.binary(max_size=300))
def test_any_bytes_are_the_peers_fault_and_nothing_else(state: State, body: bytes) -> None:
    expect_peer_error_at_most(Parent(state).end.receive, body)


@given(state=st.sampled_from(State), number=st.integers(0, 6), raw=PACKABLE | NEARLY)
def test_any_message_is_taken_or_is_the_peers_fault(state: State, number: int, raw: object) -> None:
    parent = Parent(state)
    expect_peer_error_at_most(parent.end.receive, pack([number or parent.heard + 1, raw]))


@given(state=st.sampled_from(State), kinds=st.lists(st.sampled_from(list(SAID)), max_size=8))
def test_any_words_of_the_contract_are_taken_or_someones_fault(
    state: State, kinds: list[type[Message]]
) -> None:
    parent = Parent(state)
    for kind in kinds:
        try:
            parent.say(SAID[kind])
        except PeerError:
            return
        except LocalError:
            assert kind in FromParent.__args__


def expect_peer_error_at_most(receive: Callable[[bytes], FromChild], body: bytes) -> None:
    try:
        receive(body)
    except PeerError:
        return
