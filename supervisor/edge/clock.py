"""The clocks: one that only goes forward for every decision, one that people read for records."""

import time
from datetime import UTC, datetime


def monotonic_s() -> float:
    """Return seconds on the clock that no one can set; the only one that decisions are made by."""
    return time.monotonic()


def timestamp() -> str:
    """Return the date and time in UTC as ISO 8601, for records that people read."""
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")
