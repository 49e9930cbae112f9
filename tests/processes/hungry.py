"""An engine that another package brings, and that needs memory for every character while it speaks.

Copied into a folder of installed packages by `install`, found there by its entry point, run by
the real child.
"""

import mmap
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from child.engine import ENTRY_POINT_GROUP, Audio, EngineFacts, Utterance
from child.vitals import host_vitals
from supervisor.wire.messages import Setting, Vitals, Voice

NAME = "hungry"
FULL_RATE_HZ = 32_000
#: While it speaks, for each character at the full rate.
NEEDS_BYTES = 2**20
#: It holds that for so long: many readings' time, also on a machine that does ten things at once.
SPEAKS_S = 0.6


def install(site: Path) -> None:
    """Make `site` a folder with this engine in it, as an installer would."""
    site.mkdir()
    shutil.copy(__file__, site / "hungry.py")
    metadata = site / "hungry-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hungry\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{NAME} = hungry:HungryEngine\n")


class HungryEngine:
    """Speaks a tone, at the rate that it is told."""

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        del device, voice
        self._rate_hz = int(str(settings["sample_rate"]))
        return EngineFacts(
            name=NAME,
            version="1.0",
            sample_rate_hz=self._rate_hz,
            voice="one",
            clones=False,
            uses_device=False,
            pace_s_per_char=0.02,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        rate_hz = int(str(utterance.settings.get("sample_rate", self._rate_hz)))
        needs_bytes = len(utterance.text) * NEEDS_BYTES * rate_hz // FULL_RATE_HZ
        with mmap.mmap(-1, needs_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
            np.frombuffer(held, dtype=np.uint8)[:: mmap.PAGESIZE] = 1
            time.sleep(SPEAKS_S)
        steps = np.arange(round(0.02 * rate_hz) * len(utterance.text), dtype=np.float32)
        turns = steps * np.float32(2 * np.pi * 220 / rate_hz)
        yield Audio(samples=np.float32(0.3) * np.sin(turns), sample_rate_hz=rate_hz)

    def voices(self) -> list[Voice]:
        return [Voice(name="one", language="en", sample_rate_hz=self._rate_hz)]

    def vitals(self) -> Vitals:
        return host_vitals()

    def release_caches(self) -> None:
        pass
