"""The card as the stand-in driver shows it, read all the time from outside: how full it ever was.

Run as a program with the path of the library, it reads until its standard input ends and prints the highest
figure: a process of its own, since the library finds its script by the environment.
"""

import ctypes
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.standin.driver import LIBRARY, StandinDriver

#: Between readings; one walks /proc and takes a few milliseconds.
_EVERY_S = 0.05


class _Memory(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class CardWatch:
    """Reads as long as the block is left open.

    Attributes:
        highest_bytes: The most that was ever used; there once the block is left.
        readings: How often it was read.
    """

    def __init__(self, driver: StandinDriver) -> None:
        self._driver = driver
        self.highest_bytes = 0
        self.readings = 0

    def __enter__(self) -> "CardWatch":
        library = Path(self._driver.env["LD_LIBRARY_PATH"].split(":")[0]) / LIBRARY
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.standin.cardwatch", str(library)],
            cwd=Path(__file__).parents[2],
            env=self._driver.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said, _ = self._popen.communicate("")
        self.highest_bytes, self.readings = (int(word) for word in said.split())


def watch(library: str) -> None:
    """Read until standard input ends, then say the highest figure and how many there were."""
    memory_of = ctypes.CDLL(library).nvmlDeviceGetMemoryInfo_v2
    memory, device = _Memory(), ctypes.c_char()
    highest_bytes = readings = 0
    while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
        assert memory_of(ctypes.byref(device), ctypes.byref(memory)) == 0
        highest_bytes, readings = max(highest_bytes, memory.used), readings + 1
    sys.stdout.write(f"{highest_bytes} {readings}\n")


if __name__ == "__main__":
    watch(sys.argv[1])
