"""An engine that another package brings, and that does not come back from a segment.

Copied into a folder of installed packages by `install`, found there by its entry point, run by
the real child. Before it stops listening it writes one byte into the FIFO `STUBBORN_FIFO`.
"""

import ctypes
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np

from child.engine import ENTRY_POINT_GROUP, Audio, EngineFacts, Utterance
from child.vitals import host_vitals
from supervisor.wire.messages import Setting, Vitals, Voice

NAME = "stubborn"
RATE_HZ = 24000
CANARY = "ready"


def install(site: Path) -> None:
    """Make `site` a folder with this engine in it, as an installer would."""
    site.mkdir()
    shutil.copy(__file__, site / "stubborn.py")
    metadata = site / "stubborn-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stubborn\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{NAME} = stubborn:StubbornEngine\n")


class StubbornEngine:
    """Speaks a tone for its canary; `manner` says what it does at any other text."""

    def __init__(self) -> None:
        self._manner = ""

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        del device, voice
        self._manner = str(settings["manner"])
        return EngineFacts(
            name=NAME,
            version="1.0",
            sample_rate_hz=RATE_HZ,
            voice="one",
            clones=False,
            uses_device=False,
            pace_s_per_char=0.06,
            canary_text=CANARY,
        )

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        yield _tone(len(utterance.text))
        if utterance.text != CANARY:
            MANNERS[self._manner]()

    def voices(self) -> list[Voice]:
        return [Voice(name="one", language="und", sample_rate_hz=RATE_HZ, description="a tone")]

    def vitals(self) -> Vitals:
        return host_vitals()

    def release_caches(self) -> None:
        pass


def _tone(chars: int) -> Audio:
    at_s = np.arange(round(chars * 0.06 * RATE_HZ)) / RATE_HZ
    return Audio(samples=(0.4 * np.sin(2 * np.pi * 220.0 * at_s)).astype(np.float32), sample_rate_hz=RATE_HZ)


def _tell() -> None:
    fd = os.open(os.environ["STUBBORN_FIFO"], os.O_WRONLY)
    os.write(fd, b"!")
    os.close(fd)


def _busy_with_the_gil() -> NoReturn:
    """Compute within one C call that never lets go of the GIL."""
    _tell()
    re.match(r"(a+)+$", "a" * 80 + "b")  # 2 ** 80 steps
    raise AssertionError("it came to an end")


def _asleep_with_the_gil() -> NoReturn:
    """Wait within C calls that never let go of the GIL, deaf to SIGTERM, as a driver call does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pause = ctypes.PyDLL(None).pause  # PyDLL keeps the GIL
    _tell()
    while True:
        pause()


def _asleep() -> NoReturn:
    _tell()
    while True:
        time.sleep(60.0)


def _deaf() -> NoReturn:
    """Sleep with every signal blocked that can be."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    _asleep()


def _with_a_fork() -> NoReturn:
    """Leave the work to a fork that nothing ties to anybody's life, deaf and without the wire."""
    if os.fork():
        while True:
            time.sleep(60.0)
    os.closerange(3, 1024)
    _deaf()


MANNERS = {
    "busy_with_the_gil": _busy_with_the_gil,
    "asleep_with_the_gil": _asleep_with_the_gil,
    "asleep": _asleep,
    "deaf": _deaf,
    "with_a_fork": _with_a_fork,
}
