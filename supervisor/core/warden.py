"""Memory at the conductor: readings reach the panel, its decisions become wishes, and a gate is kept."""

import math
from typing import assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.decisions import Decision
from supervisor.core.desk import Desk
from supervisor.core.gate import HARD_S, POLL_S, Gate, Way
from supervisor.core.lifecycle import Event, State
from supervisor.core.notes import Notice
from supervisor.core.post import Post
from supervisor.core.readings import DeviceReading, DeviceUnknown

#: After these the old child speaks nothing more: it is above a mark, the next text would not fit
#: beside what it holds, or the clock says that it is over.
_IMPATIENT = frozenset({"watermark", "headroom", "clock"})

_ON_THE_WAY_OUT = frozenset({State.LEAVING, State.TERMINATING, State.DUMPING, State.DYING, State.STUCK})


class Warden:
    """Keeps one run's memory.

    Attributes:
        gate: Where a successor waits for the card to be free; None if none does.
        told_paused: Why the job was said to stand still; empty if it was not, or goes on.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.gate: Gate | None = None
        self._room: DeviceReading | DeviceUnknown | None = None
        self._unknown: DeviceUnknown | None = None
        self.told_paused = ""

    def read(self, post: Post, read: ev.Read, at_s: float) -> None:
        """Weigh a reading of a child that is there."""
        post.reading_until_s = -math.inf
        self._watch_for_a_stop(post, stopped=read.stopped, at_s=at_s)
        self._learn_device(read)
        if read.device is not None and not isinstance(read.device, DeviceReading):
            level = "info" if read.device.kind == "absent" else "warning"
            self._desk.once("device.unknown", read.device.text if post.uses_device else None, level)
        if post is not self._desk.roster.current or post.ready is None or post.state in _ON_THE_WAY_OUT:
            return  # one that is dying is half gone already: what is read of it says nothing of its life
        device = read.device if post.uses_device or _holds_some(read.device) else None
        self.heed(post, self._desk.counsel.read(read.host, device, pid=post.pid, at_s=at_s), at_s)
        if self._desk.cleans.awaits_reading:
            self._desk.actions += self._desk.cleans.done(self._desk.counsel.held, at_s)
        self._remark()

    def _learn_device(self, read: ev.Read) -> None:
        self._unknown = read.device if isinstance(read.device, DeviceUnknown) else None

    def read_room(self, read: ev.Read, at_s: float) -> None:
        """Nobody is there: look whether there is room for a child."""
        if self.gate is None and not self._desk.counsel.paused_why:
            return
        self._room = read.device
        self._learn_device(read)
        self._desk.counsel.read(read.host, read.device, pid=0, at_s=at_s)
        self.look_at_gate(at_s)
        if self.gate is None and self._desk.counsel.panel.fresh_fits() is not False:
            self._desk.counsel.paused_why = ""

    def wait_at_gate(self, gate: Gate) -> None:
        """Let the next child wait until there is room on the card."""
        self.gate, self._room = gate, None
        self._desk.act(do.WatchRoom(poll_s=POLL_S))

    def look_at_gate(self, at_s: float) -> None:
        """See whether the successor may start."""
        if self.gate is None:
            return
        way = self.gate.judge(self._room, fits=self._desk.counsel.panel.fresh_fits(), at_s=at_s)
        if self.is_lost:
            way = Way.HELD
        match way:
            case Way.OPEN:
                self.gate = None
                self._desk.counsel.paused_why = ""
            case Way.WAIT:
                pass
            case Way.ROOM:
                # Not ours to wait for with a deadline: others may keep the card for hours.
                self.gate = None
                self._desk.counsel.paused_why = (
                    "fit: others hold so much of the card that no child finds room"
                )
                self._desk.act(do.WatchRoom(poll_s=self._desk.terms.poll_s))
            case Way.HELD:
                self.gate = None
                self._desk.end("held", self.held_why)
            case _:
                assert_never(way)

    @property
    def is_lost(self) -> bool:
        """Whether the driver said last that the device is lost."""
        return self._unknown is not None and self._unknown.kind == "lost"

    @property
    def held_why(self) -> str:
        """Why the card cannot be had any more, in words."""
        if isinstance(self._room, DeviceReading) and not self.is_lost:
            return (
                f"the driver does not give back what the child held: {self._room.used_bytes / 2**20:.0f} of "
                f"{self._room.total_bytes / 2**20:.0f} MiB are still used {HARD_S:g} s after its end; "
                "nvidia-smi names what holds them; reset the GPU or reboot, then run it again"
            )
        return "the driver does not answer" if self._unknown is None else self._unknown.text

    def heed(self, post: Post, decisions: list[Decision], at_s: float) -> None:
        """Turn decisions of the panel into what is wished for."""
        for decision in decisions:
            why = f"{decision.policy}: {decision.why}"
            match decision.action:
                case "flag":
                    self._desk.act(do.Prefetch())
                case "clean":
                    post.release_why = why
                case "drain":
                    self._desk.act(do.Prefetch())
                    is_patient = decision.policy not in _IMPATIENT
                    post.want_recycle(why, reason=decision.policy, patient=is_patient)
                case "kill":
                    post.wish_end("hard", why, decision.policy)
                    self._desk.move(post, Event.END_WANTED, at_s)
                case "resume":
                    post.asked = False
                case "pause":
                    pass  # the counsel holds it
                case "refuse":
                    self._refuse(post, decision, why)
                case _:
                    assert_never(decision.action)

    def _refuse(self, post: Post, decision: Decision, why: str) -> None:
        if decision.scope != "text":
            self._desk.end("configuration", why)
            return
        post.asked = False
        if not self._desk.bench.has_waiting:
            return
        to_come = self._desk.bench.next
        if self._desk.terms.memory.may_degrade:
            self._desk.degrading = True
            self._desk.act(do.Degrade(job=to_come.job, chapter=to_come.chapter, why=why))
        else:
            self._desk.set_aside_next(self._desk.bench.of(to_come), why)

    def degraded(self, event: ev.Degraded) -> None:
        """Take the answer to `Degrade`: fetch anew, or refuse the text after all."""
        self._desk.degrading = False
        # What a text needs at another rate nobody has seen: it is tried, and learned from.
        self._desk.roster.current.asked = event.step == "24khz"
        tray = self._desk.bench.tray(event.job)
        if event.size is not None and tray is not None:
            tray.tallies.resize(event.size)
            tray.forget_fetched()
            self._desk.tell(Notice(level="warning", name="degrade", text=event.why))
        elif tray is not None and tray.next is not None:
            self._desk.set_aside_next(tray, event.why)

    def _remark(self) -> None:
        for text in self._desk.counsel.panel.remarks():
            self._desk.once(text.partition(" ")[0].rpartition(".")[0], text)  # "memory.host": its key's table

    def tell_pause(self) -> None:
        """Tell once that the job stands still, and once that it goes on."""
        why = self._desk.counsel.paused_why
        if bool(why) is bool(self.told_paused):
            return
        self.told_paused = why
        text = "resumed: there is room again"
        if why:
            text = (
                f"paused: {why}; not the child's doing, so the job waits until others give memory back, "
                "or is stopped and run again with higher marks"
            )
        self.record_pause()
        self._desk.tell(Notice(level="warning", name="paused", text=text))

    def record_pause(self) -> None:
        """Have the ledger say so."""
        if self._desk.bench.has_trays:  # before that there is no job in the ledger
            self._desk.act(do.SetPaused(why=self.told_paused))

    def _watch_for_a_stop(self, post: Post, *, stopped: bool, at_s: float) -> None:
        # A stopped process has a deadline of its own while it starts: `start_timeout_s` is made
        # for slow disks, and waiting cannot help one that was sent SIGSTOP.
        if not stopped or post.state is not State.STARTING:
            post.stopped_since_s = None
        elif post.stopped_since_s is None:
            post.stopped_since_s = at_s
        elif self._desk.terms.stall_s and at_s - post.stopped_since_s >= self._desk.terms.stall_s:
            post.wish_end("stalled", "stopped (SIGSTOP) while it started, and not woken again")
            self._desk.move(post, Event.STALLED, at_s)

    def takes_up_work(self, post: Post, at_s: float) -> None:
        """A child is ready and gets the work from now on: it is weighed from here."""
        assert post.ready is not None
        self.heed(post, self._desk.counsel.life_begins(post.life, post.ready, at_s), at_s)
        self._remark()
        self._desk.actions += self._desk.recycles.done(self._desk.counsel.held, at_s)
        self._desk.ask_reading(post, at_s)


def _holds_some(device: DeviceReading | DeviceUnknown | None) -> bool:
    """Say whether a child that does not speak of a device holds some of it all the same."""
    return isinstance(device, DeviceReading) and bool(device.child_bytes)
