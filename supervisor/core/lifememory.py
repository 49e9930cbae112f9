"""What the marks say of one child life: two watermarks and the words for their verdicts."""

from collections.abc import Callable
from dataclasses import dataclass

from supervisor.core.readings import DeviceReading
from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Watermark, WatermarkLimits

#: Marks as bytes, once the total is known.
Marks = Callable[[int], WatermarkLimits]

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict and its reason, with the figures."""

    verdict: Verdict
    why: str


KEEP = Judgement(verdict=Verdict.KEEP, why="")


class LifeMemory:
    """Both kinds of memory of one child life."""

    def __init__(self, *, host: Marks, device: Marks, host_total_bytes: int) -> None:
        self._host_limits = host(host_total_bytes)
        self._host = Watermark(self._host_limits)
        self._device_marks = device
        self._device: Watermark | None = None
        self._device_limits: WatermarkLimits | None = None
        self._fresh_device_bytes: int | None = None

    def settle_host(self, private_bytes: int) -> str | None:
        """Take the host baseline; return what is wrong if the marks cannot be kept."""
        self._host.settle(used_bytes=private_bytes, own_bytes=private_bytes)
        if self._host.stands_above(self._host_limits.hard_bytes):
            return _impossible("host", self._host_limits, private_bytes)
        return None

    @property
    def host_soft_is_below_a_fresh_child(self) -> str | None:
        """Words for the case that no recycle can bring the child below the soft mark."""
        if not self._host.stands_above(self._host_limits.soft_bytes):
            return None
        return _not_acted_on("host", self._host_limits)

    @property
    def device_hard_is_below_a_fresh_child(self) -> str | None:
        """What is wrong if no child can live under the device's hard mark, whatever others hold."""
        fresh_bytes, limits = self._fresh_device_bytes, self._device_limits
        if limits is None or fresh_bytes is None or fresh_bytes < limits.hard_bytes:
            return None
        return _impossible("device", limits, fresh_bytes)

    @property
    def device_soft_is_below_a_fresh_child(self) -> str | None:
        """Words for the case that no recycle can bring the device below its soft mark."""
        fresh_bytes, limits = self._fresh_device_bytes, self._device_limits
        if limits is None or fresh_bytes is None or fresh_bytes < limits.soft_bytes:
            return None
        return _not_acted_on("device", limits)

    def judge_host(self, private_bytes: int, *, released: bool) -> Judgement:
        """Judge the child's private memory."""
        verdict = self._host.judge(used_bytes=private_bytes, own_bytes=private_bytes, released=released)
        return _judgement(verdict, "host", private_bytes, private_bytes, self._host_limits)

    def judge_device(
        self, reading: DeviceReading, *, own_bytes: int | None, uses_device: bool, released: bool
    ) -> Judgement:
        """Judge the whole device; the first reading of a life is its baseline.

        Args:
            reading: As the driver gave it.
            own_bytes: The child's part by the driver or by its own report; None if unknown.
            uses_device: Whether the engine holds device memory at all. One that does not is
                never blamed for, nor held up by, what others keep there.
            released: Whether the child released its caches just before.
        """
        if not uses_device and not own_bytes:
            return KEEP
        if self._device is None or self._device_limits is None:
            self._device_limits = self._device_marks(reading.total_bytes)
            self._device = Watermark(self._device_limits)
            self._fresh_device_bytes = own_bytes
        self._device.settle(used_bytes=reading.used_bytes, own_bytes=own_bytes)
        verdict = self._device.judge(used_bytes=reading.used_bytes, own_bytes=own_bytes, released=released)
        return _judgement(verdict, "device", reading.used_bytes, own_bytes, self._device_limits)


def _judgement(
    verdict: Verdict, what: str, used_bytes: int, own_bytes: int | None, limits: WatermarkLimits
) -> Judgement:
    if verdict is Verdict.KEEP:
        return KEEP
    hard = used_bytes >= limits.hard_bytes
    mark = f"memory.{what}.{'hard' if hard else 'soft'}"
    mark_bytes = limits.hard_bytes if hard else limits.soft_bytes
    own = "" if what == "host" else f", the child's part {_mib(own_bytes)}"
    why = f"watermark: {mark} is {_mib(mark_bytes)}, used {_mib(used_bytes)}{own}"
    return Judgement(verdict=verdict, why=why)


def _impossible(what: str, limits: WatermarkLimits, fresh_bytes: int) -> str:
    return (
        f"memory.{what}.hard is {_mib(limits.hard_bytes)}, but a fresh child already holds "
        f"{_mib(fresh_bytes)}: raise it"
    )


def _not_acted_on(what: str, limits: WatermarkLimits) -> str:
    return (
        f"memory.{what}.soft is {_mib(limits.soft_bytes)}, below what a fresh child holds: it is not acted on"
    )


def _mib(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else f"{size_bytes / _MIB:.0f} MiB"
