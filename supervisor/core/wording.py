"""The panel's sentences: what was seen, against which figure, and where a person can mend it, the mend."""

from collections.abc import Sequence

from supervisor.policy.headroom import Room
from supervisor.policy.watermark import Level, WatermarkLimits

_MIB = 2**20
_GIB = 2**30


def size(size_bytes: float | None) -> str:
    """Return bytes as people read them."""
    if size_bytes is None:
        return "unknown"
    if size_bytes >= 10 * _GIB:
        return f"{size_bytes / _GIB:.1f} GiB"
    return f"{size_bytes / _MIB:.0f} MiB"


def above(side: str, limits: WatermarkLimits, level: Level, *, when: str = "when fresh") -> str:
    """Say which mark is crossed, and whose doing it is; `when` a child holds what a fresh one is taken to."""
    hard = level.used_bytes >= limits.hard_bytes
    mark = f"memory.{side}.{'hard' if hard else 'soft'}"
    mark_bytes = limits.hard_bytes if hard else limits.soft_bytes
    own = "" if side == "host" else f", the child's part {size(level.own_bytes)}"
    fresh = f", {size(level.fresh_bytes)} {when}" if level.fresh_bytes is not None else ""
    return f"{mark} is {size(mark_bytes)}, used {size(level.used_bytes)}{own}{fresh}"


def below_again(side: str, used_bytes: int | None) -> str:
    """Say that a pause is over."""
    return f"memory.{side}: {size(used_bytes)} used, there is room again"


def impossible(side: str, limits: WatermarkLimits, fresh_bytes: int, total_bytes: int | None) -> str:
    """Say that no child can live under the hard mark."""
    of = "" if total_bytes is None else f" of {size(total_bytes)}"
    return (
        f"memory.{side}.hard is {size(limits.hard_bytes)}, but a fresh child already holds "
        f"{size(fresh_bytes)}{of}: raise it, or take an engine or settings that need less"
    )


def not_acted_on(side: str, limits: WatermarkLimits) -> str:
    """Say that the soft mark rests."""
    return (
        f"memory.{side}.soft is {size(limits.soft_bytes)}, below what a fresh child holds: it is not acted on"
    )


def no_room(side: str, room: Room, *, chars: int, need_bytes: int) -> str:
    """Say that a text does not fit beside what is there."""
    return (
        f"a text of {chars} characters needs about {size(need_bytes)} beside {size(room.used)} in use, and "
        f"{size(room.limit)} of the {side} can be used"
    )


def never_fits(side: str, room: Room, *, chars: int, needs: str, others_bytes: int) -> str:
    """Say that a text fits no child; `needs` is how much, in words."""
    others = f" and {size(others_bytes)} of other programs" if others_bytes else ""
    return (
        f"a text of {chars} characters needs {needs} beside the {size(room.fresh)} of a "
        f"fresh child{others}, and only {size(room.limit)} of the {side} can be used"
    )


#: What a person can do about a text that fits no child, where no step may be taken by itself.
SHORTER = "make it shorter (narration.segment_chars), or allow degrade.steps"


def too_far(side: str, *, chars: Sequence[int], rate_bytes: float, used_bytes: int | None) -> str:
    """Say that a child that grows does not come as far as the next boundary."""
    texts = f"{len(chars)} texts, of up to" if len(chars) > 1 else "text, of"
    return (
        f"{size(used_bytes)} of the {side} in use, growing by {size(rate_bytes)} a segment: the next "
        f"{texts} {max(chars)} characters, may not fit"
    )


def no_successor(side: str, why: str, *, fresh_bytes: int | None, others_bytes: int | None) -> str:
    """Say that a child is not ended, for the next one would not find room."""
    return (
        f"{why}; but a fresh child of {size(fresh_bytes)} would not fit beside {size(others_bytes)} of other "
        f"programs on the {side}, so the job waits for them"
    )
