"""What a trace records, one line each: the words in which live run, replay and plot speak of memory.

JSON lines as in interface §5, times in seconds on one monotonic clock, sizes in bytes, null where
unknown. Three kinds are our own: `released` (what a release gave back), `decided` (what the live
run did; replay decides anew and passes it by) and `asked` (a text that was held back: no
`segment_begin` tells of it). Fields and kinds that are not known are ignored: a
trace of a later version can be read.
"""

from typing import Final

import msgspec


class DamagedLine(ValueError):
    """A line of a trace is no record: the text says what was seen; the reader adds file and line."""


class TraceVitals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the child says of itself after a segment, in bytes; None where it has no such figure.

    Attributes:
        live: Held by live tensors.
        reserved: Reserved by torch's allocator.
        peak: Peak of live bytes within the segment.
        declared: In caches that the engine keeps on purpose.
        host_private: Private host memory.
        retries: Times that the allocator emptied its cache to find room, in this life.
        inactive_split: Free pieces within blocks in use.
    """

    live: int | None = None
    reserved: int | None = None
    peak: int | None = None
    declared: int | None = None
    host_private: int | None = None
    retries: int | None = None
    inactive_split: int | None = None


class _Line(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind"):
    """Base of all records; `t` in monotonic seconds."""

    t: float


class LifeReady(_Line, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="ready"):
    """A child life is ready: its canary was spoken.

    Attributes:
        life: Its number.
        vitals: After the canary, where the trace has them: the baseline of what it says of itself.
    """

    life: int
    vitals: TraceVitals | None = None


class Reading(_Line, frozen=True, kw_only=True, gc=False, tag="reading"):
    """Memory seen from outside, in bytes; None where the driver or the kernel does not say.

    Attributes:
        device_total: Of the GPU.
        device_used: By all programs.
        child_device: The child's part of it.
        child_host: Private host memory of the child and all that it forked.
        host_available: What the machine could still give.
        host_total: Of the machine, or of the control group around us.
    """

    device_total: int | None = None
    device_used: int | None = None
    child_device: int | None = None
    child_host: int | None = None
    host_available: int | None = None
    host_total: int | None = None


class SegmentBegin(_Line, frozen=True, kw_only=True, gc=False, tag="segment_begin"):
    """A text is handed out."""

    segment: int
    chars: int


class SegmentEnd(_Line, frozen=True, kw_only=True, gc=False, tag="segment_end"):
    """A text was spoken, or failed with `seconds` 0.

    Attributes:
        segment: Its number.
        chars: Characters of it.
        seconds: Of audio.
        vitals: Of the child, after it.
    """

    segment: int
    chars: int
    seconds: float = 0.0
    vitals: TraceVitals = TraceVitals()


class Boundary(_Line, frozen=True, kw_only=True, gc=False, tag="boundary"):
    """A paragraph, chapter or line ended: a good moment for a recycle."""

    what: str


class LifeEnded(_Line, frozen=True, kw_only=True, gc=False, tag="ended"):
    """A child life is over."""

    life: int
    why: str = ""


class Released(_Line, frozen=True, kw_only=True, gc=False, tag="released"):
    """The child released its caches: what it holds after that, and how long it took."""

    vitals: TraceVitals
    took_s: float = 0.0


class Decided(_Line, frozen=True, kw_only=True, gc=False, tag="decided"):
    """What the live run decided here."""

    action: str
    policy: str
    why: str = ""


class Asked(_Line, frozen=True, kw_only=True, gc=False, tag="asked"):
    """The panel was asked for a text, and its answer was not that it may go on.

    Attributes:
        chars: The outlook: of this text and those after it up to the next boundary.
    """

    chars: tuple[int, ...]


Record = LifeReady | Reading | SegmentBegin | SegmentEnd | Boundary | LifeEnded | Released | Decided | Asked

KINDS: Final = frozenset(
    {"ready", "reading", "segment_begin", "segment_end", "boundary", "ended", "released", "decided", "asked"}
)


class _Kind(msgspec.Struct):
    kind: str


_DECODER: Final = msgspec.json.Decoder(Record)
_KIND_DECODER: Final = msgspec.json.Decoder(_Kind)
_ENCODER: Final = msgspec.json.Encoder()


def decode(line: bytes | str) -> Record | None:
    """Read one line of a trace; None if it is of a kind that this version does not know.

    Raises:
        DamagedLine: It is no JSON, or a known kind lacks a field or has it wrong.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        # Asked only now: nearly every line is known, and a million are to be read in seconds.
        if _is_of_another_kind(line):
            return None
        raise DamagedLine(str(error)) from error


def encode(record: Record) -> bytes:
    """Return the record as one line, its line feed included."""
    return _ENCODER.encode(record) + b"\n"


def _is_of_another_kind(line: bytes | str) -> bool:
    try:
        return _KIND_DECODER.decode(line).kind not in KINDS
    except (msgspec.MsgspecError, UnicodeError):
        return False
