"""The configuration as the terms that the conductor works under."""

from supervisor.config import Config
from supervisor.config.values import Marks
from supervisor.core.desk import Terms
from supervisor.core.panel import Marks as MarksInBytes
from supervisor.core.panel import MemoryTerms
from supervisor.core.slot import SlotTimes
from supervisor.edge.hostmem import read_host
from supervisor.policy.watermark import WatermarkLimits
from supervisor.wire.messages import PROTOCOL_VERSION, Hello
from supervisor.wire.version import VERSION

#: A release is a collection of garbage and a trim: milliseconds, but on a machine that swaps
#: much longer; never less than this however small `child.stall_s` is.
_LEAST_RELEASE_S = 1.0


def terms_of(config: Config, *, job: str, voice: str | None) -> Terms:
    """Return the terms for one job.

    Args:
        config: All of it.
        job: Its id.
        voice: The job's voice: a child that lacks it is never ready.
    """
    child = config.child
    return Terms(
        job=job,
        hello=hello_of(config, voice=voice),
        version=VERSION,
        attempts=child.attempts,
        stall_s=child.stall_s,
        times=SlotTimes(
            start_s=child.start_timeout_s,
            release_s=max(child.stall_s, _LEAST_RELEASE_S),
            term_s=child.term_grace_s,
        ),
        memory=memory_terms(config),
        poll_s=config.memory.poll_s,
        idle_unload_s=child.idle_unload_s,
        batch_size=config.batch.size,
        batch_rest_s=config.batch.rest_s,
    )


def memory_terms(config: Config) -> MemoryTerms:
    """Return what the memory policies work under, live and in replay."""
    memory, host_total_bytes = config.memory, read_host(None).total_bytes
    return MemoryTerms(
        host=_marks(memory.host),
        device=_marks(memory.device),
        host_total_bytes=host_total_bytes,
        leak_live_bytes=memory.leak.live.of(host_total_bytes),
        leak_other_bytes=memory.leak.other.of(host_total_bytes),
        clean_after=memory.clean_after,
        max_segments=config.child.max_segments,
        may_degrade=bool(config.degrade.steps),
    )


def hello_of(config: Config, *, voice: str | None) -> Hello:
    """Return what a child is told first; its life's number is filled in later."""
    return Hello(
        protocol=PROTOCOL_VERSION,
        life=1,
        engine=config.engine.name,
        device=config.child.device,
        settings=config.engine.settings,
        faults=config.engine.faults,
        voice=voice,
    )


def _marks(marks: Marks) -> MarksInBytes:
    def of(total_bytes: int) -> WatermarkLimits:
        hard_bytes = marks.hard.of(total_bytes)
        # One may be a share and the other fixed: on a small machine the hard one then acts first.
        soft_bytes = min(marks.soft.of(total_bytes), hard_bytes)
        return WatermarkLimits(soft_bytes=soft_bytes, hard_bytes=hard_bytes)

    return of
