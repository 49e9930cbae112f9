"""Who may say what when: one table for both ends, and what each end checks on top of it.

    GREETING ─Greeting─▶ HELLO ─Hello─▶ LOADING ─Ready─▶ IDLE ─Synthesize─▶ SPEAKING ─Done, Failed─▶ IDLE
                                           │Broken            ─Release────▶ RELEASING ─Released────▶ IDLE
                                           ▼                  ─ListVoices─▶ LISTING ─Voices────────▶ IDLE
                                         ENDED

`Exit` may be said in any state, once; nothing follows it from the parent. Sans-IO: an end
turns messages into frames and bodies into messages, and reports whose fault an error is.
"""

import enum
import math

from supervisor.wire import frames
from supervisor.wire.errors import LocalError, PeerError
from supervisor.wire.messages import (
    MAX_CHUNK_BYTES,
    PROTOCOL_VERSION,
    Broken,
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
    Voices,
)
from supervisor.wire.speech import length_bounds_s

#: Rates that speech is made at; beyond them is a damaged number, not a sound card's.
LEAST_RATE_HZ, MOST_RATE_HZ = 4_000, 384_000

#: Figures are computed from the same samples: a hundredth of a second is already a lie.
_FIGURES_SLACK_S = 0.01


class VersionMismatch(PeerError):
    """The other end speaks another protocol: two versions of this package, nobody's crash."""


class State(enum.Enum):
    """Where a life's dialogue stands."""

    GREETING = "greeting"
    HELLO = "hello"
    LOADING = "loading"
    IDLE = "idle"
    SPEAKING = "speaking"
    RELEASING = "releasing"
    LISTING = "listing"
    ENDED = "ended"


#: Every turn that may be taken, by either end, but `Exit`.
TURNS: dict[tuple[State, type[Message]], State] = {
    (State.GREETING, Greeting): State.HELLO,
    (State.HELLO, Hello): State.LOADING,
    (State.LOADING, Loading): State.LOADING,
    (State.LOADING, Ready): State.IDLE,
    (State.LOADING, Broken): State.ENDED,
    (State.IDLE, Synthesize): State.SPEAKING,
    (State.SPEAKING, Chunk): State.SPEAKING,
    (State.SPEAKING, Progress): State.SPEAKING,
    (State.SPEAKING, Done): State.IDLE,
    (State.SPEAKING, Failed): State.IDLE,
    (State.IDLE, Release): State.RELEASING,
    (State.RELEASING, Released): State.IDLE,
    (State.IDLE, ListVoices): State.LISTING,
    (State.LISTING, Voices): State.IDLE,
}


class _Segment:
    """The segment in hand and what was said of it so far."""

    def __init__(self, order: Synthesize, pace_s_per_char: float | None) -> None:
        self.segment_id = order.segment_id
        self.attempt = order.attempt
        self.chunks = 0
        self.samples = 0
        # An engine that never ends is alive by every other sign. The longest possible at the
        # highest rate: wrong by far, and still a bound on what the parent writes.
        most_s = max(length_bounds_s(order.text)[1], length_bounds_s(order.text, pace_s_per_char)[1])
        self.most_samples = int(most_s * MOST_RATE_HZ)

    def take(self, answer: Chunk | Progress | Done | Failed) -> None:
        """Check an answer against what is in hand.

        Raises:
            PeerError: If it does not belong here.
        """
        if (answer.segment_id, answer.attempt) != (self.segment_id, self.attempt):
            raise PeerError(
                f"{type(answer).__name__} of segment {answer.segment_id}, attempt {answer.attempt}; "
                f"in hand are segment {self.segment_id}, attempt {self.attempt}"
            )
        if isinstance(answer, Chunk):
            self._take_chunk(answer)
        elif isinstance(answer, Done):
            self._take_done(answer)

    def _take_chunk(self, chunk: Chunk) -> None:
        size_bytes = len(chunk.pcm_s16le)
        if chunk.seq != self.chunks:
            raise PeerError(f"chunk {chunk.seq} of segment {self.segment_id} where {self.chunks} was due")
        if size_bytes % 2 or not 0 < size_bytes <= MAX_CHUNK_BYTES:
            raise PeerError(f"chunk {chunk.seq} of segment {self.segment_id} holds {size_bytes} bytes")
        self.chunks += 1
        self.samples += size_bytes // 2
        if self.samples > self.most_samples:
            raise PeerError(f"segment {self.segment_id} does not end: {self.samples} samples so far")

    def _take_done(self, done: Done) -> None:
        if (done.chunks, done.samples) != (self.chunks, self.samples):
            raise PeerError(
                f"segment {self.segment_id} is said to be {done.chunks} chunks and {done.samples} samples; "
                f"{self.chunks} and {self.samples} arrived"
            )
        _check_rate(done.sample_rate_hz)
        _check_figures(done.figures)
        seconds = done.samples / done.sample_rate_hz
        if done.figures.failed is not None or abs(done.figures.seconds - seconds) > _FIGURES_SLACK_S:
            raise PeerError(
                f"segment {self.segment_id} of {seconds:.3f} s is done with figures {done.figures}"
            )


class _End:
    """What both ends do: number, keep the state, keep the segment in hand."""

    def __init__(self) -> None:
        self.state = State.GREETING
        self.exit_said = False
        self._sent = 0
        self._received = 0
        self._segment: _Segment | None = None
        self._pace_s_per_char: float | None = None

    def _turn(self, message: Message, fault: type[LocalError] | type[PeerError]) -> None:
        """Take one turn, or raise `fault` when it is not the speaker's turn to say that."""
        name = type(message).__name__
        if isinstance(message, Exit):
            if self.exit_said:
                raise fault("Exit was said twice")
            self.exit_said = True
            return
        state = TURNS.get((self.state, type(message)))
        if state is None or (self.exit_said and isinstance(message, FromParent)):
            raise fault(f"{name} out of turn: the dialogue is at {self.state.value}")
        if isinstance(message, Chunk | Progress | Done | Failed):
            self._take_answer(message, fault)
        if isinstance(message, Ready):
            self._pace_s_per_char = message.pace_s_per_char
        if isinstance(message, Synthesize):
            self._segment = _Segment(message, self._pace_s_per_char)
        self.state = state

    def _take_answer(
        self, answer: Chunk | Progress | Done | Failed, fault: type[LocalError] | type[PeerError]
    ) -> None:
        assert self._segment is not None  # the table leads here through Synthesize alone
        try:
            self._segment.take(answer)
        except PeerError as error:
            raise fault(str(error)) from error

    def _frame(self, message: Message) -> bytes:
        frame = frames.encode(self._sent + 1, message)
        self._turn(message, LocalError)
        self._sent += 1
        return frame

    def _count(self, number: int) -> None:
        self._received += 1
        if number != self._received:
            raise PeerError(f"frame {number} arrived where frame {self._received} was due")


class ParentEnd(_End):
    """The parent's end of one child life."""

    def send(self, message: FromParent) -> bytes:
        """Return the frame to write.

        Raises:
            LocalError: If it is not the parent's turn to say that. Nothing has changed then.
        """
        return self._frame(message)

    def receive(self, body: bytes) -> FromChild:
        """Return the message of a body that `frames.FrameReader` cut.

        Raises:
            PeerError: If it is damaged, unknown, out of turn, or contradicts what came before:
                the child's life must end. `VersionMismatch` if only the versions differ.
        """
        number, message = frames.decode_from_child(body)
        self._count(number)
        if isinstance(message, Greeting):
            _check_greeting(message)
        elif isinstance(message, Ready):
            _check_ready(message)
        if isinstance(message, Voices | Ready):
            for voice in message.voices:
                _check_rate(voice.sample_rate_hz)
        self._turn(message, PeerError)
        return message


class ChildEnd(_End):
    """The child's end of its life."""

    def send(self, message: FromChild) -> bytes:
        """Return the frame to write.

        Raises:
            LocalError: If it is not the child's turn to say that.
        """
        return self._frame(message)

    def receive(self, body: bytes) -> FromParent:
        """Return the message of a body.

        Raises:
            PeerError: If it is damaged, unknown or out of turn; `VersionMismatch` if only the
                versions differ.
        """
        number, message = frames.decode_from_parent(body)
        self._count(number)
        if isinstance(message, Hello) and message.protocol != PROTOCOL_VERSION:
            raise VersionMismatch(_versions("parent", message.protocol))
        self._turn(message, PeerError)
        return message


def _check_greeting(greeting: Greeting) -> None:
    if greeting.protocol != PROTOCOL_VERSION:
        raise VersionMismatch(f"{_versions('child', greeting.protocol)} (version {greeting.version})")


def _versions(who: str, theirs: int) -> str:
    return (
        f"the {who} speaks protocol {theirs}, this end {PROTOCOL_VERSION}: "
        "install the same version of tts-supervisor where child.python points"
    )


def _check_ready(ready: Ready) -> None:
    _check_rate(ready.sample_rate_hz)
    _check_figures(ready.canary)
    pace = ready.pace_s_per_char
    if pace is not None and not 0 < pace < math.inf:
        raise PeerError(f"Ready with a pace of {pace} seconds a character")


def _check_rate(rate_hz: int) -> None:
    if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
        raise PeerError(f"a sample rate of {rate_hz} Hz")


def _check_figures(figures: Figures) -> None:
    numbers = (
        figures.seconds,
        figures.peak,
        figures.clipped_share,
        figures.longest_silence_s,
        figures.tail_silence_s,
        figures.level_jump_db,
    )
    if not all(math.isfinite(number) for number in numbers) or min(numbers) < 0:
        raise PeerError(f"figures that cannot be: {figures}")
