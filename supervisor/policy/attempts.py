"""When a segment that failed is tried again, and when it is set aside."""

from enum import Enum, auto


class Next(Enum):
    """What becomes of a segment whose hand-out failed."""

    AGAIN = auto()
    SET_ASIDE = auto()


def judge_attempt(*, attempts: int, allowed: int, retryable: bool) -> Next:
    """Say what becomes of a segment after a hand-out that counts.

    Args:
        attempts: Hand-outs that counted, this one included.
        allowed: `child.attempts`.
        retryable: False where the same text cannot succeed.
    """
    if not retryable or attempts >= allowed:
        return Next.SET_ASIDE
    return Next.AGAIN


def is_forgiven(*, killed: int, allowed: int = 20) -> bool:
    """Say whether a hand-out ended from outside is not to be counted.

    Args:
        killed: Hand-outs of this segment ended from outside in a row, this one included.
        allowed: More than this many are no accident: something kills it for a reason.
    """
    return killed <= allowed
