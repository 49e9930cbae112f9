"""What memory asks of one child life: figures in, wishes out.

Figures come at three moments: when it is ready (the baseline), after each segment (the child's
own vitals), and at the pace of `memory.poll_s`. A wish stands until it is acted on.
"""

from supervisor.core.lifememory import Judgement, LifeMemory
from supervisor.core.readings import DeviceReading, DeviceUnknown, HostReading
from supervisor.policy.verdict import Verdict
from supervisor.wire.messages import Ready, Vitals


class Weigher:
    """Weigh one child life.

    Attributes:
        kill_why: A hard mark is crossed by the child's own growth: replace it now.
        recycle_why: Replace it at the next boundary.
        release_why: Have it release its caches at the next boundary.
        paused_why: Hand nothing out: another's memory.
        reread: Read again at the next boundary: within a segment a soft mark was crossed,
            which may be that segment's passing need; or a device is watched.
        vitals: The latest.
        device: The latest that was known.
    """

    def __init__(self, memory: LifeMemory) -> None:
        self._memory = memory
        self._ready: Ready | None = None
        self._released = False
        self.kill_why = ""
        self.recycle_why = ""
        self.release_why = ""
        self.paused_why = ""
        self.reread = False
        self.vitals: Vitals | None = None
        self.device: DeviceReading | None = None

    def settle(self, ready: Ready) -> str | None:
        """Take the baseline; return what is wrong if no child can live under the marks."""
        self._ready = ready
        self.vitals = ready.vitals
        return self._memory.settle_host(ready.vitals.host_private_bytes)

    @property
    def host_remark(self) -> str | None:
        """What to say once of the host marks: that the soft one cannot be kept."""
        return self._memory.host_soft_is_below_a_fresh_child

    @property
    def device_remark(self) -> str | None:
        """Likewise of the device, once it was read."""
        return self._memory.device_soft_is_below_a_fresh_child

    @property
    def impossible_on_device(self) -> str | None:
        """What is wrong if no child can live under the device's marks."""
        return self._memory.device_hard_is_below_a_fresh_child

    def handed_out(self) -> None:
        """Note that a segment begins: what was released is filling again."""
        self._released = False
        self.recycle_why = ""  # only a life that spoke nothing comes here with one
        # Of its host memory the child itself tells after each segment; of the device only the driver does.
        self.reread = self.device is not None and self._ready is not None and self._ready.uses_device

    def boundary(self, vitals: Vitals) -> None:
        """Weigh what the child said of itself after a segment."""
        self.vitals = vitals
        self._host(vitals.host_private_bytes, within_segment=False)

    def released(self, vitals: Vitals) -> None:
        """Weigh what the child holds after a release: above the mark still means a recycle."""
        self._released = True
        self.release_why = ""  # a reading from before it was done asks for no second one
        self.boundary(vitals)

    def reading(
        self,
        host: HostReading | None,
        device: DeviceReading | DeviceUnknown | None,
        *,
        pid: int | None,
        within_segment: bool,
    ) -> None:
        """Weigh a reading from outside.

        Args:
            host: Of the machine and the child.
            device: Of the device; None if none is watched.
            pid: The child's; a reading of another process's share is of the life before.
            within_segment: Whether a segment is in hand.
        """
        self.device = device if isinstance(device, DeviceReading) else None
        self.paused_why = ""
        if self._ready is None:
            return
        if host is not None and host.child_private_bytes is not None:
            self._host(host.child_private_bytes, within_segment=within_segment)
        if self.device is not None and self.device.child_pid in (None, pid):
            self._of_device(self.device, self._ready, within_segment=within_segment)

    def figures(self) -> dict[str, int]:
        """Return the latest figures, in bytes by name."""
        figures: dict[str, int] = {}
        if self.vitals is not None:
            figures["host_private"] = self.vitals.host_private_bytes
        if self.device is not None:
            figures["device_used"] = self.device.used_bytes
        return figures

    def _host(self, private_bytes: int, *, within_segment: bool) -> None:
        judgement = self._memory.judge_host(private_bytes, released=self._released)
        self._wish(judgement, within_segment=within_segment)

    def _of_device(self, reading: DeviceReading, ready: Ready, *, within_segment: bool) -> None:
        own_bytes = reading.child_bytes
        if own_bytes is None and self.vitals is not None:
            own_bytes = self.vitals.reserved_bytes
        judgement = self._memory.judge_device(
            reading, own_bytes=own_bytes, uses_device=ready.uses_device, released=self._released
        )
        self._wish(judgement, within_segment=within_segment)

    def _wish(self, judgement: Judgement, *, within_segment: bool) -> None:
        verdict = judgement.verdict
        if verdict is Verdict.KILL:
            self.kill_why = judgement.why
        elif verdict is Verdict.RECYCLE:
            self.recycle_why = f"{judgement.why} after a release"
        elif verdict is Verdict.RELEASE and within_segment:
            self.reread = True
        elif verdict is Verdict.RELEASE:
            self.release_why = judgement.why
        elif verdict is Verdict.PAUSE:
            self.paused_why = judgement.why
