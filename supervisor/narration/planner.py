"""The narration's main path: documents in, a plan out.

    document ─ parts ─▶ passages ─ cut ─▶ segments ─▶ chapters
                  └──▶ skips ──────────────┴─▶ marks ─▶ spans

Pure: files are read in `supervisor.planning`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import assert_never

from supervisor.narration.chapters import ChapterDraft, CutPassage, planned
from supervisor.narration.decoding import DocumentKind
from supervisor.narration.jsonl import JsonLine, LineError, lines_of, read_line
from supervisor.narration.marks import Marks
from supervisor.narration.plaintext import read_plaintext
from supervisor.narration.plan import BadLine, PauseKind, Plan, Recording, Source, VoiceSpec
from supervisor.narration.segments import cut
from supervisor.narration.traced import Part, Passage, Skip, Traced, trace
from supervisor.wire.speech import speakable

_BYTE_ORDER_MARK = "\ufeff"
_UNSAFE_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One input, read and decoded.

    Attributes:
        name: Path as the user gave it, or `stdin`.
        title: Of its text as long as no heading gives one; never empty.
        kind: How to read it.
        text: All of it.
    """

    name: str
    title: str
    kind: DocumentKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the job says for everything that does not say otherwise.

    Attributes:
        voice: Its voice.
        seed: Its seed, 0 .. 2**63 - 1.
        segment_chars: Most characters of a segment, at least 1.
        find_recording: Finds the recording of a document's name and a path written in it; raises LineError.
        find_voice: Finds a cloned voice by its name, None for a name of the engine's; raises LineError.
        chapter_chars: Likewise at most so many of a segment, by number of a chapter that is to be cut
            smaller. Where chapters begin does not depend on it.
        names_files: Whether each JSONL line becomes a file of its name, so that no two may have one name.
    """

    voice: VoiceSpec
    seed: int
    segment_chars: int
    find_recording: Callable[[str, str], Recording]
    find_voice: Callable[[str], VoiceSpec | None] = lambda _: None
    chapter_chars: Mapping[int, int] = field(default_factory=dict[int, int])
    names_files: bool = True


def plan_documents(documents: Sequence[Document], wishes: Wishes) -> Plan:
    """Return the plan for documents that are spoken one after another.

    A plan without chapters has nothing to speak.
    """
    planning = _Planning(documents, wishes)
    for number, document in enumerate(documents):
        planning.read(number, document)
    return planning.plan()


class _Planning:
    """One plan while it is made."""

    def __init__(self, documents: Sequence[Document], wishes: Wishes) -> None:
        self._documents = documents
        self._wishes = wishes
        self._marks = [Marks(document.text) for document in documents]
        self._drafts: list[ChapterDraft] = []
        self._bad_lines: list[BadLine] = []
        self._notices: list[str] = []
        self._names: dict[str, str] = {}  # file name -> where it was asked for

    def plan(self) -> Plan:
        """Return what came of it all."""
        rests = [_REST[document.kind] for document in self._documents]
        return Plan(
            sources=tuple(Source(name=document.name, text=document.text) for document in self._documents),
            chapters=tuple(planned(self._drafts)),
            spans=tuple(
                span
                for number, marks in enumerate(self._marks)
                for span in marks.spans(number, rests[number])
            ),
            bad_lines=tuple(self._bad_lines),
            notices=tuple(self._notices),
        )

    def read(self, number: int, document: Document) -> None:
        """Read one document."""
        text = trace(document.text)
        if document.text.startswith(_BYTE_ORDER_MARK):
            self._marks[number].skip(Skip(start=0, end=1, reason="byte order mark"))
            text = text[1:]
        kind = document.kind
        match kind:
            case "text":
                self._read_parts(number, read_plaintext(text))
            case "markdown":
                # Of no use to a service, which plans the texts of requests in its own process.
                from supervisor.narration.markdown import read_markdown  # noqa: PLC0415 -- see above

                self._read_parts(number, read_markdown(text))
            case "jsonl":
                self._read_lines(number, text)
            case _:
                assert_never(kind)

    # ---------------------------------------------------------------- documents

    def _read_parts(self, number: int, parts: Iterator[Part]) -> None:
        draft = self._new_draft(number)
        for part in parts:
            if isinstance(part, Skip):
                self._marks[number].skip(part)
                continue
            passage = self._cut(number, part, chapter=len(self._drafts) + (not draft.takes(part)))
            if passage is None:
                continue
            if not draft.takes(part):
                self._drafts.append(draft)
                draft = self._new_draft(number)
            draft.add(passage)
        if draft.passages:
            self._drafts.append(draft)

    def _new_draft(self, number: int) -> ChapterDraft:
        return ChapterDraft(
            source=number,
            title=self._documents[number].title,
            voice=self._wishes.voice,
            seed=self._wishes.seed,
        )

    def _cut(self, number: int, passage: Passage, *, chapter: int) -> CutPassage | None:
        """Cut a passage and mark what became of it; None if it has nothing to speak."""
        marks, body = self._marks[number], passage.body
        most = self._wishes.segment_chars
        pieces = cut(body.text, min(most, self._wishes.chapter_chars.get(chapter, most)))
        bounds = [0, *(bound for piece in pieces for bound in (piece.start, piece.end)), len(body.text)]
        for start, end in list(pairwise(bounds))[::2]:  # before, between and after the pieces
            if body.text[start:end].strip():
                marks.skip_text(body[start:end], "nothing to speak")
        if not pieces:
            return None
        bodies = tuple(body[piece.start : piece.end] for piece in pieces)
        for piece in bodies:
            marks.speak(piece)
        pauses: list[PauseKind] = ["sentence" if piece.ends_sentence else "none" for piece in pieces]
        return CutPassage(passage=passage, pieces=bodies, pauses=tuple(pauses[:-1]))

    # ---------------------------------------------------------------- JSONL

    def _read_lines(self, number: int, text: Traced) -> None:
        unused: Counter[str] = Counter()
        for line_number, line in lines_of(text):
            try:
                asked = read_line(line)
                self._drafts.append(self._draft_of_line(number, line_number, asked))
                unused.update(asked.unused)
            except LineError as error:
                self._refuse(number, line_number, line, str(error))
        for unknown, lines in sorted(unused.items()):
            name = self._documents[number].name
            self._notices.append(f"{name}: field {unknown!r} means nothing here; {lines} line(s) have it")

    def _draft_of_line(self, number: int, line_number: int, asked: JsonLine) -> ChapterDraft:
        """Return the chapter of one line.

        Raises:
            LineError: If there is nothing to speak, if its voice is not there, or if its name is taken.
        """
        if not speakable(asked.body.text):
            raise LineError("nothing to speak: the text has no letter and no digit")
        name = asked.name or self._name_by_number(number, line_number)
        draft = self._new_draft(number)
        draft.title = draft.name = name
        draft.voice = self._voice_of_line(number, asked)
        self._take_name(name, number, line_number)
        draft.seed = draft.seed if asked.seed is None else asked.seed
        draft.sample_rate_hz, draft.settings = asked.sample_rate_hz, asked.settings
        for passage in read_plaintext(asked.body):
            passage_cut = self._cut(number, replace(passage, chapter_level=0), chapter=len(self._drafts))
            if passage_cut is not None:
                draft.add(passage_cut)
        return draft

    def _name_by_number(self, number: int, line_number: int) -> str:
        """Return the name of a line that gives none: its number, and whose where that is not clear."""
        if sum(document.kind == "jsonl" for document in self._documents) == 1:
            return str(line_number)
        title = _UNSAFE_IN_NAMES.sub("_", self._documents[number].title)
        return f"{title}-{line_number}"

    def _take_name(self, name: str, number: int, line_number: int) -> None:
        here = f"line {line_number} of {self._documents[number].name}"
        taken_by = self._names.setdefault(name, here)
        if taken_by != here and self._wishes.names_files:
            raise LineError(f"the file name {name!r} is taken by {taken_by}; give each line an id of its own")

    def _voice_of_line(self, number: int, asked: JsonLine) -> VoiceSpec:
        """Return the job's voice with the line's on top; a voice of the line's own drops a recording."""
        own = self._wishes.voice
        if asked.voice is not None:
            own = self._wishes.find_voice(asked.voice) or VoiceSpec(name=asked.voice)
            if asked.recording is not None and own.reference_path is not None:
                raise LineError(f"the voice {asked.voice!r} has a recording of its own; leave the line's out")
        if asked.recording is None:
            return own
        found = self._wishes.find_recording(self._documents[number].name, asked.recording)
        if asked.voice is not None and found.sha256 is not None:
            # Read, so an engine that clones: it would speak as the recording does, whatever is named beside.
            raise LineError(
                f"voice {asked.voice!r} and a recording both say who speaks; leave one of them out"
            )
        return VoiceSpec(
            name=own.name,
            reference_path=found.path,
            reference_text=asked.recording_text,
            reference_sha256=found.sha256,
            origin=found.origin,
        )

    def _refuse(self, number: int, line_number: int, line: Traced, message: str) -> None:
        start, end = line.starts[0], line.ends[-1]
        self._marks[number].skip(Skip(start=start, end=end, reason="bad line"))
        self._bad_lines.append(
            BadLine(source=number, line=line_number, message=message, start=start, end=end)
        )


#: What visible characters are that no part of a document speaks for.
_REST: dict[DocumentKind, str] = {"text": "not text", "markdown": "markup", "jsonl": "json"}
