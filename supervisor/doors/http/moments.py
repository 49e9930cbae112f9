"""What is told to who looks on, of what the service tells: with figures, and without words of any text.

What a child said before it died, and why an attempt failed, may quote what it was to speak: neither is
passed on. Pure.
"""

from typing import Final, get_args

import msgspec

from supervisor.core.decisions import Policy
from supervisor.core.notes import ChildState, MemoryDecision, Note, Progress
from supervisor.edge.ledger_values import JobState, JobView
from supervisor.loop.chronicle import MOST_CHARS, Began, Decided, Ended, GaveBack, Moment, Released
from supervisor.loop.health import Ailment
from supervisor.loop.service import Status
from supervisor.loop.sights import BroomUsed

#: Ends that a child came to by itself: the words for them hold what it said last.
_IN_ITS_WORDS: Final = frozenset({"exited", "crashed", "killed", "broken"})

#: What a release's reason begins with where a policy decided it, or somebody asked: other moments tell of it.
_TOLD_APART: Final = frozenset({"asked for", *get_args(Policy)})

#: Ailments whose words are a child's.
_QUOTING: Final = {
    "child_died": "the child ended",
    "child_poisoned": "the child said that it cannot go on",
}


class ToldProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job under way is; as in `Progress`, without a title, which is of the text."""

    chapter: int
    chapters: int
    audio_seconds: float
    wall_seconds: float
    speed: float | None
    eta_seconds: float | None


class ToldJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job in figures.

    Attributes:
        job: Its id.
        name: Last part of the path that is written to.
        state: As `jobs/get` has it, like the next four.
        segments: In all.
        done: Spoken.
        failed: Set aside.
        seconds: Of audio.
        has_error: Whether `jobs/get` has more to say.
        is_audible: Whether it can be listened to.
        progress: Of one under way, once it is known.
    """

    job: str
    name: str
    state: JobState
    segments: int
    done: int
    failed: int
    seconds: float
    has_error: bool
    is_audible: bool
    progress: ToldProgress | None


def moment_of(note: Note, at_s: float) -> Moment | None:
    """Return the moment that a note is of; None for what is no moment."""
    match note:
        case ChildState(state="ready"):
            return Began(at=at_s, life=note.life)
        case ChildState(state="gone"):
            return _ended(note, at_s)
        case ChildState(state="releasing") if note.why.partition(": ")[0] not in _TOLD_APART:
            return Released(at=at_s, life=note.life, why=note.why[:MOST_CHARS])
        case MemoryDecision():
            return Decided(
                at=at_s, life=note.life, policy=note.policy, action=note.action, why=note.why[:MOST_CHARS]
            )
        case _:
            return None


def broom_moment(used: BroomUsed, at_s: float) -> GaveBack:
    """Return the moment that a broom was used."""
    gave = used.gave
    if gave is None:
        return GaveBack(at=at_s, what=used.what, error=used.error[:MOST_CHARS])
    return GaveBack(
        at=at_s,
        what=used.what,
        of=gave.of,
        before_bytes=gave.before_bytes,
        after_bytes=gave.after_bytes,
        took_s=gave.took_s,
    )


def _ended(note: ChildState, at_s: float) -> Ended:
    ending = note.ending or ""
    return Ended(
        at=at_s,
        life=note.life,
        how=note.how,
        why="" if ending in _IN_ITS_WORDS else note.why[:MOST_CHARS],
        ending=ending,
        reason=note.reason or "",
        segments=note.segments,
    )


def told_status(status: Status) -> Status:
    """Return a status as it is told: no lives, which are moments, no paths, and no words of a child's."""
    health = [_told(one) for one in status.health]
    said = {before.words: after.words for before, after in zip(status.health, health, strict=True)}
    job = status.job
    return msgspec.structs.replace(
        status,
        why=said.get(status.why, "" if status.state == "gave_up" else status.why),
        health=health,
        lives=[],
        job=None if job is None else msgspec.structs.replace(job, output=""),
    )


def _told(ailment: Ailment) -> Ailment:
    return msgspec.structs.replace(ailment, words=_QUOTING.get(ailment.kind, ailment.words))


def told_progress(note: Progress) -> ToldProgress:
    """Return how far a job is, as it is told."""
    return ToldProgress(
        chapter=note.chapter,
        chapters=note.chapters,
        audio_seconds=note.audio_seconds,
        wall_seconds=note.wall_seconds,
        speed=note.speed,
        eta_seconds=note.eta_seconds,
    )


def told_job(view: JobView, *, output: str, is_audible: bool, progress: ToldProgress | None) -> ToldJob:
    """Return a job as it is told.

    Args:
        view: How far it is.
        output: Where its audio is to lie.
        is_audible: Whether it can be listened to.
        progress: Of one under way.
    """
    return ToldJob(
        job=view.job,
        name=output.rstrip("/").rpartition("/")[2],
        state=view.state,
        segments=view.segments,
        done=view.done,
        failed=view.failed,
        seconds=round(view.seconds, 3),
        has_error=view.error is not None,
        is_audible=is_audible,
        progress=progress,
    )
