"""Where all of a service's segments are spoken: one runner after the other.

A reload ends one runner at its segment's end and begins another under the new configuration; what was to
be spoken goes over, and nobody who waits for it notices. A full disk ends one as well: whoever waits is
told, and the next begins when there is room.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supervisor.config import Config
from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.notes import Note, Notice
from supervisor.errors import ConfigError, DiskFull
from supervisor.identity import engine_identity
from supervisor.loop.requestqueue import EngineChanged
from supervisor.loop.room import Room
from supervisor.loop.runner import Runner
from supervisor.loop.shelf import Shelf


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What is to be spoken, whichever runner does it."""

    shelf: Shelf
    ahead: bool
    end: asyncio.Future[None]
    withdrawn: bool = False

    def over(self, error: DiskFull | EngineChanged | None = None) -> None:
        """Nothing more is written of it."""
        if self.end.done():
            return
        if error is None:
            self.end.set_result(None)
        else:
            self.end.set_exception(error)
            self.end.exception()  # whoever left does not want to know


class Studio:
    """One service's.

    Attributes:
        config: That it works under now.
        runner: At work; None before the first and after the last, and while there is no room.
        room: On the disk that audio is written to; looked at while it runs.
    """

    def __init__(
        self,
        config: Config,
        make_runner: Callable[[Config, int], Runner],
        folder: Path,
        show: Callable[[Note], None],
    ) -> None:
        """Make it; nothing is started before `run`.

        Args:
            config: All of it.
            make_runner: Makes a runner, given the configuration and how many children there were before.
            folder: Where audio is written to: must have room.
            show: Takes notes.
        """
        self.config = config
        self.runner: Runner | None = None
        self.room = Room(folder)
        self._make_runner = make_runner
        self._folder = folder
        self._show = show
        self._taken: dict[str, _Taken] = {}
        self._next: Config | None = None
        self._stop_why = ""
        self._stopping = asyncio.Event()

    @property
    def promised(self) -> Config:
        """The configuration that it works under from the next segment boundary on."""
        return self._next or self.config

    async def run(self) -> do.Finish:
        """Speak until it is stopped, or a runner ends for another reason; return how the last one ended."""
        looking = asyncio.ensure_future(self._look_for_room())
        try:
            return await self._run()
        finally:
            looking.cancel()

    async def _run(self) -> do.Finish:
        lives = 0
        while not self._stop_why:
            self.runner = runner = self._make_runner(self.config, lives)
            finish = await self._speak(runner)
            lives = runner.lives
            is_reloaded = self._next is not None
            before, self.config, self._next = self.config, self.promised, None
            if is_reloaded and not self._stop_why and not _sounds_alike(before, self.config):
                self._begin_anew()
            if finish.ending == "full":
                await self._wait_for_room(finish.why)
            elif not is_reloaded or finish.ending != "stopped":
                return finish
        return do.Finish(ending="stopped", why=self._stop_why)

    async def _speak(self, runner: Runner) -> do.Finish:
        speaking = asyncio.ensure_future(runner.run())
        for taken in list(self._taken.values()):
            if taken.withdrawn:  # between two runners
                self._over(taken)
            else:
                self._give(runner, taken)
        try:
            return await speaking
        except DiskFull as error:  # not even the ledger can be written
            return do.Finish(ending="full", why=str(error))

    async def _wait_for_room(self, why: str) -> None:
        self.runner = None
        self.room.refuse(why, time.time())
        self._show(Notice(level="error", name="disk", text=f"nothing is spoken: {why}"))
        for taken in list(self._taken.values()):
            self._over(taken, DiskFull(why))
        while self.room.refused_why and not self._stop_why:
            await self._pause()
            self.room.look(time.time())
        if not self._stop_why:
            self._show(Notice(level="info", name="disk", text=f"there is room in {self._folder} again"))

    async def _look_for_room(self) -> None:
        """Look at each poll: who writes nothing learns of a full disk from nobody else."""
        while not self._stop_why:
            self.room.look(time.time())
            await self._pause()

    async def _pause(self) -> None:
        """Wait until the next poll, or until it is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.memory.poll_s):
                await self._stopping.wait()

    def stop(self, why: str, *, at_once: bool) -> None:
        """End after the segment in hand, or at once; what is not spoken then stays on its shelf."""
        self._stop_why = self._stop_why or why
        self._stopping.set()
        if self.runner is not None:
            self.runner.tell(ev.StopAsked(at_once=at_once, why=why))

    def reload(self, config: Config) -> None:
        """Go on under another configuration from the next segment boundary."""
        if self.runner is None:
            self.config = config
            return
        self._next = config
        self.runner.tell(ev.StopAsked(at_once=False, why="the configuration was read anew"))

    def _begin_anew(self) -> None:
        """Have nobody's bytes come from two engines: jobs are planned anew, requests spoken anew."""
        for taken in list(self._taken.values()):
            if not (taken.ahead and taken.shelf.size().over == 0):
                self._over(taken, None if taken.withdrawn else EngineChanged())

    def close(self) -> None:
        """Let whoever waits know that nothing more is spoken."""
        self._stop_why = self._stop_why or "it is over"
        self.runner = None
        for taken in list(self._taken.values()):
            self._over(taken)

    # ------------------------------------------------------------------ shelves

    def take_in(self, shelf: Shelf, *, ahead: bool) -> asyncio.Future[None]:
        """Have the segments of a shelf spoken; see `Floor`."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken = self._taken[shelf.job] = _Taken(shelf=shelf, ahead=ahead, end=end)
        if self._stop_why:
            self._over(taken)
        elif self.room.refused_why:
            self._over(taken, DiskFull(self.room.refused_why))
        elif self.runner is not None:
            self._give(self.runner, taken)
        return end

    def withdraw(self, job: str) -> None:
        """Have no more of them spoken; see `Floor`."""
        if job not in self._taken:
            return
        self._taken[job].withdrawn = True
        if self.runner is None:
            self._over(self._taken[job])
        else:
            self.runner.withdraw(job)

    def _give(self, runner: Runner, taken: _Taken) -> None:
        runner.take_in(taken.shelf, ahead=taken.ahead).add_done_callback(lambda _: self._over(taken))

    def _over(self, taken: _Taken, error: DiskFull | EngineChanged | None = None) -> None:
        if self._taken.get(taken.shelf.job) is taken:
            del self._taken[taken.shelf.job]
        taken.over(error)


def _sounds_alike(one: Config, other: Config) -> bool:
    """Say whether the same bytes come of the same text under both."""
    try:
        return engine_identity(one) == engine_identity(other)
    except ConfigError:  # the next child, or the next plan, has the words for it
        return False
