"""Notes as JSON-RPC notifications, one a line on standard output (interface §4)."""

import json
from collections.abc import Callable
from typing import TextIO, assert_never

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
from supervisor.display.words import notice_line, trouble_line

Json = dict[str, object]


def notification(note: Note) -> Json | None:
    """Return the notification that a note stands for; None for notes that are for eyes alone."""
    match note:
        case Progress():
            return _call("progress", _progress(note))
        case SegmentSpoken():
            return _call("job/segment", _spoken(note))
        case ChildState():
            return _call("child/state", _child(note))
        case SegmentTrouble() | Stage() | Notice() | MemoryDecision():
            return None
        case _:
            assert_never(note)


def _call(method: str, params: Json) -> Json:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _progress(note: Progress) -> Json:
    return {
        "job": note.job,
        "segment": note.segment,
        "segments": note.segments,
        "audio_seconds": round(note.audio_seconds, 3),
        "wall_seconds": round(note.wall_seconds, 3),
        "eta_seconds": None if note.eta_seconds is None else round(note.eta_seconds, 1),
    }


def _spoken(note: SegmentSpoken) -> Json:
    return {
        "job": note.job,
        "segment": note.segment,
        "seconds": round(note.seconds, 6),
        "sha256": note.sha256,
        "attempts": note.attempts,
    }


def _child(note: ChildState) -> Json:
    params: Json = {"life": note.life, "state": note.state, "why": note.why}
    for name, word in (("signal", note.signal), ("ending", note.ending), ("reason", note.reason)):
        if word is not None:
            params[name] = word
    return params | {"memory": note.memory}


def json_line(value: object) -> str:
    """Return one line of JSON; ASCII, so that no locale and no odd file name can break it."""
    return json.dumps(value, separators=(",", ":"))


class JsonLines:
    """Notifications on one stream, warnings in words on another.

    Args:
        out: Takes the notifications. When its reader leaves, the rest is dropped: the job goes on.
        tell: Takes one line in words for people.
    """

    def __init__(self, out: TextIO, tell: Callable[[str], None]) -> None:
        self._out = out
        self._tell = tell
        self._open = True

    def show(self, note: Note) -> None:
        """Write the note's line, if it has one."""
        line = notification(note)
        if line is not None:
            self._write(json_line(line))
        elif isinstance(note, SegmentTrouble) and note.final:
            self._tell(trouble_line(note))
        elif isinstance(note, Notice) and note.level != "info":
            self._tell(notice_line(note))

    def _write(self, line: str) -> None:
        if not self._open:
            return
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self._open = False

    def close(self) -> None:
        """Nothing is held back, so there is nothing to end."""
