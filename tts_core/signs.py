"""Signs of life from within a computation of torch: its modules are heard as they are called.

One pass of a large model over a long text may take a slow CPU longer than a child may be silent. So, while
they are listened to, each module that has done its part counts, and every second or so that is told.
Nothing is told where none is called: code that merely turns looks dead, as it should.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from torch.nn.modules.module import register_module_forward_hook

#: Well under what counts as a stall, and seldom enough to cost nothing.
EVERY_S: Final = 1.0


def _to_nobody() -> None:
    pass


class Signs:
    """Tells somebody that modules are called.

    Attributes:
        tell: Called on the thread that computes, between two modules.
    """

    def __init__(self, *, every_s: float = EVERY_S, now_s: Callable[[], float] = time.monotonic) -> None:
        """Tell nobody yet.

        Args:
            every_s: At least, between two signs.
            now_s: Monotonic clock.
        """
        self.tell: Callable[[], None] = _to_nobody
        self._every_s = every_s
        self._now_s = now_s
        self._last_s = now_s()

    @contextmanager
    def felt(self) -> Generator[None]:
        """Listen, to whatever module of the process is called, until the block ends."""
        self._last_s = self._now_s()
        hook = register_module_forward_hook(self._beat)
        try:
            yield
        finally:
            hook.remove()

    def _beat(self, *_: object) -> None:
        now_s = self._now_s()
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self.tell()
