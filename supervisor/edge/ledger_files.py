"""Which finished files a job has, under which names, and of which pieces each is made."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from supervisor.edge.ledger_schema import LedgerError
from supervisor.edge.ledger_values import AudioPiece, FileToDeliver, JobSpec, Piece, Silence, StoredSegment
from supervisor.wire.speech import expected_s

#: Names are at most 255 bytes on Linux's file systems; the temporary one is a little longer.
MAX_NAME_BYTES = 200

#: Of a file in which nothing was spoken (every segment failed), when nobody asked for a rate.
_RATE_OF_SILENCE_HZ = 24_000

#: Not allowed in names on Windows and on shares that Windows sees.
_FORBIDDEN = frozenset('/\\:*?"<>|')

#: Device names of Windows, with any suffix.
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterRow:
    """A chapter as far as its file goes.

    Attributes:
        number: From 0.
        title: For people.
        name: What its file is to be called (JSONL), or None.
        asked_hz: Rate that its line asks for, or None.
        spoken_hz: Highest rate of its finished audio, or None.
    """

    number: int
    title: str
    name: str | None
    asked_hz: int | None
    spoken_hz: int | None


def files_of(spec: JobSpec, chapters: list[ChapterRow]) -> list[FileToDeliver]:
    """Return a job's finished files, in order.

    A folder gets one file per chapter, named by the chapter, or by the JSONL line; every
    chapter has one, also where all its segments failed: then it holds the silence alone.
    """
    if not chapters:
        return []
    if not spec.output.endswith("/"):
        return [_one_file(spec, chapters)]
    names = _unique(_stem(chapter, of=len(chapters)) for chapter in chapters)
    return [
        FileToDeliver(
            path=f"{spec.output}{name}.{spec.format}",
            format=spec.format,
            sample_rate_hz=_rate_hz(chapter.asked_hz, spec.sample_rate_hz, chapter.spoken_hz),
            title=chapter.title,
            chapters=(chapter.number,),
        )
        for chapter, name in zip(chapters, names, strict=True)
    ]


def safe_stem(wanted: str) -> str:
    """Return a file name without suffix, as near to `wanted` as every file system allows.

    Args:
        wanted: Any text, also one that would leave the folder: `../../etc/passwd`.
    """
    composed = unicodedata.normalize("NFC", wanted)
    kept = "".join(" " if _is_unsafe(char) else char for char in composed)
    stem = _cut(" ".join(kept.split()).lstrip(". "), MAX_NAME_BYTES).rstrip(". ")
    return f"{stem}_" if stem.split(".")[0].lower() in _RESERVED else stem or "untitled"


def exact_stem(wanted: str) -> str:
    """Return a name as it is, short of what would leave the folder or be no name at all.

    Args:
        wanted: A JSONL line's `id`: whoever wrote it looks for a file of that very name.
    """
    kept = "".join("_" if char == "/" or unicodedata.category(char) == "Cc" else char for char in wanted)
    return _cut(kept, MAX_NAME_BYTES) or "untitled"


def pieces_of(spec: JobSpec, folder: Path, segments: Iterable[StoredSegment]) -> Iterator[Piece]:
    """Yield the pieces of a file: audio, pauses, and silence where a segment failed.

    No pause after the last segment.

    Args:
        spec: Of the job.
        folder: The state folder.
        segments: Of the file, in order.

    Raises:
        LedgerError: If a segment is neither done nor failed.
    """
    pause_s = 0.0
    for segment in segments:
        if pause_s > 0:
            yield Silence(seconds=pause_s)
        yield _piece(folder, segment)
        pause_s = spec.pauses_s.get(segment.pause, 0.0)


def _one_file(spec: JobSpec, chapters: list[ChapterRow]) -> FileToDeliver:
    asked_hz = max((chapter.asked_hz or 0 for chapter in chapters), default=0)
    spoken_hz = max((chapter.spoken_hz or 0 for chapter in chapters), default=0)
    return FileToDeliver(
        path=spec.output,
        format=spec.format,
        sample_rate_hz=_rate_hz(spec.sample_rate_hz, asked_hz, spoken_hz),
        # Of the text, never of the output's name: the same job under another name has the same bytes.
        title=chapters[0].title,
        chapters=tuple(chapter.number for chapter in chapters),
    )


def _rate_hz(*wishes_hz: int | None) -> int:
    """Return the first that is there: what was asked for, else what was spoken."""
    return next((rate_hz for rate_hz in wishes_hz if rate_hz), _RATE_OF_SILENCE_HZ)


def _stem(chapter: ChapterRow, *, of: int) -> str:
    if chapter.name is not None:
        return exact_stem(chapter.name)
    width = max(2, len(str(of)))  # so that names sort as chapters do
    return safe_stem(f"{chapter.number + 1:0{width}} {chapter.title}")


def _unique(stems: Iterable[str]) -> list[str]:
    taken: set[str] = set()
    unique: list[str] = []
    for stem in stems:
        name, twin = stem, 1
        while name in taken:
            twin += 1
            name = f"{stem} ({twin})"
        taken.add(name)
        unique.append(name)
    return unique


def _is_unsafe(char: str) -> bool:
    # Controls, surrogates, unassigned and format characters (text that runs backwards), separators.
    return char in _FORBIDDEN or unicodedata.category(char) in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


def _cut(text: str, most_bytes: int) -> str:
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def _piece(folder: Path, segment: StoredSegment) -> Piece:
    if segment.path and segment.samples is not None and segment.sample_rate_hz and segment.sha256:
        return AudioPiece(
            wav=folder / segment.path,
            samples=segment.samples,
            sample_rate_hz=segment.sample_rate_hz,
            sha256=segment.sha256,
        )
    if segment.state == "failed":
        return Silence(seconds=expected_s(segment.text))
    raise LedgerError(
        f"segment {segment.number} is neither spoken nor set aside; run the same narrate command again"
    )
