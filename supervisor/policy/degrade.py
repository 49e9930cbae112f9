"""Choose what may be changed of a chapter whose text would fit no fresh child.

Off unless `degrade.steps` names steps: they change audio. Each is taken for a whole chapter or
JSONL line, before any of it is spoken; the steps are tried in their order, each as often as it helps.
"""

from collections.abc import Sequence
from typing import Literal, assert_never

Step = Literal["smaller_segments", "24khz"]

#: No segment is made shorter than this: under a few words a model's voice has no sentence to go by.
LEAST_CHARS = 20

#: What `24khz` asks the engine for.
LOWER_RATE_HZ = 24_000


def next_step(steps: Sequence[Step], *, longest_chars: int, rate_hz: int | None) -> Step | None:
    """Return the step to take next, or None: nothing is left that would help.

    Args:
        steps: `degrade.steps`.
        longest_chars: Of the chapter's longest segment as it is cut now.
        rate_hz: That the engine would speak the chapter at now; None = it cannot be told a rate.
    """
    return next((step for step in steps if _helps(step, longest_chars, rate_hz)), None)


def smaller_chars(longest_chars: int) -> int:
    """Return the most characters of a segment once those of `longest_chars` are halved."""
    return max(LEAST_CHARS, longest_chars // 2)


def _helps(step: Step, longest_chars: int, rate_hz: int | None) -> bool:
    match step:
        case "smaller_segments":
            return longest_chars > LEAST_CHARS
        case "24khz":
            return rate_hz is not None and rate_hz > LOWER_RATE_HZ
        case _:
            assert_never(step)
