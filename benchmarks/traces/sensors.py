"""What becomes of readings on their way: hidden figures, time-outs, drivers that change their mind."""

from collections.abc import Iterable, Iterator
from random import Random

import msgspec

from benchmarks.traces.scenario import Sensor
from supervisor.core.traces import Reading, Record, SegmentEnd, TraceVitals

#: What NVML v1 counts as used and v2 does not: the driver's own part.
_DRIVERS_PART = 420 * 2**20


def blurred(records: Iterable[Record], sensor: Sensor, rng: Random) -> Iterator[Record]:
    """Return the records as a sensor of that kind would have given them."""
    is_v1, is_out = False, 0
    for record in records:
        if isinstance(record, SegmentEnd) and sensor == "flaky" and rng.random() < 0.03:  # noqa: PLR2004 -- a chance
            yield msgspec.structs.replace(record, vitals=TraceVitals(host_private=record.vitals.host_private))
        elif not isinstance(record, Reading) or sensor == "sound":
            yield record
        elif sensor == "hidden":
            yield msgspec.structs.replace(record, child_device=None)
        elif sensor == "flaky":
            yield _flaky(record, rng)
        elif sensor == "time-outs":
            is_out = is_out - 1 if is_out else rng.randint(1, 12) * (rng.random() < 0.05)  # noqa: PLR2004 -- a chance
            if not is_out:
                yield record
        else:
            is_v1 ^= rng.random() < 0.02  # noqa: PLR2004 -- a chance
            yield _by_version(record, is_v1=is_v1)


def _flaky(reading: Reading, rng: Random) -> Reading:
    chance = rng.random()
    if chance < 0.1:  # noqa: PLR2004 -- a chance
        return msgspec.structs.replace(reading, child_device=None)
    if chance < 0.15:  # noqa: PLR2004 -- a chance
        return Reading(t=reading.t, child_host=reading.child_host)
    return reading


def _by_version(reading: Reading, *, is_v1: bool) -> Reading:
    if not is_v1 or reading.device_used is None:
        return reading
    return msgspec.structs.replace(reading, device_used=reading.device_used + _DRIVERS_PART)
