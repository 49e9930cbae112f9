"""Who works next: hand out, release, hand over, rest, or start the next child."""

import math

from supervisor.core import actions as do
from supervisor.core.desk import Desk
from supervisor.core.lifecycle import Event, State
from supervisor.core.post import Post
from supervisor.core.warden import Warden


class Shift:
    """Keeps one run's child at work."""

    def __init__(self, desk: Desk, warden: Warden) -> None:
        self._desk = desk
        self._warden = warden

    def advance(self, at_s: float) -> None:
        """Do what the present state allows next."""
        if at_s >= self._desk.rest_until_s:
            self._desk.rest_until_s = -math.inf
        if self._desk.ending is None:
            self._desk.actions += self._desk.bench.fetch()
        if self._desk.ending is not None or self._desk.bench.is_over:
            self._desk.dismiss(self._desk.roster.successor, at_s)
            if self._desk.roster.current.state is State.STARTING and self._desk.ending is None:
                # Started while the job was planned, and then there was nothing to speak.
                self._desk.dismiss(self._desk.roster.current, at_s)
        current = self._desk.roster.current
        if current.state is State.IDLE and current.reading_until_s <= at_s:
            current.reading_until_s = -math.inf  # it was waited for long enough
            self._attend(current, at_s)
        if self._desk.roster.current.state is State.SPEAKING:
            self._prepare(self._desk.roster.current, at_s)  # also when the one before has just left
        if not self._desk.roster.current.is_there:
            self._without_a_child(at_s)

    def _without_a_child(self, at_s: float) -> None:
        if self._desk.ending is not None:
            if self._desk.bench.is_stored and not list(self._desk.roster):
                self._desk.finish = self._desk.ending
        elif self._desk.wants_child or self._is_early:
            if self._may_start(at_s):
                self._desk.spawn(self._desk.roster.begin_current(), at_s)
        elif self._desk.bench.is_over and self._desk.bench.is_stored and not list(self._desk.roster):
            self._desk.finish = do.Finish(ending="spoken", why="")

    def _may_start(self, at_s: float) -> bool:
        held_up = (
            self._warden.gate is not None or self._desk.counsel.paused_why or at_s < self._desk.rest_until_s
        )
        return not held_up and at_s >= self._desk.start_at_s

    @property
    def _is_early(self) -> bool:
        """Whether the first child is to be started before there is anything to speak."""
        return not self._desk.bench.closed and self._desk.roster.lives == self._desk.terms.lives

    def _attend(self, post: Post, at_s: float) -> None:
        """A child is ready and has nothing in hand: find what it is to do."""
        idle_since_s, post.idle_since_s = post.idle_since_s, None
        if self._desk.recycles.is_waiting:
            post.want_recycle("asked for", reason="asked", patient=True)
        if self._desk.ending is not None:
            self._desk.stop_children(at_once=False, at_s=at_s)
        elif self._desk.bench.is_over:
            self._desk.end_cleans(self._desk.counsel.held, "the work is over", at_s)
            self._desk.recycles.begin(self._desk.counsel.held, at_s)
            post.wish_end("over", "no more work")
            self._desk.move(post, Event.LEAVE_WANTED, at_s)
        elif post.recycle is not None and self._is_worn(post):
            self._replace(post, at_s)
        elif post.release_why or self._desk.cleans.is_waiting:
            self._release(post, at_s)
        elif not self._has_work(at_s):
            self._idle(post, at_s if idle_since_s is None else idle_since_s, at_s)
        else:
            self._work(post, at_s)

    def _has_work(self, at_s: float) -> bool:
        held_up = self._desk.degrading or self._desk.counsel.paused_why or at_s < self._desk.rest_until_s
        return self._desk.bench.has_waiting and not held_up

    def _is_worn(self, post: Post) -> bool:
        """Say whether a fresh child would be fresher; one that spoke nothing is as fresh as any."""
        if not post.segments and not self._desk.recycles.is_waiting and not self._desk.recycles.is_begun:
            post.recycle = None
        return post.recycle is not None

    def _release(self, post: Post, at_s: float) -> None:
        self._desk.cleans.begin(self._desk.counsel.held, at_s)
        self._desk.tell_child(post, "releasing", post.release_why or "asked for")
        post.release_why = ""
        self._desk.move(post, Event.RELEASE_WANTED, at_s)

    def _replace(self, post: Post, at_s: float) -> None:
        """Bring a fresh child: beside the old one where both fit, else after it."""
        assert post.recycle is not None
        self._desk.recycles.begin(self._desk.counsel.held, at_s)
        successor = self._desk.roster.successor
        if successor is None and self._may_have_two(post, at_s):
            if self._desk.roster.has_leaving:
                return  # never three: the one before is gone in a moment
            successor = self._desk.roster.begin_successor()
            self._desk.spawn(successor, at_s)
        if successor is None:
            post.make_way()
            self._desk.move(post, Event.LEAVE_WANTED, at_s)
        elif successor.state is State.IDLE:
            self.hand_over(at_s)
        elif post.recycle.patient and self._may_go_on(post):
            self._hand_out(post, at_s)

    def _may_go_on(self, post: Post) -> bool:
        """Say whether the old one may speak the next text while its successor gets ready."""
        held_up = post.release_why or self._desk.counsel.paused_why or self._desk.degrading
        if held_up or not self._desk.bench.has_waiting:
            return False
        return self._desk.counsel.panel.may_go_on(len(self._desk.bench.next.text))

    def _may_have_two(self, post: Post, at_s: float) -> bool:
        alone = self._desk.alone_life == post.life or at_s < self._desk.start_at_s
        return not alone and self._desk.counsel.panel.two_fit()

    def hand_over(self, at_s: float) -> None:
        """Give the successor the work; the old one leaves."""
        old, new = self._desk.roster.hand_over()
        if old.is_there:
            old.make_way()
            self._desk.move(old, Event.LEAVE_WANTED, at_s)
            self._desk.counsel.life_ended(old.life, self._desk.why(old), at_s)
        self._desk.act(do.Watch(life=new.life))
        if new.ready is not None:
            self._warden.takes_up_work(new, at_s)

    def _work(self, post: Post, at_s: float) -> None:
        if not post.asked:
            post.asked = True
            if decisions := self._desk.counsel.ask(self._desk.bench.queue, at_s):
                self._warden.heed(post, decisions, at_s)
                self._attend(post, at_s)  # what was decided may have to be done first
                return
        self._hand_out(post, at_s)

    def _hand_out(self, post: Post, at_s: float) -> None:
        post.hand, actions = self._desk.bench.hand_out(at_s)
        self._desk.actions += actions
        post.job = post.hand.segment.job
        self._desk.counsel.handed_out(post.hand.segment, at_s)
        self._desk.move(post, Event.HAND_OUT, at_s)

    def _prepare(self, post: Post, at_s: float) -> None:
        """Where the end is known beforehand, the successor gets ready while the last segment is spoken."""
        limit = self._desk.terms.memory.max_segments
        if not limit or post.segments + 1 < limit or not self._desk.bench.has_waiting:
            return
        roster = self._desk.roster
        is_free = roster.successor is None and not roster.has_leaving
        if is_free and self._desk.ending is None and self._may_have_two(post, at_s):
            self._desk.spawn(roster.begin_successor(), at_s)

    def _idle(self, post: Post, since_s: float, at_s: float) -> None:
        """Nothing to do now: give the whole device back where that lasts."""
        post.idle_since_s = since_s
        limit_s = self._desk.terms.idle_unload_s
        if limit_s and at_s >= since_s + limit_s and self._desk.wants_child:
            self._desk.unloaded = not self._desk.bench.has_waiting
            paused_why = self._desk.counsel.paused_why
            post.wish_end("idle", f"nothing to do for {limit_s:g} s (child.idle_unload_s)")
            self._desk.move(post, Event.LEAVE_WANTED, at_s)
            if paused_why:
                self._desk.act(do.WatchRoom(poll_s=self._desk.terms.poll_s))

    def idle_deadlines_s(self, post: Post) -> list[float]:
        """Return when a child with nothing in hand is to be looked at again, monotonic seconds."""
        due_s: list[float] = []
        if math.isfinite(post.reading_until_s):
            due_s.append(post.reading_until_s)
        if post.idle_since_s is not None and math.isfinite(self._desk.rest_until_s):
            due_s.append(self._desk.rest_until_s)
        if self._desk.terms.idle_unload_s and post.idle_since_s is not None and self._desk.wants_child:
            due_s.append(post.idle_since_s + self._desk.terms.idle_unload_s)
        return due_s

    def absent_deadlines_s(self) -> list[float]:
        """Return when the next child is due, monotonic seconds; empty if nothing is timed."""
        if self._desk.ending is not None or not self._desk.wants_child:
            return []
        if self._warden.gate is not None:
            return [self._warden.gate.next_deadline_s]
        return [] if self._desk.counsel.paused_why else [max(self._desk.start_at_s, self._desk.rest_until_s)]
