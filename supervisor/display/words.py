"""Notes in words and in one line of a given width: pure."""

import unicodedata
from dataclasses import dataclass

from supervisor.core.notes import ChildState, MemoryDecision, Notice, Progress, SegmentTrouble, Stage

#: A bar shorter than this tells nothing that the percentage does not.
_LEAST_BAR_CELLS = 8
_MOST_BAR_CELLS = 30
#: A title cut shorter than this is not worth its place.
_LEAST_TITLE_CELLS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """What a line is drawn with."""

    full: str
    empty: str
    times: str
    dots: str
    gap: str


UNICODE = Glyphs(full="█", empty="░", times="×", dots="…", gap=" · ")
ASCII = Glyphs(full="#", empty="-", times="x", dots="...", gap=" | ")


def clock(seconds: float) -> str:
    """Write a duration as `0:12:03`."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def size(count_bytes: int) -> str:
    """Write a number of bytes as people read it: `312 MiB`."""
    amount = float(count_bytes)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:  # noqa: PLR2004 - the step between binary units
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int, dots: str) -> str:
    """Return the text in at most `width` cells, with dots where something went."""
    text = "".join(char if char.isprintable() else " " for char in text)
    if cells(text) <= width:
        return text
    kept = ""
    left = width - cells(dots)
    for char in text:
        left -= _cell(char)
        if left < 0:
            break
        kept += char
    return (kept + dots) if cells(dots) <= width else dots[:width]


def count(number: int, one: str, many: str) -> str:
    """Write `1 recycle`, `2 recycles`."""
    return f"{number} {one if number == 1 else many}"


def facts(note: Progress, glyphs: Glyphs) -> list[str]:
    """Return segment, speed, time left and recycles, each in words; what is not known is left out."""
    words = [f"segment {note.segment}/{note.segments}"]
    if note.speed is not None:
        words.append(f"{note.speed:.1f}{glyphs.times} real time")
    if note.eta_seconds is not None:
        words.append(f"{clock(note.eta_seconds)} left")
    if note.recycles:
        words.append(count(note.recycles, "recycle", "recycles"))
    if note.deaths:
        words.append(count(note.deaths, "death", "deaths"))
    return words


def plain_line(note: Progress) -> str:
    """Return one line for a log or a pipe."""
    chapter = f"chapter {note.chapter}/{note.chapters}"
    title = f" {cut(note.title, 60, '...')}" if note.title else ""
    return ", ".join([chapter + title, *facts(note, ASCII)])


def bar_line(note: Progress, width: int, glyphs: Glyphs) -> str:
    """Return one line of at most `width` cells; on a narrow terminal the last facts go first."""
    share = note.segment / note.segments if note.segments else 0.0
    percent = f"{int(share * 100)}%"
    parts = [f"{note.chapter}/{note.chapters}", percent, *facts(note, glyphs)]
    while len(parts) > 1 and cells(glyphs.gap.join(parts)) > width:
        parts.pop(0 if len(parts) == 2 else -1)  # noqa: PLR2004 - of the last two the percentage stays
    left = width - cells(glyphs.gap.join(parts))
    if len(parts) > 1:
        bar = min(_MOST_BAR_CELLS, left // 2)
        if bar >= _LEAST_BAR_CELLS:
            full = round(share * (bar - 1))
            parts[1] = glyphs.full * full + glyphs.empty * (bar - 1 - full) + " " + percent
            left -= bar
        if note.title and left > _LEAST_TITLE_CELLS:
            parts[0] += " " + cut(note.title, left - 1, glyphs.dots)
    return cut(glyphs.gap.join(parts), width, glyphs.dots)


def stage_line(note: Stage) -> str:
    """Return a stage in words."""
    return f"{note.name}: {note.detail}" if note.detail else note.name


def notice_line(note: Notice) -> str:
    """Return a notice with its weight in front."""
    return note.text if note.level == "info" else f"{note.level}: {note.text}"


def trouble_line(note: SegmentTrouble) -> str:
    """Return a failed attempt in words."""
    fate = "set aside" if note.final else "trying again"
    return f"segment {note.segment + 1}: attempt {note.attempts} failed ({note.kind}): {note.message}; {fate}"


def decision_line(note: MemoryDecision) -> str | None:
    """Return what a memory policy decided, where nothing else tells of it.

    A recycle is told at the child's end, a pause and a refusal by themselves, a release is routine.
    """
    if note.action != "flag":
        return None
    return f"warning: child {note.life} leaks: {note.why}; it is replaced at a boundary that is still safe"


def child_line(note: ChildState) -> str | None:
    """Return a change of the child that people want to know of, else None.

    A life makes one line, at its end, unless it ended with the work.
    """
    if note.state in ("given_up", "stuck"):
        return f"error: child {note.life}: {note.why}"
    if note.state != "gone" or (note.planned and not note.recycled):
        return None
    return f"child {note.life} {'replaced' if note.planned else 'died'}: {note.why or 'no reason known'}"
