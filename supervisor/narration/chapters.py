"""Passages become chapters: where one begins, what it is called, and the pauses within it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from supervisor.narration.plan import PauseKind, PlannedChapter, PlannedSegment, VoiceSpec, segment_seed
from supervisor.narration.traced import Passage, Traced
from supervisor.wire.messages import Setting

#: A title names a file and a bookmark; a heading of more is cut for that, and spoken whole.
_MOST_TITLE_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPassage:
    """A passage in pieces.

    Attributes:
        passage: It.
        pieces: Its segments' texts, traced; never empty.
        pauses: After each but the last of them.
    """

    passage: Passage
    pieces: tuple[Traced, ...]
    pauses: tuple[PauseKind, ...]


@dataclass(slots=True, kw_only=True)
class ChapterDraft:
    """A chapter while it is read.

    Attributes:
        source: Number of the source it comes from.
        title: Of the chapter.
        name: File name that a JSONL line asks for, or None.
        voice: Its voice.
        seed: Its seed.
        sample_rate_hz: Its rate, or None.
        settings: Its engine settings.
        passages: What it holds so far.
    """

    source: int
    title: str
    voice: VoiceSpec
    seed: int
    name: str | None = None
    sample_rate_hz: int | None = None
    settings: dict[str, Setting] = field(default_factory=dict[str, Setting])
    passages: list[CutPassage] = field(default_factory=list[CutPassage])

    def takes(self, passage: Passage) -> bool:
        """Say whether a passage belongs to this chapter, or begins the next one.

        A heading over a deeper one has no text of its own (a part's, a book's): it is spoken
        at the head of the chapter below it instead of being a chapter of one line.
        """
        if not passage.chapter_level or not self.passages:
            return True
        last = self.passages[-1].passage
        only_headings = all(cut.passage.chapter_level for cut in self.passages)
        return only_headings and passage.chapter_level > last.chapter_level

    def add(self, cut: CutPassage) -> None:
        """Add a passage; a heading that starts chapters gives its title."""
        if cut.passage.chapter_level:
            self.title = cut.passage.body.text[:_MOST_TITLE_CHARS]
        self.passages.append(cut)


def planned(drafts: list[ChapterDraft]) -> Iterator[PlannedChapter]:
    """Yield the finished chapters."""
    for number, draft in enumerate(drafts):
        is_last = number + 1 == len(drafts)
        yield PlannedChapter(
            title=draft.title,
            name=draft.name,
            voice=draft.voice,
            seed=draft.seed,
            sample_rate_hz=draft.sample_rate_hz,
            settings=draft.settings,
            segments=tuple(_segments(number, draft, is_last=is_last)),
        )


def _segments(chapter: int, draft: ChapterDraft, *, is_last: bool) -> Iterator[PlannedSegment]:
    stood_before: dict[str, int] = {}
    for body, pause in _with_pauses(draft.passages, is_last=is_last):
        occurrence = stood_before.get(body.text, 0)
        stood_before[body.text] = occurrence + 1
        yield PlannedSegment(
            chapter=chapter,
            text=body.text,
            seed=segment_seed(draft.seed, body.text, occurrence),
            occurrence=occurrence,
            pause=pause,
            source=draft.source,
            start=body.starts[0],
            end=body.ends[-1],
        )


def _with_pauses(passages: list[CutPassage], *, is_last: bool) -> Iterator[tuple[Traced, PauseKind]]:
    for number, cut in enumerate(passages):
        yield from zip(cut.pieces, cut.pauses, strict=False)
        if number + 1 < len(passages):
            around = (cut.passage.kind, passages[number + 1].passage.kind)
        else:
            # The next chapter comes after a heading's pause; at the very end nothing comes.
            around = ("paragraph",) if is_last else ("heading",)
        yield cut.pieces[-1], "heading" if "heading" in around else "paragraph"
