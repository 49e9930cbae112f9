"""A package that brings an engine of its own, as others will: installed into a folder for tests."""

from pathlib import Path

_ENTRY_POINTS = """[tts_supervisor.engines]
outside = outside_engine:OutsideEngine
espeak = outside_engine:OutsideEngine
"""

# What it does depends on the text, so that one engine rehearses every bug.
_ENGINE = '''
import numpy as np
from child.engine import Audio, EngineFacts, OutOfMemory
from child.vitals import host_vitals
from supervisor.wire.messages import Voice


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


class AcceleratorError(RuntimeError):
    """As torch names its own."""


def tone(seconds, rate_hz=16000):
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return Audio(samples=(0.3 * np.sin(2 * np.pi * 220 * at_s)).astype(np.float32), sample_rate_hz=rate_hz)


class OutsideEngine:
    def tell_signs(self, tell):
        self.tell = tell

    def load(self, settings, *, device, voice):
        if settings.get("load") == "fails":
            raise RuntimeError("no weights here")
        canary = "silence please" if settings.get("canary") == "silent" else "ready"
        return EngineFacts(name="outside", version="1", sample_rate_hz=16000, voice="tone", clones=False,
                           uses_device=False, pace_s_per_char=None, canary_text=canary,
                           notices=("mind the step",) if settings.get("notice") else ())

    def synthesize(self, utterance):
        text = utterance.text
        print("a line that an engine prints")
        piece = tone(0.1 * len(text))
        if "nothing" in text:
            return
        if "empty" in text:
            yield Audio(samples=np.zeros(0, np.float32), sample_rate_hz=16000)
        if "silence" in text:
            piece = Audio(samples=np.zeros_like(piece.samples), sample_rate_hz=16000)
        if "loud" in text:
            piece = Audio(samples=piece.samples * 20, sample_rate_hz=16000)
        if "double" in text:
            piece = Audio(samples=piece.samples.astype(np.float64), sample_rate_hz=16000)
        if "stereo" in text:
            piece = Audio(samples=np.stack([piece.samples] * 2), sample_rate_hz=16000)
        if "thinks" in text:
            for _ in range(3):
                self.tell()
        yield piece
        if "turns" in text:
            yield tone(0.1, 8000)
        if "endless" in text:
            while True:
                yield tone(1.0)
        if "boom" in text:
            raise ZeroDivisionError("a bug")
        if "memory" in text:
            raise MemoryError
        if "torch" in text:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        if "lost" in text:
            raise AcceleratorError("CUDA error: an illegal memory access was encountered")
        if "refused" in text:
            raise OutOfMemory("3 GiB asked, 1 GiB free")

    def voices(self):
        return [Voice(name="tone", language="und", sample_rate_hz=16000)]

    def vitals(self):
        return host_vitals()

    def release_caches(self):
        pass
'''


def install(folder: Path) -> None:
    """Put the package there, with the metadata that `importlib.metadata` reads."""
    (folder / "outside_engine.py").write_text(_ENGINE)
    metadata = folder / "outside_engine-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-engine\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(_ENTRY_POINTS)
