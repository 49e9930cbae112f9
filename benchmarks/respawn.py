"""What a recycle costs: a job with a hundred of them against the same job without, by template and cold.

    python benchmarks/respawn.py [--engines scripted,espeak,torch] [--recycles 100] [--repeats 3]

Every side narrates the same text with `tts-supervisor narrate`, in turns within one run. The figure is
time lost: wall time with `child.max_segments = 1` less wall time with `0`, per recycle; the first start
is in both. The torch engine is the tests' own, with 2 GiB of weights on the CPU, and reads all
of them for every segment. `--load-s` has the scripted engine take so long to start, as a real
one does: paid once by a template, by every cold child again. What came out is compared byte by byte.
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
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGINES = ROOT / "tests" / "engines"

WEIGHTS_BYTES = 2 * 1024**3

#: A cold start of torch takes seconds: a tenth of the recycles says as much.
COLD_SHARE = {"torch": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One way to start children, with or without recycles.

    Attributes:
        start: `child.start`.
        recycles: How often the child is replaced.
        segments: Of the text: one more than the most recycles.
    """

    start: str
    recycles: int
    segments: int

    @property
    def sets(self) -> dict[str, str]:
        """What of the configuration makes it so."""
        every = 1 if self.recycles else 0
        return {"child.start": f'"{self.start}"', "child.max_segments": str(every)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An engine, its configuration and its environment."""

    name: str
    sets: Mapping[str, str]
    env: Mapping[str, str]


def settings_for(name: str, folder: Path, load_s: float) -> Setting:
    """Return what an engine is run with."""
    if name == "torch":
        weights = _weights(folder)
        sets = {"engine.name": '"torch-stand-in"', "engine.torch-stand-in.weights": f'"{weights}"'}
        return Setting(name=name, sets=sets, env={"PYTHONPATH": f"{ROOT}{os.pathsep}{ENGINES}"})
    sets = {"engine.name": f'"{name}"'}
    if name == "scripted":
        sets |= {"engine.scripted.load_s": str(load_s)}
    return Setting(name=name, sets=sets, env={"PYTHONPATH": str(ROOT)})


def _weights(folder: Path) -> Path:
    path = folder / "weights"
    program = (
        "import sys; from pathlib import Path; from torch_stand_in.weights import write_weights; "
        "write_weights(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(path), str(WEIGHTS_BYTES)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ENGINES)}, check=True)
    return path


def text_of(segments: int) -> str:
    """Return a text of so many paragraphs, each a segment."""
    return "\n\n".join(f"Line {number} of the log of the night ferry." for number in range(1, segments + 1))


def run(setting: Setting, side: Side, folder: Path) -> tuple[float, str]:
    """Narrate once; returns wall seconds and the hash of the file.

    Raises:
        SystemExit: If it fails, or the child was not replaced as often as it should be.
    """
    text, output = folder / "text.txt", folder / "out.wav"
    text.write_text(text_of(side.segments), "utf-8")
    sets = {**setting.sets, **side.sets}
    command = [sys.executable, "-m", "supervisor", "--state", str(folder / "state")]
    command += [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
    command += ["narrate", str(text), "-o", str(output), "--fresh"]
    began_s = time.monotonic()
    done = subprocess.run(
        command, env={**os.environ, **setting.env}, cwd=folder, capture_output=True, text=True, check=False
    )
    wall_s = time.monotonic() - began_s
    replaced = sum(" replaced: clock" in line for line in done.stderr.splitlines())
    if done.returncode != 0 or replaced != side.recycles:
        said = f"exit {done.returncode}, {replaced} recycles\n{done.stderr[-3000:]}"
        raise SystemExit(f"{' '.join(command)}: {said}")
    return wall_s, hashlib.sha256(output.read_bytes()).hexdigest()


def measure(setting: Setting, folder: Path, *, recycles: int, repeats: int) -> dict[str, object]:
    """Measure one engine both ways and return the figures."""
    fewer = max(1, recycles // COLD_SHARE.get(setting.name, 1))
    segments = recycles + 1
    pairs = {
        start: (
            Side(start=start, recycles=0, segments=count + 1),
            Side(start=start, recycles=count, segments=count + 1),
        )
        for start, count in (("template", recycles), ("cold", fewer))
    }
    lost_s: dict[str, list[float]] = {start: [] for start in pairs}
    plain_s: dict[str, list[float]] = {start: [] for start in pairs}
    hashes: dict[int, set[str]] = {}
    for turn in range(repeats):
        for start, (without, with_them) in list(pairs.items())[:: 1 if turn % 2 == 0 else -1]:
            walls: list[float] = []
            for side in (without, with_them):
                wall_s, digest = run(setting, side, folder)
                walls.append(wall_s)
                hashes.setdefault(side.segments, set()).add(digest)
            plain_s[start].append(walls[0])
            lost_s[start].append((walls[1] - walls[0]) / with_them.recycles)
            said = f"  {turn + 1}. {setting.name} {start}: {walls[0]:.2f} s, {walls[1]:.2f} s with recycles"
            print(said, file=sys.stderr)
    template_s, cold_s = (statistics.median(lost_s[start]) for start in ("template", "cold"))
    return {
        "segments": segments,
        "recycles": {"template": recycles, "cold": fewer},
        "lost_ms": {start: [round(1000 * one, 1) for one in values] for start, values in lost_s.items()},
        "lost_median_ms": {"template": round(1000 * template_s, 1), "cold": round(1000 * cold_s, 1)},
        "without_s": {start: [round(one, 2) for one in values] for start, values in plain_s.items()},
        "times_less": round(cold_s / template_s, 1) if template_s > 0 else None,
        "same_bytes": all(len(seen) == 1 for seen in hashes.values()),
    }


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line; exit 1 if a file came out different."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engines", default="scripted,espeak,torch")
    parser.add_argument("--recycles", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--load-s", type=float, default=1.0, help="what a start of the scripted engine takes")
    args = parser.parse_args(words)
    figures: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="respawn-", dir=os.environ.get("TMPDIR")) as folder:
        for name in str(args.engines).split(","):
            setting = settings_for(name, Path(folder), args.load_s)
            figures[name] = measure(setting, Path(folder), recycles=args.recycles, repeats=args.repeats)
    print(json.dumps(figures | {"load_average": os.getloadavg()}, indent=2))
    return 0 if all(one["same_bytes"] for one in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
