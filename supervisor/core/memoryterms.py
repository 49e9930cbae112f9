"""What the panel of memory policies works under, and what it is told of the texts to come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from supervisor.policy.leak import LeakLimits
from supervisor.policy.watermark import WatermarkLimits

#: Marks as bytes, once the total is known.
Marks = Callable[[int], WatermarkLimits]
LeakMarks = Callable[[int], LeakLimits]

#: An outlook goes no further than this.
OUTLOOK_TEXTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTerms:
    """What the panel works under.

    Attributes:
        host: Marks of the child's private memory.
        device: Marks of the whole device.
        host_total_bytes: What a share of host memory is a share of, where no reading says.
        leak: `memory.leak`, once the total of the card is known (of the machine, where there is none).
        clean_after: `memory.clean_after`.
        max_segments: `child.max_segments`; 0 = by need only.
        may_degrade: Whether `degrade.steps` allows a text to be spoken smaller.
    """

    host: Marks
    device: Marks
    host_total_bytes: int
    leak: LeakMarks
    clean_after: Literal["never", "segment", "job"] = "never"
    max_segments: int = 0
    may_degrade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes next.

    Attributes:
        chars: Of the texts from the next one up to and including the next boundary, at most
            `OUTLOOK_TEXTS`; never empty.
    """

    chars: tuple[int, ...]
