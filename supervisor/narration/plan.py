"""The plan of a job: what is spoken in which pieces, and what became of every character.

All offsets are indices into the decoded text of a source. For every source the spans tile
`[0, len(text))` exactly: a character is either spoken (it stands in a segment) or skipped
with a reason, never neither and never both.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from supervisor.wire.messages import Setting

#: The silence after a segment; `none` within a sentence that was too long for one segment.
PauseKind = Literal["none", "sentence", "paragraph", "heading"]

#: Seeds fit a signed 64-bit integer: SQLite's and msgpack's common ground.
MAX_SEED = 2**63 - 1


class VoiceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks: a voice of the engine's, a recording to clone with its words, or both, or the default.

    Attributes:
        name: Of the engine's own; None = its default. While a job is asked for, also a cloned voice's.
        reference_path: Of a recording: absolute as it is asked for, below the state folder once planned.
        reference_text: What is said in it; None without a recording.
        reference_sha256: Of the recording's bytes, in hex; None until it is planned. With the text it is the
            voice: what the recording is called, and where it came from, decides nothing.
        origin: Where it came from, for people and to find it again: a cloned voice's name, or the absolute
            path that it was read from.
    """

    name: str | None = None
    reference_path: str | None = None
    reference_text: str | None = None
    reference_sha256: str | None = None
    origin: str | None = None

    @property
    def called(self) -> str | None:
        """What to call it to people; None = the default voice."""
        return self.origin or self.reference_path or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording to clone, found.

    Attributes:
        origin: Absolute path that it was read from.
        path: Where the engine is to read it; below the state folder if it is kept there.
        sha256: Of its bytes, in hex; None if it was not read.
    """

    origin: str
    path: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input.

    Attributes:
        name: Path as the user gave it, or `stdin`.
        text: Decoded, with every character it came with (a byte order mark included).
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a source.

    Attributes:
        source: Index into `Plan.sources`.
        start: First character.
        end: One past the last; greater than `start`.
        reason: Why it is not spoken; None = it is, and lies within one segment.
    """

    source: int
    start: int
    end: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSegment:
    """What the child is to speak at once.

    Attributes:
        chapter: Index into `Plan.chapters`.
        text: Whitespace is single spaces, none at the ends; at most `segment_chars` characters.
        seed: `segment_seed` of its chapter's seed.
        occurrence: How often the same text stood before it in its chapter.
        pause: The silence after it.
        source: Index into `Plan.sources`.
        start: First character of the source that it speaks.
        end: One past the last; skipped characters (markup) may lie between.
    """

    chapter: int
    text: str
    seed: int
    occurrence: int
    pause: PauseKind
    source: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChapter:
    """A chapter of a document, or one line of a JSONL file.

    Attributes:
        title: For people; never empty.
        name: File name without suffix that the input asks for (JSONL), unique within a plan;
            None for a chapter of a document.
        voice: The job's, with what the line says on top.
        seed: The line's, else the job's.
        sample_rate_hz: What the line asks for; None = the job's.
        settings: Engine settings of the line, by their names in `[engine.NAME]`.
        segments: In speaking order; never empty.
    """

    title: str
    name: str | None
    voice: VoiceSpec
    seed: int
    sample_rate_hz: int | None
    settings: dict[str, Setting]
    segments: tuple[PlannedSegment, ...]


class BadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A JSONL line that cannot be spoken; it costs only itself.

    Attributes:
        source: Index into `Plan.sources`.
        line: Its number, from 1.
        message: What is wrong and how to mend it.
        start: First character of the line.
        end: One past its last.
    """

    source: int
    line: int
    message: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is decided about a job before a child is started.

    Attributes:
        sources: The inputs, in their order.
        chapters: In speaking order.
        spans: By source, then by place; they tile every source.
        bad_lines: In order.
        notices: Sentences for people about what was passed over without being wrong.
    """

    sources: tuple[Source, ...]
    chapters: tuple[PlannedChapter, ...]
    spans: tuple[Span, ...]
    bad_lines: tuple[BadLine, ...]
    notices: tuple[str, ...] = ()


class PlanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in figures: what the planning process answers and `plan` prints.

    Attributes:
        chapters: Their number.
        segments: Their number.
        characters: Of all sources.
        spoken_characters: Of all sources, that stand in a segment.
        skipped: Characters by reason.
        expected_seconds: Of audio, pauses not counted.
        expected_bytes: Disk for the segments and the finished files together.
        bad_lines: In order.
        reused: Segments whose audio is there already.
        notices: As in the plan.
    """

    chapters: int
    segments: int
    characters: int
    spoken_characters: int
    skipped: dict[str, int]
    expected_seconds: float
    expected_bytes: int
    bad_lines: list[BadLine]
    reused: int = 0
    notices: list[str] = []


def segment_seed(chapter_seed: int, text: str, occurrence: int) -> int:
    """Return a segment's seed: from its own text only, so that an edit elsewhere moves nothing.

    Args:
        chapter_seed: The job's seed, or the line's.
        text: The segment's.
        occurrence: How often that text stood before in its chapter.
    """
    digest = hashlib.sha256(f"{chapter_seed}\0{text}\0{occurrence}".encode()).digest()
    return int.from_bytes(digest[:8], "big") & MAX_SEED


def segment_key(
    *,
    engine_identity: str,
    voice: VoiceSpec,
    seed: int,
    settings: Mapping[str, Setting],
    text: str,
) -> str:
    """Return 32 hex digits of a hash over everything that decides a segment's bytes."""
    parts = [
        engine_identity,
        [voice.name, voice.reference_sha256 or voice.reference_path, voice.reference_text],
        seed,
        dict(settings),
        text,
    ]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]


def chained(keys: Iterable[str], occurrence: int) -> Iterator[str]:
    """Yield each key with all before it in its chapter made a part of it: for audio that depends on them.

    Args:
        keys: Of one chapter, as `segment_key` gives them.
        occurrence: How often a chapter of the job began with that key, this one included.
    """
    so_far = str(occurrence)
    for key in keys:
        so_far = hashlib.sha256(f"{so_far}\0{key}".encode()).hexdigest()[:32]
        yield so_far
