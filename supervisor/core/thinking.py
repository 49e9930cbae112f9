"""What the policies think now, for `status`: a word and a sentence each."""

from supervisor.core.decisions import Thought
from supervisor.core.sides import Side
from supervisor.core.wishes import Pause
from supervisor.core.wording import size
from supervisor.policy.fragmentation import Fragmentation
from supervisor.policy.slowdown import Slowdown


def of_side(side: Side) -> list[Thought]:
    """Return what the policies think of one side of memory; nothing while it is not known."""
    if side.limits is None or side.now is None:
        return []
    leak, rate = side.leak, side.rate
    why = "" if leak is None else leak.why
    soft, hard = side.limits.soft_bytes, side.limits.hard_bytes
    room_bytes = max(0, side.ceiling - side.now)
    lasts = f"full in {room_bytes / rate:.0f} segments" if rate > 0 else "nothing grows"
    need = "no text was measured yet"
    if side.need.is_known:
        need = f"a text of 100 characters needs about {size(side.need_high(100))}"
    return [
        Thought(
            policy="leak",
            says="flag" if why else "keep",
            why=f"{side.name}: {why or f'{size(rate)} a segment'}",
        ),
        Thought(
            policy="watermark",
            says="keep",
            why=f"{side.name}: {size(side.now)} used, marks at {size(soft)} and {size(hard)}",
        ),
        Thought(policy="lookahead", says="keep", why=f"{side.name}: {lasts}"),
        Thought(policy="headroom", says="keep", why=f"{side.name}: {need}"),
    ]


def of_life(pause: Pause | None, slow: Slowdown, pieces: Fragmentation | None) -> list[Thought]:
    """Return what the policies think of a life as a whole."""
    pace_s = slow.median_s_per_char
    pace = f"own pace {1000 * pace_s:.1f} ms a character" if pace_s else "own pace not known yet"
    return [
        Thought(
            policy="fit", says="pause" if pause else "keep", why=pause.wish.why if pause else "nobody waits"
        ),
        Thought(policy="slowdown", says="drain" if slow.why else "keep", why=slow.why or pace),
        Thought(
            policy="fragmentation",
            says="keep",
            why="" if pieces is None else pieces.why,
        ),
    ]


def of_clock(segments: int, limit: int) -> Thought:
    """Return what `child.max_segments` makes of a life."""
    return Thought(policy="clock", says="keep", why=f"{segments} of {limit} segments" if limit else "off")
