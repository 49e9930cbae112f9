"""The segment in the child's hands, from the claim to its end."""

from supervisor.core.segments import WaitingSegment
from supervisor.policy.stall import Stall
from supervisor.wire import messages as say
from supervisor.wire.speech import PcmMeter


class Hand:
    """One hand-out.

    Attributes:
        segment: What is spoken.
        attempt: Number of the hand-out, unique in this run.
        begun_s: When it was handed out, monotonic seconds.
        stall: Its progress clock.
        stall_s: How long it may go without progress; 0 = for ever.
        meter: The parent's own ear: silence and length on the 16-bit samples.
    """

    def __init__(self, segment: WaitingSegment, *, attempt: int, stall_s: float, at_s: float) -> None:
        """Take a segment in hand; it is not spoken before the child has it."""
        self.segment = segment
        self.attempt = attempt
        self.begun_s = at_s
        self.stall = Stall(stall_s, at_s=at_s)
        self.stall_s = stall_s
        self.meter = PcmMeter()

    @property
    def attempts(self) -> int:
        """Hand-outs of this segment that count, this one included."""
        return self.segment.attempts + 1

    @property
    def order(self) -> say.Synthesize:
        """What the child is told."""
        segment = self.segment
        return say.Synthesize(
            segment_id=segment.number,
            attempt=self.attempt,
            text=segment.text,
            voice=segment.voice,
            reference=segment.reference,
            seed=segment.seed,
            settings=segment.settings,
            past=segment.past,
        )
