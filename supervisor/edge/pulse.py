"""Signs of life of a short-lived process: empty lines on its standard output, before its answer.

They come from the work itself, where it gets on: a thread that beats would beat beside work that hangs.
"""

import contextlib
import os
import time
from typing import Final

#: Between two signs; who waits for them waits for minutes.
_EVERY_S: Final = 1.0


class Pulse:
    """Of one process."""

    def __init__(self, descriptor: int) -> None:
        """Begin.

        Args:
            descriptor: That signs are written to; it may block.
        """
        self._descriptor = descriptor
        self._next_s = 0.0

    def beat(self) -> None:
        """Say that the work got on; costs nothing where that was said a moment ago."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            with contextlib.suppress(OSError):  # nobody listens any more: the answer will find that
                os.write(self._descriptor, b"\n")
