"""What goes into the ledger and comes out of it: values only."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from supervisor.narration.plan import PauseKind, VoiceSpec
from supervisor.wire.messages import Figures, Setting

JobState = Literal["queued", "running", "paused", "parked", "done", "failed", "cancelled"]
SegmentState = Literal["waiting", "done", "failed"]

#: Said of a job that is called running while nobody owns the state folder.
ABANDONED = "the process that spoke it is gone; run the same command again, or `jobs retry`, to go on"


#: Said of a job that somebody paused: it waits for him, and for nothing else.
HELD = "paused by request; `jobs resume` goes on with it"


def job_id_for(output: str) -> str:
    """Return the identity of the job that writes `output`, an absolute path."""
    return "j" + hashlib.sha256(output.encode("utf-8", "surrogateescape")).hexdigest()[:12]


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked for.

    Attributes:
        job: `job_id_for(output)`.
        output: Absolute; ends with "/" for a folder.
        format: `"wav"` or `"flac"`.
        sample_rate_hz: Of the finished file; None = that of the audio.
        engine: Its name.
        engine_identity: Name, version and settings that decide its bytes.
        voice: Of everything that asks for no other.
        seed: Of the job.
        pauses_s: Silence by kind; a kind that is missing is 0 s.
        inputs: As they were given, for people.
        key: Whoever submitted the job may name it, to submit it twice without harm.
        folder: Where the command ran, absolute: relative names of inputs and recordings count from it.
        carries_past: Whether a segment's audio depends on those before it in its chapter or line: a key is
            then of all of them, and none is kept behind one that is to be spoken again.
    """

    job: str
    output: str
    format: Literal["wav", "flac"]
    sample_rate_hz: int | None
    engine: str
    engine_identity: str
    voice: VoiceSpec
    seed: int
    pauses_s: dict[PauseKind, float]
    inputs: list[str]
    key: str | None = None
    folder: str = ""
    carries_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAudio:
    """A segment's audio, on disk for good.

    Attributes:
        key: Of the segment.
        path: Below the state folder.
        samples: Its length.
        sample_rate_hz: Of its audio.
        sha256: Of the file, header included, in hex.
        figures: What the checks measured.
        past: What it leaves for the next segment of its chapter; empty = nothing.
    """

    key: str
    path: str
    samples: int
    sample_rate_hz: int
    sha256: str
    figures: Figures
    past: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegment:
    """A segment with what became of it.

    Attributes:
        number: Place in the job, from 0.
        chapter: Number of its chapter, from 0.
        key: Identity of its audio within the job; segments may share one.
        text: What is said.
        pause: The silence after it.
        source: Number of its source.
        start: First character of the source that it speaks.
        end: One past the last.
        state: Waiting, done or failed.
        attempts: Hand-outs that counted.
        kind: Of its failure, else None.
        message: Of its failure, else None.
        path: Of its audio below the state folder; None unless done, like the three below.
        samples: Its length.
        sample_rate_hz: Of its audio.
        sha256: Of the file.
    """

    number: int
    chapter: int
    key: str
    text: str
    pause: PauseKind
    source: int
    start: int
    end: int
    state: SegmentState
    attempts: int
    kind: str | None
    message: str | None
    path: str | None
    samples: int | None
    sample_rate_hz: int | None
    sha256: str | None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is, as `jobs/get` answers it.

    Attributes:
        job: Its identity.
        state: Its state.
        segments: Their number; a JSONL line that cannot be spoken counts as one.
        done: Segments whose audio is there.
        failed: Segments set aside, and lines that cannot be spoken.
        seconds: Of audio that is done, pauses not counted.
        outputs: Finished files that were delivered.
        error: Why it failed or parked, or what of a job that is done was not spoken; else None.
    """

    job: str
    state: JobState
    segments: int
    done: int
    failed: int
    seconds: float
    outputs: list[str]
    error: str | None

    def as_json(self) -> dict[str, str | int | float | list[str]]:
        """Return the object that `jobs/get` answers; `error` is there only if there is one."""
        fields: dict[str, str | int | float | list[str] | None] = msgspec.structs.asdict(self)
        fields["seconds"] = round(self.seconds, 3)
        return {name: value for name, value in fields.items() if value is not None}


class ChapterView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a chapter is.

    Attributes:
        number: Its place, from 0.
        title: For people.
        segments: Their number.
        done: Segments whose audio is there.
        failed: Segments set aside.
    """

    number: int
    title: str
    segments: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChapter:
    """A chapter as it was planned, short of its segments; as in `PlannedChapter`."""

    title: str
    name: str | None
    voice: VoiceSpec
    sample_rate_hz: int | None
    settings: dict[str, Setting]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was set aside: silence of the expected length stands in its place.

    Attributes:
        number: Place in the job, from 0.
        chapter: Number of its chapter, from 0.
        text_head: How its text begins.
        kind: What kind of failure.
        message: The last attempt's.
        attempts: That counted.
    """

    number: int
    chapter: int
    text_head: str
    kind: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToDeliver:
    """A finished file that the job is to have.

    Attributes:
        path: Absolute.
        format: `"wav"` or `"flac"`.
        sample_rate_hz: Of the file; pieces of another rate are resampled.
        title: For the file's tag.
        chapters: Numbers of the chapters in it, in order.
    """

    path: str
    format: Literal["wav", "flac"]
    sample_rate_hz: int
    title: str
    chapters: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPiece:
    """A segment's audio as a part of a finished file."""

    wav: Path  # absolute
    samples: int
    sample_rate_hz: int
    sha256: str  # of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A pause, or what stands in for a segment that failed."""

    seconds: float


Piece = AudioPiece | Silence


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file that lies where it was asked for.

    Attributes:
        path: Absolute.
        sha256: Of the file, in hex.
        samples: Its length.
        sample_rate_hz: Of its audio.
    """

    path: str
    sha256: str
    samples: int
    sample_rate_hz: int


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One child life, from spawn to exit.

    Attributes:
        life: Its number, from 1 in each run.
        started_s: Seconds since the epoch.
        ended_s: Likewise.
        how: How it ended, in words: `"killed by SIGSEGV"`.
        why: Why: `"host memory over soft"`; empty where nobody knows.
        segments: That it finished.
        dump: Where its threads stood when it was asked, or None.
    """

    life: int
    started_s: float
    ended_s: float
    how: str
    why: str
    segments: int
    dump: str | None = None
