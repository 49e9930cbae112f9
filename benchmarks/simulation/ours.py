"""Our panel, driven as the conductor drives it: the same records in the same order, its decisions done.

After a text: SegmentEnd, Boundary if there is one, a reading; then `ask` until nothing is left to do.
Within a text: a reading at its peak. While nothing is handed out: readings.
"""

from collections import Counter
from typing import Final

from benchmarks.simulation.cases import Text
from benchmarks.simulation.job import RELEASE_S, Step
from benchmarks.traces.model import GIB, Card, DeviceFigures, ModelChild, Spoken
from supervisor.config import load_config, shipped_file
from supervisor.config.memoryterms import memory_terms
from supervisor.core.decisions import Act, Decision
from supervisor.core.panel import MemoryTerms, Outlook, Panel
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
)

#: From the end of one child until the next is ready, by the template: CUDA context, weights from the
#: page cache, warm-up. The upper end of what is expected of a model of this size on a card, not measured.
TEMPLATE_S: Final = 5.0


def terms() -> MemoryTerms:
    """Return the shipped defaults of `config.toml`."""
    return memory_terms(load_config(file=shipped_file(), environ={}), host_total_bytes=32 * GIB)


class Ours:
    """The panel under the shipped defaults.

    Args:
        name: For the table.
        hidden: Whether the driver hides what each process holds, as in many containers.
        start_s: From the end of one child until the next is ready.
    """

    survives_oom = True
    rest_s = 0.0

    def __init__(self, name: str = "ours", *, hidden: bool = False, start_s: float = TEMPLATE_S) -> None:
        self.name = name
        self.start_s = start_s
        self.why: Counter[str] = Counter()
        self._hidden = hidden
        self._panel = Panel(terms())
        self._life = 0
        self._is_there = False
        self._pending: set[Act] = set()
        self._paused = False
        self._oom = False

    # ------------------------------------------------------------------ what happens

    def born(self, child: ModelChild) -> None:
        """Tell of a new life; what the last one wanted is over."""
        self._tell_end(child.card.now_s)  # of the one beside which this one started
        self._life += 1
        self._is_there = True
        self._pending.clear()
        self._paused = self._oom = False
        self._take(LifeReady(t=child.card.now_s, life=self._life, vitals=child.vitals()))
        self._read(child)

    def begins(self, child: ModelChild, chars: int) -> None:
        """Tell that a text is handed out."""
        self._take(SegmentBegin(t=child.card.now_s, segment=child.card.texts, chars=chars))

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Read at the peak; the panel may say kill."""
        self._take(self._reading(spoken.peak_at_s, child, spoken.peak))
        return "kill" in self._pending

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """Tell what a text left, and read."""
        now_s = child.card.now_s
        end = SegmentEnd(
            t=now_s, segment=child.card.texts, chars=text.chars, seconds=spoken.audio_s, vitals=spoken.vitals
        )
        self._take(end)
        self._oom = spoken.oom
        if text.ends and not spoken.oom:
            self._take(Boundary(t=now_s, what=text.ends))
        self._read(child)

    def released(self, child: ModelChild) -> None:
        """Tell what a release left, and read."""
        self._pending.discard("clean")
        self._oom = False
        self._take(Released(t=child.card.now_s, vitals=child.vitals(), took_s=RELEASE_S))
        self._read(child)

    def waited(self, child: ModelChild) -> None:
        """Read while nothing is handed out."""
        self._read(child)

    # ------------------------------------------------------------------ what is done

    def before(self, child: ModelChild, ahead: tuple[int, ...], *, last_try: bool) -> Step:
        """Do what the panel decided, hardest first."""
        if last_try and self._oom and child.texts:
            self._note("recycle", "attempts")
            return "recycle"
        if (step := self._wanted(child)) != "go":
            return step
        decisions = self._panel.ask(child.card.now_s, Outlook(chars=ahead))
        self._heed(decisions)
        if any(one.action == "refuse" for one in decisions):
            return "refuse"
        return self._wanted(child)

    def overlap(self, child: ModelChild, chars: int) -> float | None:  # noqa: ARG002 -- the panel knows it
        """Start the successor beside this child where the panel says that both fit."""
        if not self._panel.two_fit():
            return None
        return 0.0 if self._panel.may_go_on(chars) else self.start_s

    def ended(self, card: Card) -> None:
        """Tell that the child is gone."""
        self._tell_end(card.now_s)

    def may_start(self, card: Card) -> bool:
        """Look at the card before a child is started: the gate."""
        self._take(
            Reading(
                t=card.now_s,
                device_total=card.total_bytes,
                device_used=card.used_bytes(),
                host_available=16 * GIB,
                host_total=32 * GIB,
            )
        )
        return self._panel.fresh_fits() is not False

    def _wanted(self, child: ModelChild) -> Step:
        # A child that spoke nothing is as fresh as its successor: it is not replaced, but for a hard mark.
        if "kill" in self._pending or ("drain" in self._pending and child.texts):
            return "recycle"
        if self._oom or "clean" in self._pending:
            return "clean"
        return "wait" if self._paused else "go"

    # ------------------------------------------------------------------ the panel

    def _take(self, record: Record) -> None:
        self._heed(self._panel.take(record))

    def _heed(self, decisions: list[Decision]) -> None:
        for one in decisions:
            self._note(one.action, one.policy)
            self._pending.add(one.action)
            if one.action in ("pause", "resume"):
                self._paused = one.action == "pause"

    def _tell_end(self, at_s: float) -> None:
        if self._is_there:
            self._is_there = False
            self._take(LifeEnded(t=at_s, life=self._life))

    def _note(self, action: str, policy: str) -> None:
        self.why[f"{action} by {policy}"] += 1

    def _read(self, child: ModelChild) -> None:
        self._take(self._reading(child.card.now_s, child, child.device()))

    def _reading(self, at_s: float, child: ModelChild, device: DeviceFigures) -> Reading:
        return Reading(
            t=at_s,
            device_total=device.total,
            device_used=device.used,
            child_device=None if self._hidden else device.child,
            child_host=child.host_bytes,
            host_available=16 * GIB,
            host_total=32 * GIB,
        )
