"""The configuration of memory as the terms that the panel of policies works under, live and in replay."""

from supervisor.config.values import Config, LeakMarks, Marks
from supervisor.core.memoryterms import LeakMarks as LeakMarksInBytes
from supervisor.core.memoryterms import Marks as MarksInBytes
from supervisor.core.memoryterms import MemoryTerms
from supervisor.policy.leak import LeakLimits
from supervisor.policy.watermark import WatermarkLimits


def memory_terms(config: Config, *, host_total_bytes: int) -> MemoryTerms:
    """Return the terms of the panel.

    Args:
        config: All of it.
        host_total_bytes: Of the machine, or of the control group around us.
    """
    memory = config.memory
    return MemoryTerms(
        host=limits_of(memory.host),
        device=limits_of(memory.device),
        host_total_bytes=host_total_bytes,
        leak=leak_limits_of(memory.leak),
        clean_after=memory.clean_after,
        max_segments=config.child.max_segments,
        may_degrade=bool(config.degrade.steps),
    )


def leak_limits_of(marks: LeakMarks) -> LeakMarksInBytes:
    """Return what counts as a leak as bytes of a total."""

    def of(total_bytes: int) -> LeakLimits:
        return LeakLimits(live_bytes=marks.live.of(total_bytes), other_bytes=marks.other.of(total_bytes))

    return of


def limits_of(marks: Marks) -> MarksInBytes:
    """Return two marks as bytes of a total."""

    def of(total_bytes: int) -> WatermarkLimits:
        hard_bytes = marks.hard.of(total_bytes)
        # One may be a share and the other fixed: on a small machine the hard one then acts first.
        return WatermarkLimits(soft_bytes=min(marks.soft.of(total_bytes), hard_bytes), hard_bytes=hard_bytes)

    return of
