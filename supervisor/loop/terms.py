"""The configuration as the terms that the conductor works under."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from supervisor.config import Config
from supervisor.config.memoryterms import memory_terms
from supervisor.core.conductor import Conductor
from supervisor.core.desk import Shared, Terms
from supervisor.core.slot import SlotTimes
from supervisor.core.tallies import JobSize
from supervisor.edge.clock import monotonic_s
from supervisor.edge.hostmem import read_host
from supervisor.wire.messages import PROTOCOL_VERSION, Hello, Reference
from supervisor.wire.version import VERSION

#: A release is a collection of garbage and a trim: milliseconds, but on a machine that swaps
#: much longer; never less than this however small `child.stall_s` is.
_LEAST_RELEASE_S = 1.0


def terms_of(
    config: Config,
    *,
    job: str,
    voice: str | None,
    reference: Reference | None = None,
    lives: int | None = None,
) -> Terms:
    """Return the terms for one job.

    Args:
        config: All of it.
        job: Its id.
        voice: The job's voice: a child that lacks it is never ready.
        reference: The recording that the job's voice is cloned from: likewise.
        lives: Of a service: how many children it had so far; None for a run that ends with its job.
    """
    child = config.child
    return Terms(
        job=job,
        hello=hello_of(config, voice=voice, reference=reference, tells_voices=lives is not None),
        version=VERSION,
        attempts=child.attempts,
        stall_s=child.stall_s,
        times=SlotTimes(
            start_s=child.start_timeout_s,
            release_s=max(child.stall_s, _LEAST_RELEASE_S),
            term_s=child.term_grace_s,
        ),
        memory=memory_terms(config, host_total_bytes=read_host(None).total_bytes),
        poll_s=config.memory.poll_s,
        idle_unload_s=child.idle_unload_s,
        batch_size=config.batch.size,
        batch_rest_s=config.batch.rest_s,
        stays=lives is not None,
        lives=lives or 0,
        carries_past=config.engine.settings.get("history") is True,
    )


def conductors_of(terms: Terms, size: JobSize | None, devices: Sequence[str]) -> list[Conductor]:
    """Return the conductors of a run, one a device; they share a bench.

    Args:
        terms: Of the run; each gets its own device and numbers of lives.
        size: Of the job that they begin with; None = none yet.
        devices: At least one.
    """
    shared, count = Shared.of(terms), len(devices)
    return [
        Conductor(
            replace(
                terms,
                hello=msgspec.structs.replace(terms.hello, device=device),
                lives=terms.lives + number + 1 - count,
                step=count,
            ),
            size if number == 0 else None,
            at_s=monotonic_s(),
            shared=shared,
        )
        for number, device in enumerate(devices)
    ]


def hello_of(
    config: Config, *, voice: str | None, reference: Reference | None = None, tells_voices: bool = False
) -> Hello:
    """Return what a child is told first; its life's number is filled in later."""
    return Hello(
        protocol=PROTOCOL_VERSION,
        life=1,
        engine=config.engine.name,
        device=config.child.device,
        settings=config.engine.settings,
        faults=config.engine.faults,
        voice=voice,
        reference=reference,
        tells_voices=tells_voices,
    )
