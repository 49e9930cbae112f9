"""A make-believe child: what it says, by the wire's own two ends; it does nothing by itself."""

from array import array

from supervisor.core.death import Death
from supervisor.wire import messages as say
from supervisor.wire.dialogue import ChildEnd, ParentEnd, State
from supervisor.wire.messages import MAX_CHUNK_BYTES

RATE_HZ = 8000
PACE_S_PER_CHAR = 0.01

#: What the package of parent and child calls itself here.
VERSION = "1.0"

#: A child that holds this much is far below every mark.
CALM = say.Vitals(host_private_bytes=10)

_LENGTH_BYTES = 4


def figures(seconds: float, failed: str | None = None) -> say.Figures:
    return say.Figures(
        seconds=seconds,
        peak=0.25,
        clipped_share=0.0,
        longest_silence_s=0.0,
        tail_silence_s=0.0,
        level_jump_db=0.0,
        failed=failed,
    )


def pcm_of(text: str, attempt: int, *, silent: bool = False) -> bytes:
    """Audio of one attempt: loud, of the right length, and like that of no other attempt."""
    samples = round(len(text) * PACE_S_PER_CHAR * RATE_HZ)
    return array("h", [0 if silent else 8000 + attempt] * samples).tobytes()


class Child:
    """One life: its dialogue, what it was told, and whether signals reach it."""

    def __init__(self, life: int) -> None:
        self.life = life
        self.pid = 1000 + life
        self.parent_end, self.own_end = ParentEnd(), ChildEnd()
        self.order: say.Synthesize | None = None
        self.pcm = b""
        self.said_bytes = 0
        self.chunks = 0
        self.deaf = False  # to SIGTERM, and to every request: it hangs
        self.stopped = False  # SIGSTOP: SIGTERM waits as well
        self.uses_device = False  # what it says when it gets ready by itself
        self.unkillable = False  # in a driver call
        self.garbled = False  # it sent a damaged frame: nothing is read of it any more
        self.fate: Death | None = None  # dead already; the parent does not know yet

    @property
    def turn(self) -> State:
        return self.own_end.state

    @property
    def speaks(self) -> bool:
        """Whether anything it says is heard."""
        return self.fate is None and not self.stopped and not self.garbled

    def hear(self, message: say.FromParent) -> None:
        """Take what the parent says; a LocalError here is the conductor speaking out of turn."""
        self.own_end.receive(self.parent_end.send(message)[_LENGTH_BYTES:])
        if isinstance(message, say.Synthesize):
            self.order, self.said_bytes, self.chunks = message, 0, 0
            self.pcm = pcm_of(message.text, message.attempt)

    def utter(self, message: say.FromChild) -> say.FromChild:
        """Return the message as the parent's end lets it through."""
        return self.parent_end.receive(self.own_end.send(message)[_LENGTH_BYTES:])

    def gets(self, signal: str) -> None:
        """The parent sends a signal."""
        if signal == "terminate" and not self.deaf and not self.stopped:
            self.fate = self.fate or Death(signal=15)
        elif signal == "kill_group" and not self.unkillable:
            self.fate = self.fate or Death(signal=9)

    # ------------------------------------------------------------------ what it may say

    def greeting(self, version: str = VERSION) -> say.FromChild:
        return self.utter(
            say.Greeting(protocol=say.PROTOCOL_VERSION, version=version, pid=self.pid, python="3.11")
        )

    def ready(self, vitals: say.Vitals = CALM, *, uses_device: bool = False) -> say.FromChild:
        return self.utter(
            say.Ready(
                engine="make-believe",
                engine_version="1",
                sample_rate_hz=RATE_HZ,
                voice="any",
                clones=False,
                uses_device=uses_device,
                pace_s_per_char=PACE_S_PER_CHAR,
                canary=figures(1.0),
                vitals=vitals,
                took_s=0.5,
            )
        )

    def chunk(self, size_bytes: int) -> say.FromChild:
        order = self.in_hand
        piece = self.pcm[self.said_bytes : self.said_bytes + size_bytes]
        self.said_bytes += len(piece)
        self.chunks += 1
        return self.utter(
            say.Chunk(
                segment_id=order.segment_id, attempt=order.attempt, seq=self.chunks - 1, pcm_s16le=piece
            )
        )

    def progress(self) -> say.FromChild:
        order = self.in_hand
        return self.utter(say.Progress(segment_id=order.segment_id, attempt=order.attempt))

    def done(self, vitals: say.Vitals = CALM) -> say.FromChild:
        order, samples = self.in_hand, len(self.pcm) // 2
        return self.utter(
            say.Done(
                segment_id=order.segment_id,
                attempt=order.attempt,
                chunks=self.chunks,
                samples=samples,
                sample_rate_hz=RATE_HZ,
                figures=figures(samples / RATE_HZ),
                took_s=0.5,
                vitals=vitals,
            )
        )

    def failed(
        self,
        kind: say.FailureKind = "engine",
        *,
        retryable: bool = True,
        sticky: bool = False,
        vitals: say.Vitals = CALM,
    ) -> say.FromChild:
        order = self.in_hand
        return self.utter(
            say.Failed(
                segment_id=order.segment_id,
                attempt=order.attempt,
                kind=kind,
                message=f"made to fail: {kind}",
                retryable=retryable,
                sticky=sticky,
                vitals=vitals,
            )
        )

    def released(self, vitals: say.Vitals = CALM) -> say.FromChild:
        return self.utter(say.Released(before=CALM, after=vitals, took_s=0.1))

    @property
    def in_hand(self) -> say.Synthesize:
        assert self.order is not None
        return self.order

    def well_behaved(self) -> say.FromChild | Death | None:
        """What a healthy child does next; None: it waits to be asked, or hangs."""
        if self.deaf or not self.speaks:
            return None
        if self.own_end.exit_said:
            return Death(exit_code=0)
        if self.turn is State.SPEAKING:
            return self.chunk(MAX_CHUNK_BYTES) if self.said_bytes < len(self.pcm) else self.done()
        if self.turn is State.LOADING:
            return self.ready(uses_device=self.uses_device)
        ways = {State.GREETING: self.greeting, State.RELEASING: self.released}
        way = ways.get(self.turn)
        return way() if way is not None else None
