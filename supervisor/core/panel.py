"""The panel of memory policies: records in, decisions out; the same object live and in replay.

One per job. What it learned (the footprint of a fresh child) it keeps over lives; all else begins
anew at each `LifeReady`. After a `drain` or `kill` it is silent until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from supervisor.core.decisions import Act, Decision, Policy, Scope, Thought
from supervisor.core.traces import LifeReady, Reading, Record, Released, SegmentBegin, SegmentEnd, TraceVitals
from supervisor.policy.verdict import Verdict
from supervisor.policy.watermark import Watermark, WatermarkLimits

#: Marks as bytes, once the total is known.
Marks = Callable[[int], WatermarkLimits]

#: An outlook goes no further than this: so many texts without a boundary are one.
OUTLOOK_TEXTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTerms:
    """What the panel works under.

    Attributes:
        host: Marks of the child's private memory.
        device: Marks of the whole device.
        host_total_bytes: What a share of host memory is a share of, where no reading says.
        leak_live_bytes: `memory.leak.live`.
        leak_other_bytes: `memory.leak.other`.
        clean_after: `memory.clean_after`.
        max_segments: `child.max_segments`; 0 = by need only.
        may_degrade: Whether `degrade.steps` allows a text to be spoken smaller.
    """

    host: Marks
    device: Marks
    host_total_bytes: int
    leak_live_bytes: int
    leak_other_bytes: int
    clean_after: Literal["never", "segment", "job"] = "never"
    max_segments: int = 0
    may_degrade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes next.

    Attributes:
        chars: Of the texts from the next one up to and including the next boundary, at most
            `OUTLOOK_TEXTS`; never empty.
    """

    chars: tuple[int, ...]


class Panel:
    """Weigh what is seen of one job's children."""

    def __init__(self, terms: MemoryTerms) -> None:
        self._terms = terms
        self._fresh_device_bytes: int | None = None
        self._decisions: list[Decision] = []
        self._paused = False
        self._begin_life()

    # ------------------------------------------------------------------ the two verbs

    def take(self, record: Record) -> list[Decision]:
        """Take what happened; return what is to be done, hardest first."""
        self._decisions = []
        if isinstance(record, LifeReady):
            self._begin_life()
        elif isinstance(record, Reading):
            self._read(record)
        elif isinstance(record, SegmentBegin):
            self._within_segment, self._released = True, False
        elif isinstance(record, SegmentEnd):
            self._within_segment = False
            self._segments += 1
            self._take_vitals(record.t, record.vitals)
            self._by_the_clock(record.t)
        elif isinstance(record, Released):
            self._released = True
            self._take_vitals(record.t, record.vitals)
        return self._decisions

    def ask(self, at_s: float, outlook: Outlook) -> list[Decision]:
        """Say what must happen before the next text is handed out; nothing if it may go on.

        Args:
            at_s: Monotonic seconds.
            outlook: The texts up to the next boundary.
        """
        self._decisions = []
        return self._decisions

    # ------------------------------------------------------------------ what it knows

    def may_go_on(self, chars: int) -> bool:
        """Say whether a text would stay below the hard marks though a drain was decided."""
        return True

    def two_fit(self) -> bool:
        """Say whether a second child would find room beside this one now."""
        return False

    def fresh_fits(self) -> bool | None:
        """Say whether a fresh child would find room with this one gone; None = unknown."""
        return None

    @property
    def fresh_device_bytes(self) -> int | None:
        """What a fresh child holds of the device, as learned; None = not known yet."""
        return self._fresh_device_bytes

    @property
    def own_device_bytes(self) -> int | None:
        """What the child holds of the device now: the driver's word, else its own report."""
        if self._reading is not None and self._reading.child_device is not None:
            return self._reading.child_device
        return None if self._vitals is None else self._vitals.reserved

    def figures(self) -> dict[str, int]:
        """Return the latest figures, in bytes by name."""
        found: dict[str, int | None] = {}
        if self._vitals is not None:
            found["host_private"] = self._vitals.host_private
        if self._reading is not None:
            found["device_used"] = self._reading.device_used
        return {name: size for name, size in found.items() if size is not None}

    def thoughts(self) -> list[Thought]:
        """Return what each policy thinks now."""
        return []

    def remarks(self) -> list[str]:
        """Return what people should be told once: marks that cannot be kept."""
        return []

    # ------------------------------------------------------------------ one life

    def _begin_life(self) -> None:
        self._silent = False
        self._within_segment = False
        self._released = False
        self._segments = 0
        self._reading: Reading | None = None
        self._vitals: TraceVitals | None = None
        self._host: Watermark | None = None
        self._device: Watermark | None = None

    def _take_vitals(self, at_s: float, vitals: TraceVitals) -> None:
        self._vitals = vitals
        if vitals.host_private is not None:
            self._judge_host(at_s, vitals.host_private)

    def _read(self, reading: Reading) -> None:
        self._reading = reading
        if reading.child_host is not None:
            self._judge_host(reading.t, reading.child_host)
        if reading.device_total is not None and reading.device_used is not None:
            self._judge_device(reading.t, reading.device_total, reading.device_used)

    def _judge_host(self, at_s: float, private_bytes: int) -> None:
        if self._host is None:
            self._host = Watermark(self._terms.host(self._terms.host_total_bytes))
        self._host.settle(used_bytes=private_bytes, own_bytes=private_bytes)
        verdict = self._host.judge(used_bytes=private_bytes, own_bytes=private_bytes, released=self._released)
        self._act(at_s, verdict, f"memory.host: the child holds {_mib(private_bytes)}")

    def _judge_device(self, at_s: float, total_bytes: int, used_bytes: int) -> None:
        own_bytes = self.own_device_bytes
        if self._device is None:
            self._device = Watermark(self._terms.device(total_bytes))
            self._fresh_device_bytes = own_bytes
        self._device.settle(used_bytes=used_bytes, own_bytes=own_bytes)
        verdict = self._device.judge(used_bytes=used_bytes, own_bytes=own_bytes, released=self._released)
        self._act(
            at_s, verdict, f"memory.device: used {_mib(used_bytes)}, the child's part {_mib(own_bytes)}"
        )
        if self._paused and verdict is Verdict.KEEP:
            self._paused = False
            self._decide(at_s, "resume", "watermark", f"memory.device: used {_mib(used_bytes)} again")

    def _act(self, at_s: float, verdict: Verdict, why: str) -> None:
        if verdict is Verdict.KILL:
            self._decide(at_s, "kill", "watermark", why)
        elif verdict is Verdict.RECYCLE and not self._within_segment:
            self._decide(at_s, "drain", "watermark", why)
        elif verdict is Verdict.RELEASE and not self._within_segment:
            self._decide(at_s, "clean", "watermark", why)
        elif verdict is Verdict.PAUSE and not self._paused:
            self._paused = True
            self._decide(at_s, "pause", "watermark", why)

    def _by_the_clock(self, at_s: float) -> None:
        limit = self._terms.max_segments
        if limit and self._segments >= limit:
            self._decide(at_s, "drain", "clock", f"child.max_segments is {limit}")
        elif self._terms.clean_after == "segment":
            self._decide(at_s, "clean", "clock", "memory.clean_after is segment")

    def _decide(self, at_s: float, action: Act, policy: Policy, why: str, scope: Scope = "life") -> None:
        if not self._silent:
            self._decisions.append(Decision(t=at_s, action=action, policy=policy, why=why, scope=scope))
        if action in ("drain", "kill"):
            self._silent = True


def _mib(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else f"{size_bytes / 2**20:.0f} MiB"
