"""Read device memory through NVML, on a thread that a hanging driver may keep for ever.

The loop asks with `request` and gets a `DeviceAnswer` by callback. While a call has not come
back no second one is made; past the deadline that is told once, as `hung`. Maps the driver's
management library alone: never libcuda, so the parent holds no context on any GPU.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from supervisor.core.readings import DeviceAnswer, DeviceUnknown
from supervisor.edge.clock import monotonic_s
from supervisor.edge.driver import Driver
from supervisor.edge.proc import descendants

#: A healthy call takes milliseconds; waking a sleeping GPU (no persistence) up to 3 s.
DEADLINE_S = 5.0

#: The loop ends all the same if the driver does not let go of the thread.
_FAREWELL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    device: str
    child_pid: int | None


class DeviceReader:
    """Asks the driver, one question at a time. Make one for the life of the parent.

    Args:
        deliver: Gets every answer, called on the reader's thread, or for `hung` within `request`.
        deadline_s: After this a call counts as hung.
    """

    def __init__(self, deliver: Callable[[DeviceAnswer], None], *, deadline_s: float = DEADLINE_S) -> None:
        self._deliver = deliver
        self._deadline_s = deadline_s
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._asked_s: float | None = None  # None = nothing is under way
        self._told_hung = False
        self._closed = False

    def request(self, device: str, child_pid: int | None) -> bool:
        """Ask for a reading; never waits.

        Args:
            device: `"auto"` or `"cuda:N"`; with `"cpu"` nothing is ever opened.
            child_pid: Whose share to tell, with all that it forked.

        Returns:
            False if nothing was asked: the call before has not come back, or there is no GPU to ask.
        """
        if self._closed or device == "cpu":
            return False
        if self._asked_s is not None:
            self._tell_if_hung(monotonic_s() - self._asked_s)
            return False
        self._asked_s = monotonic_s()
        self._told_hung = False
        self._start()
        self._questions.put(_Question(device=device, child_pid=child_pid))
        return True

    def close(self) -> None:
        """Let go of the driver; no answer is delivered after this. Waits at most a moment."""
        self._closed = True
        if self._thread is not None:
            self._questions.put(None)
            self._thread.join(_FAREWELL_S)

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: a thread stuck in the driver must not keep the parent from ending.
            self._thread = threading.Thread(target=self._serve, name="nvml", daemon=True)
            self._thread.start()

    def _tell_if_hung(self, waited_s: float) -> None:
        if waited_s >= self._deadline_s and not self._told_hung:
            self._told_hung = True
            self._deliver(_hung(waited_s))

    def _serve(self) -> None:
        driver = Driver(os.environ.get("CUDA_VISIBLE_DEVICES"))
        while (question := self._questions.get()) is not None:
            family = (
                [] if question.child_pid is None else [question.child_pid, *descendants(question.child_pid)]
            )
            answer = driver.read(question.device, family)
            self._asked_s = None
            if not self._closed:
                self._hand_over(answer)
        driver.close()

    def _hand_over(self, answer: DeviceAnswer) -> None:
        try:
            self._deliver(answer)
        except RuntimeError:
            self._closed = True  # the event loop ended between our look and the call: nobody listens any more


def _hung(waited_s: float) -> DeviceUnknown:
    return DeviceUnknown(
        kind="hung",
        text=f"the NVIDIA driver has not answered for {waited_s:.0f} s; narration goes on without device "
        "memory figures; look at dmesg for Xid messages, and reboot if nvidia-smi hangs too",
    )
