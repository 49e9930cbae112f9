"""A child is gone: what that means, who pays for it, and who takes its place."""

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.asks import NOTHING
from supervisor.core.desk import Desk
from supervisor.core.gate import Gate
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import Event
from supervisor.core.obituary import Obituary, read_death
from supervisor.core.post import Post
from supervisor.core.shift import Shift
from supervisor.core.warden import Warden
from supervisor.policy.restarts import GiveUp, Restart


class Burial:
    """Buries one run's children."""

    def __init__(self, desk: Desk, warden: Warden, shift: Shift) -> None:
        self._desk = desk
        self._warden = warden
        self._shift = shift

    def bury(self, post: Post, event: ev.Ended, at_s: float) -> None:
        """Take note of a death: settle its segment, count it, and see to its place."""
        lost_s = post.lost_s(at_s)
        hand, post.hand = post.hand, None
        # One that never said a word over the wire may have said why on its stderr.
        last_words = post.last_words or ("" if post.greeted else event.last_line)
        obituary = read_death(event.death, post.wish, last_words=last_words, first_segment=post.segments == 0)
        is_first = event.life == self._desk.terms.lives + self._desk.terms.step
        if is_first and not post.greeted and event.death.exit_code is not None and event.last_line:
            # Not even the first one got to its first word, and it said why: another would not either.
            mend = "the interpreter needs this version of tts-supervisor installed"
            self._desk.end("configuration", f"child.python: the child {obituary.why}; {mend}")
        if hand is not None or not obituary.planned:  # a start that nobody needs any more is not done again
            self._desk.counts.lost_s += lost_s
        self._desk.move(post, Event.EXITED, at_s)
        bury = do.Bury(
            life=event.life,
            job=post.job,
            death=event.death,
            why=obituary.why,
            planned=obituary.planned,
            segments=post.segments,
        )
        self._desk.act(bury)
        self._desk.tell_child(post, "gone", obituary.why, obituary=obituary, death=event.death)
        if hand is not None and self._desk.bench.is_to_be_charged(hand, obituary):
            self._desk.charge(hand, obituary.kind, obituary.why, retryable=True)
        elif hand is not None:
            self._desk.actions += self._desk.bench.take_back(hand, obituary)
        self._count_end(obituary, hand, at_s)
        self._leaves_a_place(post, obituary, at_s)

    def _leaves_a_place(self, post: Post, obituary: Obituary, at_s: float) -> None:
        """Fill, guard or forget the place of one that is gone."""
        if post is self._desk.roster.successor:
            self._desk.alone_life = (
                self._desk.roster.current.life
            )  # it failed to take over: the old one ends first
        self._desk.roster.forget(post)
        if post is not self._desk.roster.current:
            return
        held_bytes, before = self._desk.counsel.panel.own_device_bytes, self._desk.counsel.device
        if post.ready is not None:
            self._desk.counsel.life_ended(post.life, obituary.why, at_s)
        self._desk.counsel.paused_why = ""
        if self._desk.roster.successor is not None:
            self._shift.hand_over(at_s)
            return
        if self._desk.ending is not None or (self._desk.bench.is_over and self._desk.bench.is_stored):
            self._desk.actions += self._desk.recycles.done(NOTHING, at_s)
        self._desk.end_cleans(NOTHING, "the child ended before it could release its caches", at_s)
        if post.uses_device and self._warden.is_lost and not obituary.planned:
            self._desk.end("held", self._warden.held_why)
        elif post.uses_device and held_bytes and before is not None and self._desk.wants_child:
            self._warden.wait_at_gate(Gate(before=before, own_bytes=held_bytes, at_s=at_s))

    def _count_end(self, obituary: Obituary, hand: Hand | None, at_s: float) -> None:
        restart: Restart | GiveUp | None = None
        if obituary.planned:
            self._desk.counts.recycles += obituary.recycled
            restart = self._desk.restarts.ended_as_planned()
        else:
            self._desk.counts.deaths += 1
            if obituary.outside:
                restart = self._desk.restarts.ended_from_outside()
        if restart is None:
            segment = None if hand is None else (hand.segment.job, hand.segment.number)
            restart = self._desk.restarts.ended_by_mishap(segment, obituary.why, at_s)
        if isinstance(restart, GiveUp):
            job = self._desk.terms.job if hand is None else hand.segment.job
            where = f"; `tts-supervisor jobs show {job}` has the stacks" if job else ""
            self._desk.end("gave_up", f"{restart.why}{where}; mend the cause, then run it again")
        else:
            self._desk.start_at_s = at_s + restart.delay_s
