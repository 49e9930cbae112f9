"""A segment as the conductor sees it: what to say, and how often that was tried."""

import msgspec

from supervisor.wire.messages import Reference, Setting


class WaitingSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that is neither spoken nor set aside.

    Attributes:
        job: Id of the job, or of the request.
        number: Place in the job, in speaking order, from 0.
        key: Identity of its audio within the job.
        chapter: Number of its chapter, from 0.
        text: What to say.
        voice: None = the engine's default.
        reference: A recording to clone.
        seed: Of this segment.
        settings: Per-line settings.
        attempts: Hand-outs that count, before this run.
        killed: Hand-outs ended from outside, in a row, before this run.
        twins: Segments of the job with this key, this one included: one audio serves them all.
        ends_paragraph: A paragraph ends with it.
        ends_chapter: A chapter does.
        ends_line: A line of a JSONL does.
        past: What the last segment of its chapter that is done left (`Done.past`), when it was fetched.
    """

    job: str
    number: int
    key: str
    chapter: int
    text: str
    voice: str | None
    reference: Reference | None
    seed: int
    settings: dict[str, Setting]
    attempts: int
    killed: int
    twins: int = 1
    ends_paragraph: bool = False
    ends_chapter: bool = False
    ends_line: bool = False
    past: bytes = b""
