"""Weights that say whether they were read: 0, 1 … 15 over and over, exact in float32 and bfloat16."""

from pathlib import Path
from typing import Literal

#: Sums over so many are exact in float32: 15 * 2**20 is less than 2**24.
ROW = 1 << 20
#: Files are a whole number of rows of four bytes.
STEP_BYTES = 4 * ROW
MEAN = 7.5

Kind = Literal["float32", "bfloat16"]


def write_weights(path: Path, size_bytes: int, kind: Kind = "float32") -> Path:
    """Write a file of weights, and return its path.

    Args:
        path: Where.
        size_bytes: A multiple of `STEP_BYTES`.
        kind: Of each weight, little-endian, nothing before or between them.
    """
    assert size_bytes % STEP_BYTES == 0, f"{size_bytes} is no multiple of {STEP_BYTES}"
    import numpy as np  # noqa: PLC0415 -- a benchmark that reads the constants above stays light

    floats = np.arange(ROW, dtype="<f4") % 16
    # The upper half of a float32 is the bfloat16 that was cut off it.
    words = floats if kind == "float32" else (np.tile(floats, 2).view("<u4") >> 16).astype("<u2")
    step = words.tobytes()
    with path.open("wb") as file:
        for _ in range(size_bytes // STEP_BYTES):
            file.write(step)
    return path
