"""Releases and recycles by the clock of the work, for those who want them: off by default."""

from typing import Literal

from supervisor.policy.verdict import Verdict

Cleaning = Literal["never", "segment", "job"]


def after_segment(*, segments: int, max_segments: int, clean_after: Cleaning) -> Verdict:
    """Say what is due after a segment.

    Args:
        segments: Spoken in this life, this one included.
        max_segments: `child.max_segments`; 0 = no limit.
        clean_after: `memory.clean_after`.
    """
    if max_segments and segments >= max_segments:
        return Verdict.RECYCLE
    return Verdict.RELEASE if clean_after == "segment" else Verdict.KEEP


def after_job(clean_after: Cleaning) -> Verdict:
    """Say what is due after a job."""
    return Verdict.RELEASE if clean_after == "job" else Verdict.KEEP
