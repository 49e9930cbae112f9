"""How a service stands, for people."""

from typing import Final

from supervisor.cli.words import table
from supervisor.display.words import clock, count, size
from supervisor.loop.service import ChildStatus, GivenBack, JobStatus, Status, Totals

#: The last lives tell what goes on; `jobs show` has all of them.
_LIVES_SHOWN = 10

#: Figures of memory and their marks: (figure, its words, soft mark, hard mark, total).
_MARKED: Final = (
    ("host_private", "private memory of the child", "host_soft", "host_hard", "host_total"),
    ("device_used", "the whole GPU", "device_soft", "device_hard", "device_total"),
)


def lines(status: Status) -> list[str]:
    """Return a status for people."""
    rows = [
        ("state", f"{status.state}: {status.why}" if status.why else status.state),
        ("ready", "yes" if status.ready else "no"),
        *(("ails", f"{one.words}; {one.mend} (since {one.since})") for one in status.health),
        ("service", f"process {status.pid}, since {status.since}, version {status.version}"),
        *_job(status.job),
        *(row for child in status.children or [status.child] for row in _child(child)),
        *([("template", f"process {status.template.pid}")] if status.template else []),
        *([("queue", count(status.queue, "request waits", "requests wait"))] if status.queue else []),
        ("totals", _totals(status.totals)),
    ]
    shown = table([*rows])
    if status.policies:
        thoughts = [(one.policy, one.says, one.why) for one in status.policies]
        shown += ["", *table([("POLICY", "SAYS", "WHY"), *thoughts])]
    if status.lives:
        shown += ["", *table([("LIFE", "SEGMENTS", "ENDED", "WHY"), *_lives(status)])]
    return shown


def given_line(what: str, given: GivenBack) -> str:
    """Return what was given back, for people."""
    if not given.before_bytes and not given.after_bytes:
        return "there is no child now: nothing is held, and the next text brings a fresh one"
    back = given.before_bytes - given.after_bytes
    of = "of the GPU" if given.of == "device" else "of private memory"
    waited = f", after {given.waited_s:.1f} s to the end of the segment" if given.waited_s >= 0.05 else ""  # noqa: PLR2004 - shows as 0.1
    amount = f"{size(back)} {of} given back" if back >= 0 else f"{size(-back)} {of} more"
    figures = f"{size(given.before_bytes)} before, {size(given.after_bytes)} after"
    return f"{what}: {amount} ({figures}) in {given.took_s:.2f} s{waited}"


def _job(job: JobStatus | None) -> list[tuple[str, str]]:
    if job is None:
        return []
    left = "" if job.eta_seconds is None else f", {clock(job.eta_seconds)} left"
    how_far = f"segment {job.segment} of {job.segments}{left}" if job.segments else "not begun"
    return [("job", f"{job.job}, {how_far}"), ("output", job.output)]


def _child(child: ChildStatus | None) -> list[tuple[str, str]]:
    if child is None:
        return [("child", "none")]
    stands = child.state or ("ready" if child.ready else "starting")
    who = "no process yet" if child.pid is None else f"process {child.pid}"
    facts = f"life {child.life}, {who}, {stands}, on {child.device}, {clock(child.age_s)} old"
    spoken = count(child.segments, "segment", "segments")
    return [("child", f"{facts}, {spoken} spoken"), *(("memory", line) for line in _memory(child))]


def _memory(child: ChildStatus) -> list[str]:
    marked = {name for row in _MARKED for name in (row[0], row[4])}
    against = [
        f"{words}: {_part(child, figure, total)}{_marks(child, soft, hard)}"
        for figure, words, soft, hard, total in _MARKED
        if figure in child.memory
    ]
    others = [f"{name} {size(held)}" for name, held in sorted(child.memory.items()) if name not in marked]
    return [*against, *([", ".join(others)] if others else [])]


def _part(child: ChildStatus, figure: str, total: str) -> str:
    held = size(child.memory[figure])
    return f"{held} of {size(child.memory[total])}" if total in child.memory else held


def _marks(child: ChildStatus, soft: str, hard: str) -> str:
    marks = [
        f"{mark.partition('_')[2]} {size(child.marks[mark])}" for mark in (soft, hard) if mark in child.marks
    ]
    return f" ({', '.join(marks)})" if marks else ""


def _totals(totals: Totals) -> str:
    counted = [
        f"{count(totals.segments, 'segment', 'segments')} spoken",
        *([f"{totals.failed} failed"] if totals.failed else []),
        f"{clock(totals.audio_seconds)} of audio in {clock(totals.wall_seconds)}",
        count(totals.recycles, "recycle", "recycles"),
        count(totals.deaths, "death", "deaths"),
        count(totals.cleans, "release", "releases"),
    ]
    return ", ".join(counted)


def _lives(status: Status) -> list[tuple[str, ...]]:
    shown = status.lives[-_LIVES_SHOWN:]
    return [(str(one.life), str(one.segments), one.ended, one.why) for one in shown]
