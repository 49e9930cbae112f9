"""Notes as log events."""

from typing import assert_never

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
from supervisor.log import Log


def log_note(log: Log, note: Note) -> None:
    """Write a note as the event it is; `Progress` is for people alone."""
    match note:
        case ChildState():
            log.event(
                "child.state",
                "info" if note.planned or note.state != "gone" else "warning",
                life=note.life,
                state=note.state,
                why=note.why or None,
                ending=note.ending,
                reason=note.reason,
                signal=note.signal,
                pid=note.pid,
                **note.memory,
            )
        case SegmentSpoken():
            log.event(
                "segment.done",
                "debug",
                job=note.job,
                segment=note.segment,
                seconds=note.seconds,
                attempts=note.attempts,
            )
        case SegmentTrouble():
            log.event(
                "segment.set_aside" if note.final else "segment.failed",
                "warning",
                job=note.job,
                segment=note.segment,
                kind=note.kind,
                message=note.message,
                attempts=note.attempts,
            )
        case MemoryDecision():
            log.event(
                "memory.verdict",
                "info" if note.action in ("clean", "resume") else "warning",
                life=note.life,
                action=note.action,
                policy=note.policy,
                why=note.why,
                **note.memory,
            )
        case Stage():
            log.event("job.state", stage=note.name, detail=note.detail or None)
        case Notice():
            log.event("notice", note.level, what=note.name, text=note.text)
        case Progress():
            return
        case _:
            assert_never(note)
