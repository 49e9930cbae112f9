"""One narration by the real command, timed through its log: for the benchmarks that compare jobs."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]


class Line(msgspec.Struct, frozen=True):
    """A line of the log: what is looked at."""

    event: str
    at: str
    life: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One narration.

    Attributes:
        wall_s: From its start to its end.
        steps_s: Between segments of one life.
        gaps_s: Between the last segment of a life and the first of the next.
        lives: How many there were.
        sha256: Of the audio.
    """

    wall_s: float
    steps_s: Sequence[float]
    gaps_s: Sequence[float]
    lives: int
    sha256: str


def narrate(folder: Path, text: Path, sets: Mapping[str, str]) -> Told:
    """Run it to its end, with the torch engine of the tests at hand.

    Args:
        folder: For the state and the audio.
        text: What is narrated.
        sets: Keys of the configuration to TOML values.

    Raises:
        SystemExit: If it fails; with what it said.
    """
    given = {"log.level": '"debug"'} | dict(sets)
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "supervisor", "--state", str(folder / "state"), "--log-format", "json"]
    paths = os.pathsep.join([str(ROOT / "tests" / "engines"), str(ROOT)])
    begun_s = time.monotonic()
    run = subprocess.run(
        [*command, *words, "narrate", str(text), "-o", str(folder / "out.wav"), "--fresh"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.monotonic() - begun_s
    if run.returncode != 0:
        raise SystemExit(f"narrate ended with {run.returncode}:\n{run.stderr[-4000:]}")
    lines = [msgspec.json.decode(line, type=Line) for line in run.stderr.splitlines() if line[:1] == "{"]
    return _told(lines, wall_s, hashlib.sha256((folder / "out.wav").read_bytes()).hexdigest())


def _told(lines: Sequence[Line], wall_s: float, sha256: str) -> Told:
    steps_s: list[float] = []
    gaps_s: list[float] = []
    before_s: float | None = None
    left: set[int] = set()
    leaving = False
    for line in lines:
        # Once a life: one that handed over may be gone only after its successor's first segment.
        if line.event == "child.state" and line.state in ("leaving", "gone") and line.life not in left:
            left.add(line.life)
            leaving = True
        if line.event == "segment.done":
            at_s = datetime.fromisoformat(line.at).timestamp()
            if before_s is not None:
                (gaps_s if leaving else steps_s).append(at_s - before_s)
            before_s, leaving = at_s, False
    lives = sum(line.event == "child.state" and line.state == "ready" for line in lines)
    return Told(wall_s=wall_s, steps_s=steps_s, gaps_s=gaps_s, lives=lives, sha256=sha256)


def paragraphs(count: int) -> str:
    """Return a text of so many segments, each a paragraph."""
    return "\n\n".join(f"Paragraph {number} of the long night, told to the end." for number in range(count))
