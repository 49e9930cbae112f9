"""Every message of the wire, as structs that refuse unknown fields: two unions at the end say who sends what.

A frame's body is the msgpack array `[number, {"type": …, …}]`; numbers count from 1 in each direction
without gaps, so that a lost or doubled frame is seen at once. Every answer about a segment carries its
attempt: no reply of a dead one is ever used. Who may say what when is in `dialogue.py`.
"""

from typing import Annotated, Literal

import msgspec

#: Raised with every change; both ends must agree at the handshake.
PROTOCOL_VERSION = 4

#: Most bytes in a piece of audio (2.7 s at 24 kHz): with 512 KiB the parent's heap stays 4 MiB larger.
MAX_CHUNK_BYTES = 128 * 1024

#: What an engine may carry over from one segment to the next: a history of some ten thousand tokens.
Past = Annotated[bytes, msgspec.Meta(max_length=256 * 1024)]

#: What a TOML table may hold: an engine's own settings travel as they stand in config.toml.
Setting = str | int | float | bool | list[str] | dict[str, str]

FailureKind = Literal[
    "oom",  # the allocator said no; the life may go on
    "engine",  # the engine raised
    "quality",  # the audio failed a check
    "bad_input", "voice_not_found",  # trying again is no use
]  # fmt: skip


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all messages."""


class Figures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a checked piece of audio measured.

    Attributes:
        seconds: Length.
        peak: Largest absolute sample, 0..1.
        clipped_share: Samples at or over full scale, 0..1.
        longest_silence_s: Longest run below the silence threshold.
        tail_silence_s: Silence at the end.
        level_jump_db: Largest lasting change of level between neighbouring stretches.
        failed: Name of the check that failed, or None.
    """

    seconds: float
    peak: float
    clipped_share: float
    longest_silence_s: float
    tail_silence_s: float
    level_jump_db: float
    failed: str | None = None


class Vitals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the child says of its own memory, in bytes; None where it has no such figure.

    Attributes:
        host_private_bytes: Private host memory (smaps_rollup: Private_Clean + Private_Dirty).
        live_bytes: Held by live tensors.
        reserved_bytes: Reserved by torch's allocator.
        peak_bytes: Peak of live bytes within the last segment.
        declared_bytes: In caches that the engine keeps on purpose.
        alloc_retries: Times that torch's allocator had to empty its cache to find room, in this life.
        inactive_split_bytes: Free pieces within blocks in use: fragmentation.
    """

    host_private_bytes: int
    live_bytes: int | None = None
    reserved_bytes: int | None = None
    peak_bytes: int | None = None
    declared_bytes: int | None = None
    alloc_retries: int | None = None
    inactive_split_bytes: int | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording to clone: a WAV's absolute path, what is said in it, what the user calls it (or "")."""

    path: str
    text: str
    called: str = ""


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[engine.faults]`, sizes in bytes. See interface §3 for what each does."""

    peak_bytes: int = 0
    leak_bytes: int = 0
    plateau: int = 0
    slowdown: float = 0.0
    faults: list[str] = []
    poison: dict[str, str] = {}


# ---------------------------------------------------------------- parent to child


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """First frame of a life: who you are to be.

    Attributes:
        protocol: `PROTOCOL_VERSION` of the parent.
        life: Number of this child life, from 1.
        engine: Name as in `engine.name`.
        device: `"auto"`, `"cpu"` or `"cuda:N"`.
        settings: The table `[engine.NAME]`, sizes still as written.
        faults: None unless a rehearsal is configured.
        voice: Voice that must exist before the child is ready; None = the engine's default.
        reference: Its recording, where it is cloned from one: usable before the child is ready.
        tells_voices: Whether `Ready` is to list all voices.
    """

    protocol: int
    life: int
    engine: str
    device: str
    settings: dict[str, Setting]
    faults: FaultPlan | None = None
    voice: str | None = None
    reference: Reference | None = None
    tells_voices: bool = False


class Synthesize(Message, frozen=True, kw_only=True, tag="synthesize"):
    """Speak one segment.

    Attributes:
        segment_id: Its number within its job.
        attempt: Of the hand-out, unique in a parent's life; answers repeat it.
        text: What to say, never empty.
        voice: None = the engine's default.
        reference: A recording to clone, for engines that can.
        seed: 0 .. 2**63 - 1.
        settings: Per-line settings that override `Hello.settings` (JSONL lines).
        past: What the segment before it in its chapter or line left (`Done.past`).
    """

    segment_id: int
    attempt: int
    text: str
    voice: str | None
    reference: Reference | None = None
    seed: int
    settings: dict[str, Setting] = {}
    past: Past = b""


class Release(Message, frozen=True, kw_only=True, tag="release"):
    """Give back what caches hold; answered by `Released`."""


class ListVoices(Message, frozen=True, kw_only=True, tag="list_voices"):
    """Answered by `Voices`."""


class Exit(Message, frozen=True, kw_only=True, tag="exit"):
    """Leave with status 0."""


# ---------------------------------------------------------------- child to parent


class Greeting(Message, frozen=True, kw_only=True, tag="greeting"):
    """First frame of the child, before `Hello`."""

    protocol: int
    version: str
    pid: int
    python: str


class Loading(Message, frozen=True, kw_only=True, tag="loading"):
    """Sign of life while the engine loads: a stage's name, for people."""

    stage: str


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """The engine is loaded and its canary utterance passed the checks.

    Attributes:
        engine: Its name.
        engine_version: Part of every segment's identity: same version, same bytes.
        sample_rate_hz: Of the audio it makes by default.
        voice: Its default voice.
        clones: Whether it can speak with a reference recording.
        uses_device: Whether it holds device memory (or rehearses an engine that does).
        pace_s_per_char: Fixed length per character if its speech has one, else None.
        canary: Figures of the canary.
        vitals: After the canary.
        took_s: From the start of the process.
        weight_files: Absolute paths that the next child will read: prefetched when a recycle is decided.
        notices: What people should know of this start; each is told once in a run.
        voices: All that can be used now, if the hello asks for them.
    """

    engine: str
    engine_version: str
    sample_rate_hz: int
    voice: str
    clones: bool
    uses_device: bool
    pace_s_per_char: float | None
    canary: Figures
    vitals: Vitals
    took_s: float
    weight_files: list[str] = []
    notices: list[str] = []
    voices: list["Voice"] = []


class Chunk(Message, frozen=True, kw_only=True, tag="chunk"):
    """One piece of a segment's audio."""

    segment_id: int
    attempt: int
    seq: int  # from 0, no gaps within a segment
    pcm_s16le: bytes  # mono, at most MAX_CHUNK_BYTES


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    """Sign of life of an engine that works on a segment but has no audio to send yet."""

    segment_id: int
    attempt: int


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """The segment is whole and passed the child's checks.

    Attributes:
        past: What the next segment of its chapter or line is to be given; opaque to the parent.
    """

    segment_id: int
    attempt: int
    chunks: int
    samples: int
    sample_rate_hz: int
    figures: Figures
    took_s: float
    vitals: Vitals
    past: Past = b""


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """The segment failed; what was sent of it is void.

    Attributes:
        retryable: False where the same text cannot succeed (`bad_input`, `voice_not_found`).
        sticky: This process cannot work any more: replace it.
    """

    segment_id: int
    attempt: int
    kind: FailureKind
    message: str
    retryable: bool
    sticky: bool = False
    figures: Figures | None = None
    vitals: Vitals


class Released(Message, frozen=True, kw_only=True, tag="released"):
    """Answer to `Release`."""

    before: Vitals
    after: Vitals
    took_s: float


class Voice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A voice that can be used now."""

    name: str
    language: str
    sample_rate_hz: int
    description: str = ""


class Voices(Message, frozen=True, kw_only=True, tag="voices"):
    """Answer to `ListVoices`."""

    voices: list[Voice]


class Broken(Message, frozen=True, kw_only=True, tag="broken"):
    """Last words of a child that cannot go on."""

    # The first two are the user's to mend: never restarted. The others are deaths before ready.
    kind: Literal["configuration", "voice_not_found", "load", "canary"]
    message: str


FromParent = Hello | Synthesize | Release | ListVoices | Exit
FromChild = Greeting | Loading | Ready | Chunk | Progress | Done | Failed | Released | Voices | Broken
