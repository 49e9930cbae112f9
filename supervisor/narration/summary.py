"""A plan in figures."""

from collections import Counter

from supervisor.narration.plan import Plan, PlanSummary
from supervisor.wire.speech import expected_s

#: For the forecast of disk space where nobody asked for a rate: that of eSpeak.
USUAL_RATE_HZ = 22_050
_SAMPLE_BYTES = 2


def summarize(plan: Plan, *, sample_rate_hz: int | None = None, reused: int = 0) -> PlanSummary:
    """Return a plan in figures.

    Args:
        plan: The plan.
        sample_rate_hz: Of the finished files, for the disk they need; None = a usual one.
        reused: Segments whose audio is there already.
    """
    texts = [segment.text for chapter in plan.chapters for segment in chapter.segments]
    expected_seconds = sum(expected_s(text) for text in texts)
    characters = sum(len(source.text) for source in plan.sources)
    skipped = skipped_characters(plan)
    # Twice: once as segments, once as the finished files (a FLAC is smaller).
    expected_bytes = 2 * _SAMPLE_BYTES * (sample_rate_hz or USUAL_RATE_HZ) * expected_seconds
    return PlanSummary(
        chapters=len(plan.chapters),
        segments=len(texts),
        characters=characters,
        spoken_characters=characters - sum(skipped.values()),
        skipped=skipped,
        expected_seconds=expected_seconds,
        expected_bytes=round(expected_bytes),
        bad_lines=list(plan.bad_lines),
        reused=reused,
        notices=list(plan.notices),
    )


def skipped_characters(plan: Plan, source: int | None = None) -> dict[str, int]:
    """Return how many characters are skipped, by reason.

    Args:
        plan: The plan.
        source: Of this source alone; None = of all.
    """
    counted: Counter[str] = Counter()
    for span in plan.spans:
        if span.reason is not None and source in (None, span.source):
            counted[span.reason] += span.end - span.start
    return dict(counted)
