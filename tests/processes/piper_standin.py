"""What programs written for wyoming-piper find in its place: its command line, and our service behind it.

`install` makes a folder of packages: `wyoming_piper`, which is started as the original is and becomes a
service of ours, and an engine of another package, with one voice of Piper's by name and rate: it says tones.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from child.engine import ENTRY_POINT_GROUP, Audio, EngineFacts, Utterance, VoiceNotFound
from child.vitals import host_vitals
from supervisor.wire.messages import Setting, Vitals, Voice

ENGINE = "piper-standin"
VOICE = "en_US-ryan-low"
RATE_HZ = 16_000
CHAR_SAMPLES = 800


def install(site: Path) -> None:
    """Make `site` a folder with both packages in it, as an installer would."""
    (site / "wyoming_piper").mkdir(parents=True)
    shutil.copy(__file__, site / "piper_standin.py")
    (site / "wyoming_piper" / "__init__.py").write_text("")
    (site / "wyoming_piper" / "__main__.py").write_text("from piper_standin import main\n\nmain()\n")
    metadata = site / "piper_standin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: piper_standin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{ENGINE} = piper_standin:Tones\n")


def main() -> None:
    """Become the service that a command line of wyoming-piper asks for."""
    parser = argparse.ArgumentParser(prog="wyoming_piper", allow_abbrev=False)
    parser.add_argument("--uri", default="stdio://")
    parser.add_argument("--sentence-silence", type=float, default=0.0)
    # What chooses and shapes the original's recordings has no counterpart here.
    for name in (
        "--voice",
        "--data-dir",
        "--download-dir",
        "--noise-scale",
        "--noise-w-scale",
        "--length-scale",
    ):
        parser.add_argument(name)
    parser.add_argument("--no-streaming", action="store_true")
    given = parser.parse_args()
    sets = {
        "engine.name": f'"{ENGINE}"',
        "wyoming.sentence_silence_s": str(given.sentence_silence),
        "log.level": '"error"',
    }
    words = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
    state = Path(tempfile.mkdtemp(prefix="wyoming-piper-")) / "state"
    command = [
        sys.executable,
        "-m",
        "supervisor",
        "--state",
        str(state),
        *words,
        "serve",
        "--wyoming",
        given.uri,
    ]
    os.execv(command[0], command)


class Tones:
    """A tone for each character, with the one voice."""

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        del settings, device, voice
        return EngineFacts(
            name=ENGINE,
            version="1.0",
            sample_rate_hz=RATE_HZ,
            voice=VOICE,
            clones=False,
            uses_device=False,
            pace_s_per_char=CHAR_SAMPLES / RATE_HZ,
            canary_text="ready",
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        if utterance.voice not in (None, VOICE):
            raise VoiceNotFound(f"there is {VOICE} here, and no {utterance.voice}")
        at_s = np.arange(CHAR_SAMPLES) / RATE_HZ
        for char in utterance.text:
            tone_hz = 200.0 + ord(char) % 32 * 20.0
            yield Audio(
                samples=(0.4 * np.sin(2 * np.pi * tone_hz * at_s)).astype(np.float32), sample_rate_hz=RATE_HZ
            )

    def voices(self) -> list[Voice]:
        return [Voice(name=VOICE, language="en-us", sample_rate_hz=RATE_HZ, description="tones")]

    def vitals(self) -> Vitals:
        return host_vitals()

    def release_caches(self) -> None:
        pass
