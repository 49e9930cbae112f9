"""Readings of memory on the event loop, at their pace and on demand."""

import asyncio
import contextlib
from collections.abc import Callable

from supervisor.core import events as ev
from supervisor.core.readings import DeviceAnswer
from supervisor.edge.clock import monotonic_s
from supervisor.edge.hostmem import HostReader
from supervisor.edge.nvml import DeviceReader
from supervisor.edge.process import ChildProcess

#: Younger than this a call to the driver is worth waiting for: it takes milliseconds when all is well,
#: and whoever asked waits no longer than this (READING_WAIT_S of the conductor).
_PROMPT_S = 1.0


class MemoryWatch:
    """Reads the host here and the device on the reader's own thread; tells both as one event.

    A driver that does not answer holds up nothing: the host is told at the next poll with what
    was last known of the device. Once there was a child, the device is read at that pace whether there is one
    now or not: it may be lost while nobody speaks.
    """

    def __init__(
        self,
        *,
        poll_s: float,
        device: str,
        tell: Callable[[ev.Event], None],
        seen: Callable[[DeviceAnswer], None] = lambda _: None,
    ) -> None:
        """Make a watch; nothing is opened before there is a child.

        Args:
            poll_s: Between readings.
            device: `child.device`.
            tell: Takes `Read` events.
            seen: Takes each answer of the driver, whoever asked.
        """
        self._poll_s = poll_s
        self._device = device
        self._tell = tell
        self._seen = seen
        self._loop = asyncio.get_running_loop()
        self._reader = DeviceReader(self._from_thread)
        self._host = HostReader()
        self._timer: asyncio.TimerHandle | None = None
        self._child: tuple[int, ChildProcess] | None = None
        self._room_s: float | None = None
        self._pid: int | None = None
        self._last: DeviceAnswer | None = None
        self._asked_s: float | None = None
        self._ask_again = False

    def watch(self, life: int, process: ChildProcess) -> None:
        """Read for this child from now on."""
        self._child, self._room_s, self._pid = (life, process), None, process.pid
        self._again()

    def watch_room(self, poll_s: float) -> None:
        """With no child, read the device at this pace: whether there is room for one."""
        self._child, self._room_s = None, poll_s
        self._last = None  # it was read with the child alive
        self._again()

    def unwatch(self, life: int | None = None) -> None:
        """Tell no more until there is another child; with `life`, only if that is the one watched."""
        if life is None or (self._child is not None and self._child[0] == life):
            self._child = self._room_s = None

    def read_now(self) -> None:
        """Read at once; the answer comes as an event, never before this returns.

        An answer that is on its way may be older than the question, so the driver is then asked
        once more. From one that is slow nothing new can be had: its last word stands.
        """
        if self._timer is None:
            return  # nobody was ever watched
        if self._asked_s is not None and monotonic_s() - self._asked_s < _PROMPT_S:
            self._ask_again = True
        elif self._reader.request(self._device, None if self._is_alone else self._pid):
            self._asked_s = monotonic_s()
        else:
            self._loop.call_soon(self._answer)

    def close(self) -> None:
        """Let go of the driver."""
        self.unwatch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._reader.close()

    @property
    def _is_alone(self) -> bool:
        """Whether the device is read for nobody: of whom there was, no share is asked for."""
        return self._child is None and self._room_s is None

    def _from_thread(self, answer: DeviceAnswer) -> None:
        # A loop that is closed has nobody to tell: a driver that hung has answered after all.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._answered, answer)

    def _answered(self, answer: DeviceAnswer) -> None:
        self._asked_s, self._last = None, answer
        self._seen(answer)
        if self._ask_again:
            self._ask_again = False
            self.read_now()
        else:
            self._answer()

    def _answer(self) -> None:
        if self._room_s is not None:
            self._tell(ev.Read(life=0, host=self._host.read(None), device=self._last, stopped=False))
        if self._child is None:
            return
        life, process = self._child
        host = self._host.read(process.pid)
        stopped = process.is_stopped()
        self._tell(ev.Read(life=life, host=host, device=self._last, stopped=stopped))

    def _again(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._room_s or self._poll_s, self._again)
        self.read_now()
