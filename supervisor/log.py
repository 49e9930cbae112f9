"""Logs are events with names from a closed list, one line each, on standard error.

Where that leads to the systemd journal, an event goes there as a whole (`supervisor/edge/journal.py`).

Nothing of a text that is spoken goes into a log above the level debug. While faults are
switched on, every line names them. Marks: `<` from the child, `>` to it, `=` a change of state.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["debug", "info", "warning", "error"]
Field = str | int | float | bool | None

LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}

#: Every event there is, and what it says.
EVENTS: dict[str, str] = {
    "run.started": "a command begins; engine, state folder",
    "run.ended": "a command ends; exit code, seconds",
    "job.planned": "a job's plan is in the ledger; segments, reused ones",
    "job.state": "= a job changed its state",
    "job.delivered": "a finished file is in its place; path, sha256",
    "child.spawned": "= a child life begins; pid",
    "child.ready": "= the child may be given work; seconds from its start",
    "child.state": "= the child's slot changed; why, memory, at its end how in a word",
    "child.gone": "= the child ended; how in words, planned or not",
    "child.signalled": "> a signal was sent; which, why",
    "child.stderr": "< a line that the child wrote on its standard error",
    "child.swept": "a process that an earlier parent left was ended; pid",
    "child.broken": "< the child says that it cannot go on",
    "segment.out": "> a segment was handed out; attempt",
    "segment.done": "< a segment's audio is on disk; seconds of audio, attempts",
    "segment.failed": "< an attempt failed; kind",
    "segment.set_aside": "= a segment failed for good; kind, attempts",
    "segment.text": "debug only: the text of a segment that was handed out",
    "memory.reading": "a reading; bytes by name",
    "memory.verdict": "a policy decided; which, why",
    "memory.blind": "a figure cannot be read on this machine; which, why",
    "wire.broken": "< a frame was damaged, too long or out of turn; what was seen",
    "faults.on": "faults are rehearsed; which",
    "signal.taken": "the parent was asked to stop; which signal, how often",
    "door.open": "a door listens; where",
    "door.asked": "a service was asked for something that takes time; method",
    "door.refused": "somebody who is not the owner knocked; uid, pid",
    "alert.ended": "an alert's command ended; event, how, its last line",
    "alert.lost": "an alert was not told; event, why",
    "notice": "something said once to people as well",
    "bug": "an error that should not be; with its traceback at level debug",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event, for what keeps its fields apart.

    Attributes:
        event: Its name.
        level: Its level.
        fields: What it says; None = not known.
        message: The same in one line for people, without time and level.
    """

    event: str
    level: Level
    fields: Mapping[str, Field]
    message: str


#: Takes an event; False if it cannot now.
Journal = Callable[[Entry], bool]


def to_stderr(line: str) -> None:
    """Write one line; `sys.stderr` is looked up each time, so that a progress bar can stand in."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        # Nobody reads it any more, or it was closed from the start; narration goes on without its log.
        return


class Log:
    """Where events go.

    Args:
        format: `"text"` for people, `"json"` for programs.
        level: Events below it are dropped.
        faults: What is rehearsed, named in every line; None when nothing is.
        write: Takes one finished line without its end.
        journal: Takes an event before `write` does, which then has it only if this does not.
        now_s: Wall clock, seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - all but two may be left out
        self,
        *,
        format: Literal["text", "json"],  # noqa: A002 - the key in config.toml is log.format
        level: Level,
        faults: str | None = None,
        write: Callable[[str], None] = to_stderr,
        journal: Journal | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._json = format == "json"
        self._least = LEVELS[level]
        self._faults = faults
        self._write = write
        self._journal = journal
        self._now_s = now_s

    def wants(self, level: Level) -> bool:
        """Tell whether an event of this level would be written."""
        return LEVELS[level] >= self._least

    def event(self, name: str, level: Level = "info", **fields: Field) -> None:
        """Write one event.

        Raises:
            KeyError: If the name is not in `EVENTS`.
        """
        if name not in EVENTS:
            raise KeyError(f"log event {name!r} is not in supervisor.log.EVENTS")
        if not self.wants(level):
            return
        faults: dict[str, Field] = {} if self._faults is None else {"faults": self._faults}
        said = faults | fields
        if self._journal is not None and self._journal(_entry(name, level, said)):
            return
        render = _json_line if self._json else _text_line
        self._write(render(self._now_s(), name, level, said))


def _entry(name: str, level: Level, fields: dict[str, Field]) -> Entry:
    return Entry(event=name, level=level, fields=fields, message=" ".join([name, *_words(fields)]))


def _json_line(at_s: float, name: str, level: Level, fields: dict[str, Field]) -> str:
    line: dict[str, Field] = {"at": _stamp(at_s), "level": level, "event": name}
    return json.dumps(line | fields)


def _text_line(at_s: float, name: str, level: Level, fields: dict[str, Field]) -> str:
    return " ".join([_stamp(at_s), level.upper(), name, *_words(fields)])


def _words(fields: dict[str, Field]) -> list[str]:
    return [f"{key}={_word(value)}" for key, value in fields.items() if value is not None]


def _word(value: Field) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    # A value with a space or a line end in it is quoted, so that an event stays one line.
    if text and text.isprintable() and " " not in text:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _stamp(at_s: float) -> str:
    whole, part = divmod(at_s, 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int(part * 1000):03d}Z"
