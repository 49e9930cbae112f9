"""What a new child costs on a GPU: from the template or cold, beside its predecessor or after it.

    python benchmarks/gpu_respawn.py [--weights-gb 4] [--segments 40] [--every 4]

Needs a GPU and a torch with CUDA. The torch engine of the tests maps a file of bfloat16 weights, copies
them to the card and reads all of them for every segment. Each of the four ways narrates the same text
twice: with a recycle after every few segments, and with none.

gap_s: from the last segment of one life to the first of the next, on disk; the time of an ordinary
    segment is in it.
lost_s: wall time of the job with recycles less that of the same job without, a recycle.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
MIB = 2**20
WAYS = (("template", "beside"), ("template", "after"), ("cold", "beside"), ("cold", "after"))


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
    """Run it to its end.

    Raises:
        SystemExit: If it fails; with what it said.
    """
    given = {"engine.name": '"torch-stand-in"', "log.level": '"debug"'} | dict(sets)
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
    leaving = False
    for line in lines:
        leaving = leaving or (line.event == "child.state" and line.state == "gone")
        if line.event == "segment.done":
            at_s = datetime.fromisoformat(line.at).timestamp()
            if before_s is not None:
                (gaps_s if leaving else steps_s).append(at_s - before_s)
            before_s, leaving = at_s, False
    lives = sum(line.event == "child.state" and line.state == "ready" for line in lines)
    return Told(wall_s=wall_s, steps_s=steps_s, gaps_s=gaps_s, lives=lives, sha256=sha256)


def settings_for(weights: Path, start: str, place: str, *, used_bytes: int) -> dict[str, str]:
    """Return what `narrate` is told for one way.

    Args:
        weights: A file of bfloat16.
        start: "template" or "cold".
        place: "beside" its predecessor, or "after" it: the marks leave room for one child alone.
        used_bytes: On the card, before anything of ours.
    """
    held_bytes = weights.stat().st_size + 1024 * MIB  # CUDA's context and kernels are some hundred MiB
    sets = {
        "child.start": f'"{start}"',
        "engine.torch-stand-in.weights": json.dumps(os.fspath(weights)),
        "engine.torch-stand-in.kind": '"bfloat16"',
    }
    if place == "after":
        hard_bytes = used_bytes + int(1.5 * held_bytes)
        sets |= {
            "memory.device.hard": f'"{hard_bytes}B"',
            "memory.device.soft": f'"{hard_bytes - 64 * MIB}B"',
        }
    return sets


def compare(folder: Path, weights: Path, *, segments: int, every: int) -> dict[str, object]:
    """Measure the four ways, taking turns, and return the figures."""
    text = folder / "text.txt"
    text.write_text(paragraphs(segments), "utf-8")
    used_bytes = device_used_bytes()
    figures: dict[str, object] = {"weights_bytes": weights.stat().st_size, "segments": segments}
    heard: set[str] = set()
    for start, place in WAYS:
        sets = settings_for(weights, start, place, used_bytes=used_bytes)
        calm = narrate(folder, text, sets)
        struck = narrate(folder, text, sets | {"child.max_segments": str(every)})
        heard |= {calm.sha256, struck.sha256}
        figures[f"{start}, {place}"] = {
            "recycles": struck.lives - 1,
            "step_s": round(statistics.median(calm.steps_s), 4),
            "gap_s": [round(gap_s, 4) for gap_s in _least_median_most(struck.gaps_s)],
            "lost_s": round((struck.wall_s - calm.wall_s) / max(1, struck.lives - 1), 4),
        }
    figures["same_audio"] = len(heard) == 1
    return figures


def _least_median_most(values: Sequence[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


def paragraphs(count: int) -> str:
    """A text of so many segments."""
    return "\n\n".join(f"Paragraph {number} of the long night, told to the end." for number in range(count))


def device_used_bytes() -> int:
    """Return what all programs hold on the first GPU.

    Raises:
        SystemExit: If the driver does not tell; with what it said.
    """
    from supervisor.core.readings import DeviceUnknown  # noqa: PLC0415 - once the path is set
    from supervisor.edge.driver import Driver  # noqa: PLC0415 - see above

    driver = Driver(None)
    try:
        answer = driver.read("cuda:0", ())
    finally:
        driver.close()
    if isinstance(answer, DeviceUnknown):
        raise SystemExit(answer.text)
    return answer.used_bytes


def main() -> int:
    """Read the command line; exit 1 if the ways do not give the same audio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights-gb", type=int, default=4, help="of 2**30 bytes")
    parser.add_argument("--segments", type=int, default=40)
    parser.add_argument("--every", type=int, default=4, help="segments of a life")
    args = parser.parse_args()
    import torch  # noqa: PLC0415 - 2 s that --help need not take

    from tests.engines.torch_stand_in.weights import write_weights  # noqa: PLC0415 - see above

    if not torch.cuda.is_available():
        print(f"torch {torch.__version__} finds no CUDA: nothing is measured", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="respawn-", dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        weights = write_weights(folder / "weights.bin", args.weights_gb * 2**30, "bfloat16")
        figures = compare(folder, weights, segments=args.segments, every=args.every)
    print(json.dumps(figures, indent=2))
    return 0 if figures["same_audio"] else 1


if __name__ == "__main__":
    # Run as a script: the project's own packages stand beside this folder.
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
