"""What a child says, and what comes of it."""

from typing import assert_never

import msgspec

from supervisor.core import actions as do
from supervisor.core.desk import Desk
from supervisor.core.hand import Hand
from supervisor.core.lifecycle import Event, State
from supervisor.core.post import Post
from supervisor.core.warden import Warden
from supervisor.policy.attempts import Next
from supervisor.wire import messages as say
from supervisor.wire.speech import judge_pcm


class Hearing:
    """Hears one run's children."""

    def __init__(self, desk: Desk, warden: Warden) -> None:
        self._desk = desk
        self._warden = warden

    def hear(self, post: Post, message: say.FromChild, at_s: float) -> None:
        """Take a message, checked by the dialogue."""
        match message:
            case say.Greeting():
                self._greeted(post, message, at_s)
            case say.Ready():
                self._became_ready(post, message, at_s)
            case say.Chunk() | say.Progress():
                self._progressed(post, message, at_s)
            case say.Done():
                self._segment_done(post, message, at_s)
            case say.Failed():
                self._segment_failed(post, message, at_s)
            case say.Released():
                self._released(post, message, at_s)
            case say.Broken():
                post.last_words = message.message
                if message.kind in ("configuration", "voice_not_found"):
                    self._desk.end("configuration", message.message)
                    post.wish_end("stop", message.message)  # told once, as the end of the run: no mishap
            case say.Loading() | say.Voices():
                pass
            case _:
                assert_never(message)

    def _greeted(self, post: Post, greeting: say.Greeting, at_s: float) -> None:
        if post.state is not State.STARTING:
            return  # it is on its way out and does not know it yet
        post.greeted = True
        if greeting.protocol == say.PROTOCOL_VERSION and greeting.version == self._desk.terms.version:
            hello = msgspec.structs.replace(self._desk.terms.hello, life=post.life)
            self._desk.act(do.Send(life=post.life, message=hello))
            return
        self._desk.end(
            "configuration",
            f"the child (Python {greeting.python}) runs tts-supervisor {greeting.version} with protocol "
            f"{greeting.protocol}, this is {self._desk.terms.version} with {say.PROTOCOL_VERSION}: "
            "install the same version in both environments (child.python)",
        )
        self._desk.stop_children(at_once=True, at_s=at_s)

    def _became_ready(self, post: Post, ready: say.Ready, at_s: float) -> None:
        if post.state is not State.STARTING:
            return  # too late: it is on its way out
        if self._desk.terms.hello.reference is not None and not ready.clones:
            self._desk.end(
                "configuration",
                f"the engine {ready.engine} clones no voice from a recording: leave --reference away, name "
                "one of its own voices, or take an engine that clones, such as glm",
            )
            self._desk.stop_children(at_once=True, at_s=at_s)
            return
        post.ready = ready
        if ready.weight_files:
            self._desk.act(do.LearnWeights(paths=tuple(ready.weight_files)))
        for text in ready.notices:
            self._desk.once("engine", text)
        self._desk.move(post, Event.READY, at_s)
        if post is self._desk.roster.current:
            self._warden.takes_up_work(post, at_s)
        self._desk.tell_child(post, "ready", "")

    def _progressed(self, post: Post, message: say.Chunk | say.Progress, at_s: float) -> None:
        hand = post.hand
        if hand is None:
            return
        hand.stall.progress(at_s)
        if isinstance(message, say.Chunk):
            hand.meter.add(message.pcm_s16le)
            segment = hand.segment
            self._desk.act(do.AppendAudio(job=segment.job, key=segment.key, pcm_s16le=message.pcm_s16le))

    def _segment_done(self, post: Post, done: say.Done, at_s: float) -> None:
        hand, ready = post.hand, post.ready
        if hand is None or ready is None:
            return
        hand.stall.progress(at_s)
        fault = judge_pcm(hand.segment.text, hand.meter.heard(done.sample_rate_hz), ready.pace_s_per_char)
        audio_s = 0.0
        if fault is not None:
            message = f"the parent's check of the samples: {fault}"
            self._attempt_failed(post, hand, "quality", message, retryable=True, at_s=at_s)
        else:
            audio_s = done.samples / done.sample_rate_hz
            self._desk.late += self._desk.bench.store(hand, done)
            self._desk.restarts.finished()
            self._count_line(hand, at_s)
        self._segment_over(post, hand, done.vitals, audio_s, at_s)

    def _segment_failed(self, post: Post, failed: say.Failed, at_s: float) -> None:
        hand = post.hand
        if hand is None:
            return
        self._attempt_failed(post, hand, failed.kind, failed.message, retryable=failed.retryable, at_s=at_s)
        if failed.sticky:
            why = f"the child said that it cannot go on: {failed.message}"
            post.want_recycle(why, reason="cannot_go_on", patient=False)
        self._segment_over(post, hand, failed.vitals, 0.0, at_s)

    def _attempt_failed(  # noqa: PLR0913 - each once, the last two by name
        self, post: Post, hand: Hand, kind: str, message: str, *, retryable: bool, at_s: float
    ) -> None:
        self._desk.counts.lost_s += at_s - hand.begun_s
        after = self._desk.charge(hand, kind, message, retryable=retryable)
        if kind == "oom":
            post.release_why = "out of memory within a segment"
        # What this life has become may be the reason: the last try gets a fresh child.
        if after is Next.AGAIN and post.segments and self._desk.bench.is_last_try(hand):
            post.want_recycle(
                f"segment {hand.segment.number + 1} failed {hand.attempts} times ({kind}): "
                "a fresh child for its last try",
                reason="last_try",
                patient=False,
            )

    def _segment_over(self, post: Post, hand: Hand, vitals: say.Vitals, audio_s: float, at_s: float) -> None:
        post.hand = None
        post.segments += 1
        post.asked = False
        if post.state is State.DRAINING:
            post.wish_end("stop", self._desk.why(post))
        self._desk.move(post, Event.SEGMENT_OVER, at_s)
        if post.uses_device and self._desk.counsel.device is not None:
            # Of its host memory the child itself has just told; of the device only the driver does.
            self._desk.ask_reading(post, at_s)
        decisions = self._desk.counsel.segment_over(hand.segment, audio_s=audio_s, vitals=vitals, at_s=at_s)
        self._warden.heed(post, decisions, at_s)

    def _released(self, post: Post, released: say.Released, at_s: float) -> None:
        self._desk.move(post, Event.RELEASED, at_s)
        post.release_why = ""  # one that was asked for before it was done asks for no second one
        post.asked = False
        self._desk.counts.cleans += 1
        decisions = self._desk.counsel.released(released.after, released.took_s, at_s)
        self._desk.cleans.carried_out(released.before.host_private_bytes)
        if not post.uses_device or self._desk.counsel.device is None:
            # Of its host memory the child itself has just told; of the device only the driver does.
            self._desk.actions += self._desk.cleans.done(self._desk.counsel.held, at_s)
        self._warden.heed(post, decisions, at_s)
        self._desk.ask_reading(post, at_s)

    def _count_line(self, hand: Hand, at_s: float) -> None:
        """Rest after every so many lines, where it is asked for."""
        self._desk.lines += hand.segment.ends_line
        if (
            self._desk.terms.batch_size
            and hand.segment.ends_line
            and self._desk.lines % self._desk.terms.batch_size == 0
        ):
            self._desk.rest_until_s = at_s + self._desk.terms.batch_rest_s
