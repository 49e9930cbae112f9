"""An engine whose start waits at a gate, and that one word poisons, as a failed assert on a GPU does.

The gate is a FIFO: each start reads from it until a test has opened and closed its other end. After the word
every call of that process fails with what torch says then; another process speaks the rest.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from child import vitals
from child.engine import Audio, EngineFacts, Utterance
from child.settings import refuse_unknown
from supervisor.wire.messages import Setting, Vitals, Voice

POISON = "xyzzy"
SAYS = "CUDA error: device-side assert triggered"

_RATE_HZ = 24_000
_CHAR_SAMPLES = 240


class Gated:
    """See the module."""

    def __init__(self) -> None:
        self._is_poisoned = False

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Wait at the gate."""
        del device, voice
        refuse_unknown(settings, ("gate",), "engine.gated")
        gate = str(settings.get("gate", ""))
        if gate:
            Path(gate).read_bytes()
        return EngineFacts(
            name="gated",
            version="1",
            sample_rate_hz=_RATE_HZ,
            voice="hum",
            clones=False,
            uses_device=True,
            pace_s_per_char=_CHAR_SAMPLES / _RATE_HZ,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Hum, unless it was poisoned, or is now."""
        self._is_poisoned = self._is_poisoned or POISON in utterance.text
        if self._is_poisoned:
            raise RuntimeError(SAYS)
        at_s = np.arange(len(utterance.text) * _CHAR_SAMPLES) / _RATE_HZ
        wave = 0.5 * np.sin(2 * np.pi * 220.0 * at_s + 0.5)
        yield Audio(samples=wave.astype(np.float32), sample_rate_hz=_RATE_HZ)

    def voices(self) -> list[Voice]:
        """Return its only one."""
        return [Voice(name="hum", language="und", sample_rate_hz=_RATE_HZ)]

    def vitals(self) -> Vitals:
        """Return its private host memory."""
        return vitals.host_vitals()

    def release_caches(self) -> None:
        """Hold none."""
