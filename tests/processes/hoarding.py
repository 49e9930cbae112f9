"""An engine that another package brings, and that keeps a cache of every segment until it is told otherwise.

It speaks as the scripted one. Copied into a folder of installed packages by `install`, found there by its
entry point, run by the real child.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from child.engine import ENTRY_POINT_GROUP, Audio, EngineFacts, Utterance
from child.memory import touched
from child.scripted import ScriptedEngine
from supervisor.wire.messages import Setting, Vitals, Voice

if TYPE_CHECKING:
    import mmap

NAME = "hoarding"
MIB = 2**20


def install(site: Path) -> None:
    """Make `site` a folder with this engine in it, as an installer would."""
    site.mkdir()
    shutil.copy(__file__, site / "hoarding.py")
    metadata = site / "hoarding-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hoarding\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{NAME} = hoarding:HoardingEngine\n")


class HoardingEngine:
    """Settings: `cache_mib` of each segment, `weights_mib`, and `seconds_per_char`, `wall_per_char_s`.

    With `on_device` true its memory is said to be the device's, as an engine with torch says it of its own.
    """

    def __init__(self) -> None:
        self._speaker = ScriptedEngine()
        self._cached: list[mmap.mmap] = []

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        own = {"cache_mib", "weights_mib", "on_device"}
        self._is_on_device = settings.get("on_device") is True
        self._cache_bytes = int(str(settings.get("cache_mib", 8))) * MIB
        self._weights = touched(int(str(settings.get("weights_mib", 1))) * MIB)
        rest = {name: value for name, value in settings.items() if name not in own}
        return self._speaker.load(rest, device=device, voice=voice)

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        yield from self._speaker.synthesize(utterance)
        if self._cache_bytes:
            self._cached.append(touched(self._cache_bytes))

    def voices(self) -> list[Voice]:
        return self._speaker.voices()

    def vitals(self) -> Vitals:
        vitals = self._speaker.vitals()
        if not self._is_on_device:
            return vitals
        live_bytes = len(self._weights)
        reserved_bytes = live_bytes + sum(len(one) for one in self._cached)
        return replace(
            vitals,
            live_bytes=live_bytes,
            reserved_bytes=reserved_bytes,
            peak_bytes=reserved_bytes,
            declared_bytes=0,
        )

    def release_caches(self) -> None:
        while self._cached:
            self._cached.pop().close()
        self._speaker.release_caches()
