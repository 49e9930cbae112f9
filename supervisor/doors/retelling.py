"""Notes over a wire and back: what `jobs/watch` tells. A client shows them as if they were its own."""

from typing import Final, Literal, get_args

import msgspec

from supervisor.core.notes import (
    ChildState,
    MemoryDecision,
    Note,
    Notice,
    Progress,
    SegmentSpoken,
    SegmentTrouble,
    Stage,
)

Kind = Literal["stage", "progress", "spoken", "trouble", "child", "memory", "notice"]

_KINDS: Final[dict[Kind, type[Note]]] = {
    "stage": Stage,
    "progress": Progress,
    "spoken": SegmentSpoken,
    "trouble": SegmentTrouble,
    "child": ChildState,
    "memory": MemoryDecision,
    "notice": Notice,
}
#: Of the end of a life: there may be more of them one day.
_WORDS: Final = {"ending", "reason"}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The params of `job/note`.

    Attributes:
        job: That is watched.
        kind: Of the note; later versions may have more.
        note: Its fields, as `supervisor/core/notes.py` has them, as JSON text.
    """

    job: str
    kind: str
    note: msgspec.Raw


def told_of(job: str, note: Note) -> Told:
    """Return what is said of a note."""
    return Told(job=job, kind=_NAMES[type(note)], note=msgspec.Raw(msgspec.json.encode(note)))


def note_of(told: Told) -> Note | None:
    """Return the note that was told; None for one that this version does not know."""
    for kind in get_args(Kind):
        if told.kind == kind:
            return _decoded(told.note, _KINDS[kind])
    return None


def _decoded(text: msgspec.Raw, kind: type[Note]) -> Note | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return _without_words(text) if kind is ChildState else None


def _without_words(text: msgspec.Raw) -> ChildState | None:
    """Read the end of a life that a later version has another word for; whether it was planned is there."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, object])
        return msgspec.convert({name: fields[name] for name in fields.keys() - _WORDS}, ChildState)
    except msgspec.DecodeError:
        return None
