"""What an option may stand for: each takes its word, or says what was needed and what was seen."""

import argparse
from pathlib import Path

#: The greatest seed: `supervisor.narration.plan.MAX_SEED`, which takes 30 ms to import.
MAX_SEED = 2**63 - 1

#: A day: who waits longer has forgotten it.
MAX_WAIT_S = 86400.0


def some(text: str) -> str:
    """Take what is not empty."""
    # An unset variable between quotes: what it would stand for is never what was meant.
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give a value (a variable that is not set, perhaps?)")
    return text


def path(text: str) -> Path:
    """Take a path."""
    return Path(some(text))


def seed(text: str) -> int:
    """Take a seed."""
    if not text.isascii() or not text.isdigit() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"need a whole number from 0 to {MAX_SEED}, got {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Take a time that somebody would wait."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_WAIT_S:
        raise argparse.ArgumentTypeError(f"need seconds over 0 and up to {MAX_WAIT_S:g}, got {text!r}")
    return seconds


def rate_hz(text: str) -> int:
    """Take a sample rate."""
    # From telephone to studio; libsndfile and soxr take all between.
    if not text.isascii() or not text.isdigit() or not 8000 <= int(text) <= 192_000:  # noqa: PLR2004 - bounds named above
        raise argparse.ArgumentTypeError(f"need a rate from 8000 to 192000 Hz, got {text!r}")
    return int(text)
