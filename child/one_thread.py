"""One thread that does all of an engine's work, so that this one can look whether it goes on.

For code that answers only when it is done, after a minute maybe: meanwhile a count that moves is the
sign of life. Always the same thread, since libraries keep pools of threads for each that calls them.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")
Sign = TypeVar("Sign")

#: Seconds between two looks: well under what counts as a stall.
LOOK_S = 1.0


class OneThread:
    """Does one call at a time."""

    def __init__(self, name: str, *, look_s: float = LOOK_S) -> None:
        """Name it; the thread begins with the first call.

        Args:
            name: For stacks of all threads.
            look_s: Between two looks at the count.
        """
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._look_s = look_s

    def run(self, call: Callable[[], Result]) -> Result:
        """Do it and wait for it; raises what it raises."""
        return self._threads.submit(call).result()

    def watched(
        self, call: Callable[[], Result], count: Callable[[], int], sign: Sign
    ) -> Generator[Sign, None, Result]:
        """Do it, and yield a sign after each look that found the count moved; returns what it returns.

        Given up midway, it still waits for the end: nothing may go on behind the next call's back.
        """
        done = self._threads.submit(call)
        seen = count()
        try:
            while not wait((done,), timeout=self._look_s).done:
                if (now := count()) != seen:
                    seen = now
                    yield sign
        finally:
            wait((done,))
        return done.result()
