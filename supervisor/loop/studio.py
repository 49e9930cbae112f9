"""Where all of a service's segments are spoken: one runner after the other.

A reload ends one runner at its segment's end and begins another under the new configuration; what was to
be spoken goes over, and nobody who waits for it notices.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from supervisor.config import Config
from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.loop.runner import Runner
from supervisor.loop.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What is to be spoken, whichever runner does it."""

    shelf: Shelf
    ahead: bool
    end: asyncio.Future[None]


class Studio:
    """One service's.

    Attributes:
        config: That it works under now.
        runner: At work; None before the first and after the last.
    """

    def __init__(self, config: Config, make_runner: Callable[[Config, int], Runner]) -> None:
        """Make it; nothing is started before `run`.

        Args:
            config: All of it.
            make_runner: Makes a runner, given the configuration and how many children there were before.
        """
        self.config = config
        self.runner: Runner | None = None
        self._make_runner = make_runner
        self._taken: dict[str, _Taken] = {}
        self._next: Config | None = None
        self._stop_why = ""

    async def run(self) -> do.Finish:
        """Speak until it is stopped, or a runner ends for another reason; return how the last one ended."""
        lives = 0
        while not self._stop_why:
            self.runner = runner = self._make_runner(self.config, lives)
            speaking = asyncio.ensure_future(runner.run())
            for taken in list(self._taken.values()):
                self._give(runner, taken)
            finish = await speaking
            lives, reloaded, self._next = runner.lives, self._next, None
            if reloaded is None or finish.ending != "stopped":
                return finish
            self.config = reloaded
        return do.Finish(ending="stopped", why=self._stop_why)

    def stop(self, why: str, *, at_once: bool) -> None:
        """End after the segment in hand, or at once; what is not spoken then stays on its shelf."""
        self._stop_why = self._stop_why or why
        if self.runner is not None:
            self.runner.tell(ev.StopAsked(at_once=at_once, why=why))

    def reload(self, config: Config) -> None:
        """Go on under another configuration from the next segment boundary."""
        self._next = config
        if self.runner is not None:
            self.runner.tell(ev.StopAsked(at_once=False, why="the configuration was read anew"))

    def close(self) -> None:
        """Let whoever waits know that nothing more is spoken."""
        self.runner = None
        for taken in self._taken.values():
            if not taken.end.done():
                taken.end.set_result(None)

    def take_in(self, shelf: Shelf, *, ahead: bool) -> asyncio.Future[None]:
        """Have the segments of a shelf spoken; see `Floor`."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken = self._taken[shelf.job] = _Taken(shelf=shelf, ahead=ahead, end=end)
        if self._stop_why:
            end.set_result(None)
        elif self.runner is not None:
            self._give(self.runner, taken)
        return end

    def withdraw(self, job: str) -> None:
        """Have no more of them spoken; see `Floor`."""
        if self.runner is not None:
            self.runner.withdraw(job)

    def _give(self, runner: Runner, taken: _Taken) -> None:
        def over(_: asyncio.Future[None]) -> None:
            self._taken.pop(taken.shelf.job, None)
            if not taken.end.done():
                taken.end.set_result(None)

        runner.take_in(taken.shelf, ahead=taken.ahead).add_done_callback(over)
