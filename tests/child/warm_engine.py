"""An engine that another package brings, with a `prepare` of its own: installed into a folder for tests.

What `prepare` does depends on the setting `manner`, so that one engine rehearses every way to be unfit.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from child.engine import ENTRY_POINT_GROUP, Audio, EngineFacts, Utterance
from child.vitals import host_vitals
from supervisor.wire.messages import Setting, Vitals, Voice

NAME = "warm"
RATE_HZ = 24000
HELD_BYTES = 64 * 1024 * 1024


def install(site: Path) -> Mapping[str, str]:
    """Make `site` a folder with this engine in it; returns the environment that finds it there."""
    site.mkdir()
    shutil.copy(__file__, site / "warm_engine.py")
    metadata = site / "warm_engine-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: warm-engine\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{NAME} = warm_engine:WarmEngine\n")
    root = Path(__file__).parents[2]
    return {"PYTHONPATH": os.pathsep.join([str(root), str(site)])}


class WarmEngine:
    """Speaks a tone; remembers in which process it was prepared."""

    def __init__(self) -> None:
        self._prepared_in = 0
        self._held = bytearray()

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        del device
        self._prepared_in = os.getpid()
        match settings.get("manner"):
            case "a thread":
                threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            case "a thread later":
                os.register_at_fork(after_in_parent=_start_thread)
            case "a joined thread":
                thread = threading.Thread(target=time.sleep, args=(0.01,))
                thread.start()
                thread.join()
            case "a bug":
                raise ZeroDivisionError("no engine is perfect")
            case "a crash":
                os.abort()
            case "memory":
                self._held = bytearray(b"x") * HELD_BYTES
            case "no end":
                time.sleep(600)
            case _:
                pass

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        path = settings.get("weights")
        return [path] if isinstance(path, str) and path else []

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        del settings, device, voice
        return EngineFacts(
            name=NAME,
            version=f"prepared in {self._prepared_in}",
            sample_rate_hz=RATE_HZ,
            voice="one",
            clones=False,
            uses_device=False,
            pace_s_per_char=0.06,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        at_s = np.arange(round(len(utterance.text) * 0.06 * RATE_HZ)) / RATE_HZ
        yield Audio(
            samples=(0.4 * np.sin(2 * np.pi * 220.0 * at_s)).astype(np.float32), sample_rate_hz=RATE_HZ
        )

    def voices(self) -> list[Voice]:
        return [Voice(name="one", language="und", sample_rate_hz=RATE_HZ, description="a tone")]

    def vitals(self) -> Vitals:
        return host_vitals()

    def release_caches(self) -> None:
        pass


def _start_thread() -> None:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
