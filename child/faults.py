"""Rehearsals: wraps any engine and does to it what a bad day does (interface §3).

Whatever it does to memory, time and the process, the audio of a segment that succeeds is the
wrapped engine's own. The canary is spoken by the bare engine and counts as no segment.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, assert_never

import numpy as np

from child.engine import Audio, Engine, EngineFacts, OutOfMemory, Remembering, Signalling, Utterance
from child.fault_specs import Fault, FaultTable
from child.memory import touched
from supervisor.wire.messages import FaultPlan, Setting, Vitals, Voice

if TYPE_CHECKING:
    import mmap

_STEP_BYTES = 64 * 1024 * 1024
_EXIT_STATUS = 3
#: Sleep at most this long between two signs of life: slow is not stalled.
_NAP_S = 0.1

#: What ends the life, or the attempt, does so after the first piece: the hardest moment for
#: whoever has to throw that piece away.
_AT_ONCE = frozenset({Fault.STEP, Fault.STRAY})
_TO_THE_AUDIO = frozenset({Fault.NAN, Fault.SILENCE})


class Rehearsal:
    """An engine that strikes faults at its segments and is otherwise the wrapped one."""

    def __init__(self, engine: Engine, plan: FaultPlan, *, damage: Callable[[], None]) -> None:
        """Read the plan.

        Args:
            engine: The engine to wrap.
            plan: What to rehearse.
            damage: Writes a damaged frame to the parent.

        Raises:
            SettingsError: If an item of the plan means nothing.
        """
        self._engine = engine
        self._plan = plan
        self._table = FaultTable(plan)
        self._damage = damage
        self._segments = 0
        self._kept: list[mmap.mmap] = []

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Load the wrapped engine."""
        return self._engine.load(settings, device=device, voice=voice)

    def voices(self) -> list[Voice]:
        """Return the wrapped engine's voices."""
        return self._engine.voices()

    def past(self) -> bytes:
        """Return what the wrapped engine carries over."""
        return self._engine.past() if isinstance(self._engine, Remembering) else b""

    def tell_signs(self, tell: Callable[[], None]) -> None:
        """Let the wrapped engine show signs of life, if it does."""
        if isinstance(self._engine, Signalling):
            self._engine.tell_signs(tell)

    def vitals(self) -> Vitals:
        """Return the wrapped engine's vitals; the leak is in them, undeclared, as real ones are."""
        return self._engine.vitals()

    def release_caches(self) -> None:
        """Release the wrapped engine's caches; a leak is no cache."""
        self._engine.release_caches()

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield the wrapped engine's audio, with this segment's faults."""
        self._segments += 1
        struck = self._table.striking(self._segments, utterance.text)
        peak = touched(self._plan.peak_bytes) if self._plan.peak_bytes else None
        try:
            for fault in struck:
                if fault in _AT_ONCE:
                    self._strike(fault)
            yield from self._slowed(self._struck(utterance, struck))
        finally:
            if peak is not None:
                peak.close()
            self._leak()

    def _struck(self, utterance: Utterance, struck: list[Fault]) -> Iterator[Audio]:
        later = [fault for fault in struck if fault not in _AT_ONCE | _TO_THE_AUDIO]
        for audio in self._engine.synthesize(utterance):
            yield _changed(audio, struck)
            while later:
                self._strike(later.pop(0))
        while later:  # the engine had no audio at all
            self._strike(later.pop(0))

    def _slowed(self, pieces: Iterator[Audio]) -> Iterator[Audio]:
        """Take the plan's share longer than the segment before: (1 + share) ** (n - 1) in all."""
        began_s = time.monotonic()
        rate_hz = 0
        for audio in pieces:
            rate_hz = audio.sample_rate_hz
            yield audio
        if not self._plan.slowdown or not rate_hz:
            return
        longer = (1.0 + self._plan.slowdown) ** (self._segments - 1)
        until_s = began_s + longer * (time.monotonic() - began_s)
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _NAP_S))
            yield Audio(samples=np.zeros(0, np.float32), sample_rate_hz=rate_hz)

    def _leak(self) -> None:
        filled = 0 < self._plan.plateau < self._segments
        if self._plan.leak_bytes and not filled:
            self._kept.append(touched(self._plan.leak_bytes))

    def _strike(self, fault: Fault) -> None:
        match fault:
            case Fault.STEP:
                self._kept.append(touched(_STEP_BYTES))
            case Fault.STRAY:
                os.write(1, b"a stray line on descriptor 1 (rehearsed)\n")
            case Fault.GARBAGE:
                self._damage()
            case Fault.OOM:
                raise OutOfMemory(f"rehearsed: out of memory at segment {self._segments} of this life")
            case Fault.HANG:
                _hang()
            case Fault.EXIT:
                os._exit(_EXIT_STATUS)
            case Fault.CRASH:
                _crash()
            case Fault.NAN | Fault.SILENCE:
                pass  # done to the audio, in `_changed`
            case _:
                assert_never(fault)


def _changed(audio: Audio, struck: list[Fault]) -> Audio:
    samples = audio.samples
    if Fault.SILENCE in struck:
        samples = np.zeros_like(samples)
    if Fault.NAN in struck and samples.size:
        samples = samples.copy()
        samples[samples.size // 2] = np.nan
    return Audio(samples=samples, sample_rate_hz=audio.sample_rate_hz)


def _hang() -> None:
    """Never come back, as a C call that holds the GIL, deaf to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pause = ctypes.PyDLL(None).pause  # PyDLL keeps the GIL
    while True:
        pause()


def _crash() -> None:
    # To the process itself, past any handler but faulthandler's: a real SIGSEGV with its dump.
    os.kill(os.getpid(), signal.SIGSEGV)
    signal.pause()
