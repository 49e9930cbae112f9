"""What an option may stand for, and what is said of what it may not."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.cli import argtypes


@pytest.mark.parametrize(
    ("take", "text", "value"),
    [
        (argtypes.some, " a ", " a "),
        (argtypes.path, "a/b", Path("a/b")),
        (argtypes.seed, "0", 0),
        (argtypes.seed, str(argtypes.MAX_SEED), argtypes.MAX_SEED),
        (argtypes.seconds, "0.5", 0.5),
        (argtypes.seconds, "86400", 86400.0),
        (argtypes.rate_hz, "8000", 8000),
        (argtypes.rate_hz, "192000", 192_000),
    ],
)
def test_what_is_within_the_bounds_is_taken(take: Callable[[str], object], text: str, value: object) -> None:
    assert take(text) == value


@pytest.mark.parametrize(
    ("take", "text"),
    [
        (argtypes.some, " "),
        (argtypes.path, ""),
        (argtypes.seed, "-1"),
        (argtypes.seed, str(argtypes.MAX_SEED + 1)),
        (argtypes.seed, "٣"),
        (argtypes.seconds, "0"),
        (argtypes.seconds, "-1"),
        (argtypes.seconds, "nan"),
        (argtypes.seconds, "inf"),
        (argtypes.seconds, "soon"),
        (argtypes.rate_hz, "7999"),
        (argtypes.rate_hz, "192001"),
        (argtypes.rate_hz, "8e3"),
    ],
)
def test_what_is_not_is_refused_with_what_was_seen(take: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        take(text)
    assert repr(text) in str(caught.value) or "is empty" in str(caught.value)
