"""A panel and what it is told, in MiB: a card of 10 GiB with marks at 8,704 and 9,728."""

from collections.abc import Sequence

from supervisor.core.decisions import Decision
from supervisor.core.memoryterms import Marks, MemoryTerms, Outlook
from supervisor.core.panel import Panel
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)
from supervisor.policy.leak import LeakLimits
from supervisor.policy.watermark import WatermarkLimits

MIB = 2**20
CARD = 10240
SOFT, HARD, USABLE = 8704, 9728, 10086
#: Growth of 2 % of the card is worth a recycle.
WORTH = 204
HOST_SOFT, HOST_HARD = 4096, 6144
FRESH = 6000
CONTEXT = 500


def marks(soft: float, hard: float) -> Marks:
    return lambda total: WatermarkLimits(soft_bytes=int(soft * total), hard_bytes=int(hard * total))


TERMS = MemoryTerms(
    host=marks(0.25, 0.375),
    device=marks(0.85, 0.95),
    host_total_bytes=16384 * MIB,
    leak=lambda _: LeakLimits(live_bytes=192 * MIB, other_bytes=256 * MIB),
)


def bytes_of(mib: float | None) -> int | None:
    return None if mib is None else int(mib * MIB)


def vitals(
    live: float | None = None, reserved: float | None = None, peak: float | None = None, **more: float
) -> TraceVitals:
    """What a child says, in MiB; more: `declared`, `host`, `split`, and `retries` as they are."""
    retries = more.get("retries")
    return TraceVitals(
        live=bytes_of(live),
        reserved=bytes_of(reserved),
        peak=bytes_of(peak),
        declared=bytes_of(more.get("declared")),
        host_private=bytes_of(more.get("host")),
        retries=None if retries is None else int(retries),
        inactive_split=bytes_of(more.get("split")),
    )


def reading(
    used: float | None = None, child: float | None = None, *, t: float = 0.0, **host: float
) -> Reading:
    """What is seen from outside, in MiB; of the host `host` (the child's) and `available`."""
    return Reading(
        t=t,
        device_total=None if used is None else CARD * MIB,
        device_used=bytes_of(used),
        child_device=bytes_of(child),
        child_host=bytes_of(host.get("host")),
        host_available=bytes_of(host.get("available")),
    )


class Scene:
    """A panel, a clock, and a child on torch with a context of 500 MiB.

    Attributes:
        panel: The panel.
        seen: Every decision so far.
        others: What others hold, in MiB.
        live: What is live in the child.
        slack: What it has reserved beside.
    """

    def __init__(self, terms: MemoryTerms = TERMS, *, ready: bool = True) -> None:
        self.panel = Panel(terms)
        self.seen: list[Decision] = []
        self.at_s = 100.0
        self.life = 0
        self.segment = 0
        self.others = 0.0
        self.live = float(FRESH - CONTEXT)
        self.slack = 0.0
        self.context = float(CONTEXT)
        self.hidden = False
        if ready:
            self.start()

    # ------------------------------------------------------------------ telling it

    def take(self, record: Record) -> list[str]:
        return self._keep(self.panel.take(record))

    def ask(self, *chars: int) -> list[str]:
        return self._keep(self.panel.ask(self.at_s, Outlook(chars=chars or (100,))))

    def start(self) -> list[str]:
        """Begin a life: ready, and read."""
        self.life += 1
        self.live, self.slack, self.context = float(FRESH - CONTEXT), 0.0, float(CONTEXT)
        self.at_s += 1.0
        told = self.take(LifeReady(t=self.at_s, life=self.life, vitals=self.vitals()))
        return told + self.read()

    def vitals(self, peak: float | None = None) -> TraceVitals:
        reserved = self.live + self.slack
        return vitals(self.live, reserved, peak or self.live, declared=0, host=1000, retries=0, split=0)

    def read(self, *, more: float = 0.0) -> list[str]:
        """Read outside; `more` is held by the child for this moment."""
        self.at_s += 0.5
        own = self.live + self.slack + self.context + more
        child = None if self.hidden else own
        return self.take(reading(own + self.others, child, t=self.at_s, host=1000, available=8000))

    def begin(self, chars: int = 100) -> list[str]:
        self.segment += 1
        self.at_s += 0.1
        return self.take(SegmentBegin(t=self.at_s, segment=self.segment, chars=chars))

    def end(
        self, chars: int = 100, *, grow: float = 0.0, need: float = 0.0, took_s: float = 2.0
    ) -> list[str]:
        self.at_s += took_s
        self.live += grow
        peak = self.live + need
        self.slack = max(self.slack, need)
        end = SegmentEnd(
            t=self.at_s, segment=self.segment, chars=chars, seconds=5.0, vitals=self.vitals(peak=peak)
        )
        return self.take(end)

    def speak(self, count: int = 1, chars: int = 100, *, grow: float = 0.0, need: float = 0.0) -> list[str]:
        """Ask, speak and read, so many times or until something ends the life."""
        told: list[str] = []
        for _ in range(count):
            told += self.ask(chars)
            told += self.begin(chars) + self.end(chars, grow=grow, need=need) + self.read()
            if {"drain", "kill"} & set(told):
                break
        return told

    def boundary(self, what: str = "paragraph") -> list[str]:
        return self.take(Boundary(t=self.at_s, what=what))

    def release(self) -> list[str]:
        """Release caches, tell of it, and read."""
        self.slack = 0.0
        told = self.take(Released(t=self.at_s, vitals=self.vitals(), took_s=0.1))
        return told + self.read()

    def gone(self, life: int | None = None) -> list[str]:
        return self.take(LifeEnded(t=self.at_s, life=life or self.life, why="recycle"))

    # ------------------------------------------------------------------ what it said

    @property
    def last(self) -> Decision:
        return self.seen[-1]

    def acts(self, *names: str) -> list[Decision]:
        return [one for one in self.seen if one.action in names]

    def _keep(self, decisions: Sequence[Decision]) -> list[str]:
        self.seen += decisions
        return [one.action for one in decisions]
