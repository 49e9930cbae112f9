"""The configuration of memory as the terms that the panel of policies works under, live and in replay."""

from supervisor.config.values import Config, Marks
from supervisor.core.panel import Marks as MarksInBytes
from supervisor.core.panel import MemoryTerms
from supervisor.policy.watermark import WatermarkLimits


def memory_terms(
    config: Config, *, host_total_bytes: int, device_total_bytes: int | None = None
) -> MemoryTerms:
    """Return the terms of the panel.

    Args:
        config: All of it.
        host_total_bytes: Of the machine, or of the control group around us.
        device_total_bytes: Of the GPU, for what is a share of it; None = unknown, or none: then the host's.
    """
    memory = config.memory
    card_bytes = device_total_bytes or host_total_bytes
    return MemoryTerms(
        host=limits_of(memory.host),
        device=limits_of(memory.device),
        host_total_bytes=host_total_bytes,
        leak_live_bytes=memory.leak.live.of(card_bytes),
        leak_other_bytes=memory.leak.other.of(card_bytes),
        clean_after=memory.clean_after,
        max_segments=config.child.max_segments,
        may_degrade=bool(config.degrade.steps),
    )


def limits_of(marks: Marks) -> MarksInBytes:
    """Return two marks as bytes of a total."""

    def of(total_bytes: int) -> WatermarkLimits:
        hard_bytes = marks.hard.of(total_bytes)
        # One may be a share and the other fixed: on a small machine the hard one then acts first.
        return WatermarkLimits(soft_bytes=min(marks.soft.of(total_bytes), hard_bytes), hard_bytes=hard_bytes)

    return of
