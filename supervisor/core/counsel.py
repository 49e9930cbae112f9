"""The panel at the conductor's side: what happens becomes records, decisions become what is wished for.

One per job. Every record that the panel takes is also asked to be recorded, so that a trace holds
exactly what was decided upon.
"""

from collections import deque
from collections.abc import Iterable

from supervisor.core import actions as do
from supervisor.core.asks import Held
from supervisor.core.decisions import Decision, Thought
from supervisor.core.memoryterms import OUTLOOK_TEXTS, MemoryTerms, Outlook
from supervisor.core.notes import MemoryDecision
from supervisor.core.panel import Panel
from supervisor.core.readings import DeviceAnswer, DeviceReading, HostReading
from supervisor.core.segments import WaitingSegment
from supervisor.core.traces import (
    Asked,
    Boundary,
    Decided,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    TraceVitals,
)
from supervisor.wire.messages import Ready, Vitals

#: Without a paragraph's or chapter's end for so long, every such segment ends a unit.
UNIT_SEGMENTS = 25

#: What the panel decided last, for `status`.
_MOST_REMEMBERED = 20


class Counsel:
    """Keep the panel informed and say what it decided.

    Attributes:
        paused_why: Why nothing is handed out; empty if it may be.
        decided: The latest decisions, oldest first.
        device: The latest device reading of the driver that was an answer; None if the last was none.
    """

    def __init__(self, terms: MemoryTerms) -> None:
        self.panel = Panel(terms)
        self._terms = terms
        self._host_total_bytes = terms.host_total_bytes
        self.paused_why = ""
        self.decided: deque[Decision] = deque(maxlen=_MOST_REMEMBERED)
        self.device: DeviceReading | None = None
        self._actions: list[do.Action] = []
        self._since_boundary = 0
        self._life = 0

    def drain_actions(self) -> list[do.Action]:
        """Return what is to be recorded and told since the last call."""
        actions, self._actions = self._actions, []
        return actions

    # ------------------------------------------------------------------ what happens

    def life_begins(self, life: int, ready: Ready, at_s: float) -> list[Decision]:
        """Begin to weigh a life; its vitals after the canary are the baseline."""
        self._life = life
        self.paused_why = ""
        return self._take(LifeReady(t=at_s, life=life, vitals=_vitals(ready.vitals)))

    def read(
        self, host: HostReading | None, device: DeviceAnswer | None, *, pid: int | None, at_s: float
    ) -> list[Decision]:
        """Weigh a reading from outside.

        Args:
            host: Of the machine and the child.
            device: Of the device; None if none is watched.
            pid: The child's; a share of another process is of the life before, and passed over.
            at_s: Monotonic seconds.
        """
        self.device = device if isinstance(device, DeviceReading) else None
        seen, own = self.device, None
        if seen is not None and seen.child_pid in (None, pid):
            own = seen.child_bytes
        reading = Reading(
            t=at_s,
            device_total=None if seen is None else seen.total_bytes,
            device_used=None if seen is None else seen.used_bytes,
            child_device=own,
            child_host=None if host is None else host.child_private_bytes,
            host_available=None if host is None else host.available_bytes,
            host_total=None if host is None else host.total_bytes,
        )
        return self._take(reading)

    def handed_out(self, segment: WaitingSegment, at_s: float) -> list[Decision]:
        """Note that a text is spoken now."""
        return self._take(SegmentBegin(t=at_s, segment=segment.number, chars=len(segment.text)))

    def segment_over(
        self, segment: WaitingSegment, *, audio_s: float, vitals: Vitals, at_s: float
    ) -> list[Decision]:
        """Weigh what the child said of itself after a segment; `audio_s` is 0 if it failed."""
        end = SegmentEnd(
            t=at_s,
            segment=segment.number,
            chars=len(segment.text),
            seconds=audio_s,
            vitals=_vitals(vitals),
        )
        decisions = self._take(end)
        self._since_boundary += 1
        what = _boundary_after(segment, self._since_boundary)
        if what:
            self._since_boundary = 0
            decisions += self._take(Boundary(t=at_s, what=what))
        return decisions

    def released(self, vitals: Vitals, took_s: float, at_s: float) -> list[Decision]:
        """Weigh what the child holds after a release."""
        return self._take(Released(t=at_s, vitals=_vitals(vitals), took_s=took_s))

    def life_ended(self, life: int, why: str, at_s: float) -> None:
        """Note that a life is over."""
        self._take(LifeEnded(t=at_s, life=life, why=why))

    def ask(self, waiting: Iterable[WaitingSegment], at_s: float) -> list[Decision]:
        """Ask whether the first of the waiting texts may be handed out.

        Args:
            waiting: The texts at hand, in order, at least one.
            at_s: Monotonic seconds.
        """
        chars: list[int] = []
        for segment in waiting:
            chars.append(len(segment.text))
            if _boundary_after(segment, self._since_boundary + len(chars)) or len(chars) >= OUTLOOK_TEXTS:
                break
        decisions = self.panel.ask(at_s, Outlook(chars=tuple(chars)))
        if decisions:  # else the text goes out, and its beginning tells of it
            self._actions.append(do.Trace(record=Asked(t=at_s, chars=tuple(chars))))
        return self._heed(decisions, at_s)

    # ------------------------------------------------------------------ what is known

    @property
    def held(self) -> Held:
        """What the child holds."""
        return Held(
            host_bytes=self.panel.figures().get("host_private", 0),
            device_bytes=self.panel.own_device_bytes or None,
        )

    def figures(self) -> dict[str, int]:
        """Return the latest figures, in bytes by name."""
        return self.panel.figures()

    def marks(self) -> dict[str, int]:
        """Return the marks that are known, in bytes by name."""
        host = self._terms.host(self._host_total_bytes)
        marks = {"host_soft": host.soft_bytes, "host_hard": host.hard_bytes}
        if self.device is not None:
            device = self._terms.device(self.device.total_bytes)
            marks |= {"device_soft": device.soft_bytes, "device_hard": device.hard_bytes}
        return marks

    def thoughts(self) -> list[Thought]:
        """Return what each policy thinks now."""
        return self.panel.thoughts()

    # ------------------------------------------------------------------ within

    def _take(self, record: Record) -> list[Decision]:
        self._actions.append(do.Trace(record=record))
        return self._heed(self.panel.take(record), record.t)

    def _heed(self, decisions: list[Decision], at_s: float) -> list[Decision]:
        for one in decisions:
            self.decided.append(one)
            if one.action == "pause":
                self.paused_why = one.why
            elif one.action == "resume":
                self.paused_why = ""
            self._actions.append(
                do.Trace(record=Decided(t=at_s, action=one.action, policy=one.policy, why=one.why))
            )
            note = MemoryDecision(
                life=self._life,
                action=one.action,
                policy=one.policy,
                why=one.why,
                memory=self.panel.figures(),
            )
            self._actions.append(do.Tell(note=note))
        return list(decisions)


def _boundary_after(segment: WaitingSegment, since: int) -> str:
    """Name the boundary that a segment ends with, `since` segments after the last one; empty if none."""
    if segment.ends_chapter:
        return "chapter"
    if segment.ends_paragraph:
        return "paragraph"
    return "sentence" if since >= UNIT_SEGMENTS else ""


def _vitals(vitals: Vitals) -> TraceVitals:
    return TraceVitals(
        live=vitals.live_bytes,
        reserved=vitals.reserved_bytes,
        peak=vitals.peak_bytes,
        declared=vitals.declared_bytes,
        host_private=vitals.host_private_bytes or None,
        retries=vitals.alloc_retries,
        inactive_split=vitals.inactive_split_bytes,
    )
