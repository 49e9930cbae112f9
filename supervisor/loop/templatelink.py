"""One template process on the event loop: what it answers, and that it does not answer.

A template that keeps silent beyond its time, is stopped, says what no template says or dies is lost:
it is killed, and that is told once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from supervisor.edge.pipes import read_some
from supervisor.edge.stderrtail import StderrTail
from supervisor.edge.template import TemplateProcess, Unborn
from supervisor.wire.errors import PeerError
from supervisor.wire.forking import FromTemplate, Prepare

#: For one child: a fork takes milliseconds, and of a process with many gigabytes a tenth of a second.
FORK_LIMIT_S: Final = 5.0

#: Between two looks at one that gets warm: stopped at both of two is stopped.
STOP_LOOK_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The template is no more; whoever was asked for and is not born will not be."""

    why: str


class TemplateLink:
    """Watches one template from its start to its end."""

    def __init__(
        self,
        process: TemplateProcess,
        *,
        tell: Callable[[FromTemplate | Lost], None],
        overheard: Callable[[str], None],
    ) -> None:
        """Begin to watch.

        Args:
            process: Just started; owned from here on.
            tell: Takes what becomes of it, in order; never called before this returns.
            overheard: Takes each line of its stderr.
        """
        self._process = process
        self._tell: Callable[[FromTemplate | Lost], None] | None = tell
        self._overheard = overheard
        self._stderr = StderrTail()
        self._loop = asyncio.get_running_loop()
        self._limit: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._over = False
        self._loop.add_reader(process.control, self._on_answer)
        self._loop.add_reader(process.stderr_fd, self._on_stderr)
        self._loop.add_reader(process.pidfd, self._on_death)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def prepare(self, order: Prepare, limit_s: float) -> None:
        """Have it prepare, within a time.

        Raises:
            SupervisorError: If it cannot be told. It is of no use then.
        """
        self._process.prepare(order)
        self._limit = self._loop.call_later(limit_s, self._lose, f"not warm after {limit_s:g} s")
        self._look_later(was_stopped=False)

    def ask(self, life: int) -> Unborn:
        """Ask for a child; the answers come in the order of asking.

        Raises:
            SupervisorError: If it cannot be asked.
        """
        unborn = self._process.ask(life)
        self._set_limit()
        return unborn

    def end(self) -> None:
        """Kill it and tell nothing more; it is buried when it is dead, and this returns at once."""
        self._tell = None
        self._clear_limit()
        self._process.kill_group()

    def close(self) -> None:
        """Kill it, wait until it is dead, and let go of everything. Idempotent."""
        self.end()
        self._process.end_now()
        self._let_go()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return self._over

    def _let_go(self) -> None:
        if not self._over:
            self._over = True
            for fd in (self._process.control.fileno(), self._process.stderr_fd, self._process.pidfd):
                self._loop.remove_reader(fd)
            self._process.close()

    def _look_later(self, *, was_stopped: bool) -> None:
        if self._look is not None:
            self._look.cancel()
        self._look = self._loop.call_later(STOP_LOOK_S, self._look_for_a_stop, was_stopped)

    def _look_for_a_stop(self, was_stopped: bool) -> None:
        """To get warm takes as long as it takes, but one that was sent SIGSTOP never will."""
        is_stopped = self._process.is_stopped()
        if is_stopped and was_stopped:
            self._lose("is stopped (SIGSTOP)")
        else:
            self._look_later(was_stopped=is_stopped)

    def _set_limit(self) -> None:
        self._clear_limit()
        self._limit = self._loop.call_later(FORK_LIMIT_S, self._lose, f"no answer within {FORK_LIMIT_S:g} s")

    def _clear_limit(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _on_answer(self) -> None:
        try:
            answer = self._process.answer()
        except EOFError:
            # Its death says more, and comes soon.
            self._loop.remove_reader(self._process.control)
            self._set_limit()
        except PeerError as error:
            self._lose(f"it broke the contract: {error}")
        else:
            if answer is not None:
                self._clear_limit()
                self._say(answer)

    def _on_stderr(self) -> None:
        received = read_some(self._process.stderr_fd)
        for line in self._stderr.feed(received.data):
            self._overheard(line)
        if received.ended:
            self._loop.remove_reader(self._process.stderr_fd)

    def _on_death(self) -> None:
        while (answer := self._last_answer()) is not None:
            self._say(answer)
        if self._over:  # whoever was told has closed this
            return
        self._on_stderr()
        for line in self._stderr.end():
            self._overheard(line)
        death = self._process.reap()
        if death is not None:
            self._let_go()
            last_line = self._stderr.last_line
            self._lose(f"{death.in_words}: {last_line}" if last_line else death.in_words)

    def _last_answer(self) -> FromTemplate | None:
        """Return what it still said before it died."""
        try:
            return None if self._over else self._process.answer()
        except (EOFError, PeerError):
            return None

    def _lose(self, why: str) -> None:
        self._say(Lost(why=why), last=True)

    def _say(self, what: FromTemplate | Lost, *, last: bool = False) -> None:
        tell = self._tell
        if last and not self._over:
            self.end()
        if tell is not None:
            tell(what)
