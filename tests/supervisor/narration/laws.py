"""What holds for every plan, whatever it was made from."""

from supervisor.narration.plan import Plan, PlannedSegment, Recording, VoiceSpec
from supervisor.narration.planner import Document, DocumentKind, Wishes, plan_documents

#: Some of what must never reach an engine.
INVISIBLE_CHARS = frozenset("\0\x07\x1b\x7f\u00ad\u200b\u202e\ufeff")


def plan_text(
    text: str, kind: DocumentKind = "text", *, segment_chars: int = 200, seed: int = 0, name: str = "book"
) -> Plan:
    """Return the plan of one document, checked against the laws."""
    document = Document(name=name, title=name, kind=kind, text=text)
    plan = plan_documents([document], wishes(segment_chars=segment_chars, seed=seed))
    check(plan, segment_chars)
    return plan


def wishes(*, segment_chars: int = 200, seed: int = 0) -> Wishes:
    return Wishes(
        voice=VoiceSpec(),
        seed=seed,
        segment_chars=segment_chars,
        find_recording=found,
    )


def found(document: str, path: str) -> Recording:
    """A recording that is there, whatever it is called."""
    del document
    return Recording(origin=f"/there/{path}", path=f"kept/{path}", sha256=f"sha256 of {path}")


def check(plan: Plan, segment_chars: int) -> None:
    spans_tile_every_source(plan)
    segments_are_well_formed(plan, segment_chars)
    spoken_spans_lie_within_segments(plan)


def spans_tile_every_source(plan: Plan) -> None:
    places = [(span.source, span.start, span.end) for span in plan.spans]
    assert places == sorted(places)
    for number, source in enumerate(plan.sources):
        at = 0
        for span in (span for span in plan.spans if span.source == number):
            assert span.start == at
            assert span.end > span.start
            assert span.reason != ""
            at = span.end
        assert at == len(source.text)


def segments_are_well_formed(plan: Plan, segment_chars: int) -> None:
    for number, chapter in enumerate(plan.chapters):
        assert chapter.title
        assert chapter.segments
        for segment in chapter.segments:
            assert segment.chapter == number
            assert 0 < len(segment.text) <= segment_chars
            assert segment.text == " ".join(segment.text.split())
            assert any(char.isalnum() for char in segment.text)
            assert not any(char in INVISIBLE_CHARS for char in segment.text)
            assert 0 <= segment.start < segment.end <= len(plan.sources[segment.source].text)


def spoken_spans_lie_within_segments(plan: Plan) -> None:
    """Each spoken span belongs to one segment; each segment has one; in the same order."""
    segments = iter(segments_of(plan))
    segment: PlannedSegment | None = None
    for span in plan.spans:
        if span.reason is not None:
            continue
        if segment is None or span.start >= segment.end or span.source != segment.source:
            segment = next(segments)
        assert (span.source, segment.start) <= (segment.source, span.start)
        assert span.end <= segment.end
    assert next(segments, None) is None


def segments_of(plan: Plan) -> list[PlannedSegment]:
    return [segment for chapter in plan.chapters for segment in chapter.segments]


def texts_of(plan: Plan) -> list[str]:
    return [segment.text for segment in segments_of(plan)]


def spoken_letters(plan: Plan) -> str:
    """Return what the segments say, without spaces."""
    return "".join("".join(texts_of(plan)).split())


def covered_letters(plan: Plan) -> str:
    """Return what the spans say is spoken, without spaces."""
    spoken = "".join(
        plan.sources[span.source].text[span.start : span.end] for span in plan.spans if span.reason is None
    )
    return "".join(spoken.split())


def skipped(plan: Plan, source: int = 0) -> list[tuple[str, str]]:
    """Return what is skipped and why, but for blanks."""
    return [
        (plan.sources[source].text[span.start : span.end], span.reason)
        for span in plan.spans
        if span.source == source and span.reason not in (None, "blank")
    ]
