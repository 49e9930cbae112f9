"""One attempt at one segment: audio goes in, chunks come out, checks listen along."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from child import checks
from child.engine import Audio, EngineError
from supervisor.wire.messages import MAX_CHUNK_BYTES, Figures
from supervisor.wire.speech import length_bounds_s

if TYPE_CHECKING:
    import numpy.typing as npt


class Rejected(EngineError):
    """The audio failed a check; the message says which and why."""

    def __init__(self, message: str, figures: Figures) -> None:
        super().__init__(message)
        self.figures = figures


class Recital:
    """Checks an utterance while it streams through, and cuts it into chunks of 16 bits."""

    def __init__(
        self, text: str, pace_s_per_char: float | None, on_chunk: Callable[[bytes], None] | None = None
    ) -> None:
        """Begin.

        Args:
            text: What the audio should say.
            pace_s_per_char: Of engines that have one.
            on_chunk: Gets each chunk; None where nobody listens (the canary).
        """
        self._text = text
        self._pace_s_per_char = pace_s_per_char
        self._on_chunk = on_chunk
        self._most_s = length_bounds_s(text, pace_s_per_char)[1]
        self._meter: checks.Meter | None = None
        self.chunks = 0

    @property
    def samples(self) -> int:
        """How many were taken so far."""
        return 0 if self._meter is None else self._meter.samples

    @property
    def sample_rate_hz(self) -> int:
        """Of the audio so far; 0 before the first piece."""
        return 0 if self._meter is None else self._meter.sample_rate_hz

    def take(self, audio: Audio) -> None:
        """Take the next piece.

        Raises:
            Rejected: If no later piece could save it: not a number, or far too long already.
            EngineError: If the piece is no mono float32, or changes the sample rate.
        """
        samples = _mono(audio)
        meter = self._metered(audio.sample_rate_hz)
        meter.add(samples)
        if meter.not_finite or meter.samples > self._most_s * meter.sample_rate_hz:
            self.finish()
        if self._on_chunk is not None:
            self._cut(samples, self._on_chunk)

    def finish(self) -> Figures:
        """Run every check on the whole.

        Raises:
            Rejected: With the figures, if one of them fails.
            EngineError: If the engine yielded nothing at all.
        """
        if self._meter is None:
            raise EngineError("the engine ended without yielding any audio")
        figures, reason = checks.judge(self._text, self._meter.measured(), self._pace_s_per_char)
        if reason is not None:
            raise Rejected(reason, figures)
        return figures

    def _metered(self, sample_rate_hz: int) -> checks.Meter:
        if self._meter is None:
            self._meter = checks.Meter(sample_rate_hz)
        if self._meter.sample_rate_hz != sample_rate_hz:
            was_hz = self._meter.sample_rate_hz
            raise EngineError(
                f"the engine changed its sample rate from {was_hz} to {sample_rate_hz} Hz midway"
            )
        return self._meter

    def _cut(self, samples: "npt.NDArray[np.float32]", on_chunk: Callable[[bytes], None]) -> None:
        pcm = to_pcm_s16le(samples)
        for at in range(0, len(pcm), MAX_CHUNK_BYTES):
            on_chunk(pcm[at : at + MAX_CHUNK_BYTES])
            self.chunks += 1


def to_pcm_s16le(samples: "npt.NDArray[np.float32]") -> bytes:
    """Return 16-bit samples: rounded to the nearest, what is over full scale at full scale.

    Args:
        samples: float32 [N], finite.
    """
    return np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype("<i2").tobytes()


def _mono(audio: Audio) -> "npt.NDArray[np.float32]":
    samples = audio.samples
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise EngineError(f"the engine yielded {samples.dtype} {samples.shape}; mono float32 is the contract")
    return samples
