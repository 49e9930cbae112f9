"""What a recycle costs: a job with a hundred of them against the same job without, by template and cold.

    python -m benchmarks.respawn [--engines scripted,espeak,torch] [--recycles 100] [--repeats 3]

Every side narrates the same text with `tts-supervisor narrate`, in turns within one run. The figure is
time lost: with `child.max_segments = 1` less with `0`, per recycle; `lost_ms` from the first finished
segment to the last, `lost_of_the_command_ms` of the whole command, whose first start is in both and
varies by more than the recycles cost. The torch engine is the tests' own, with 2 GiB of weights on
the CPU, and reads all of them for every segment, the canary of each new child included. `--load-s` has
the scripted engine take so long to start, as a real one does: paid once by a template, by every cold
child again. What came out is compared.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.narrated import narrate, paragraphs

WEIGHTS_BYTES = 2 * 1024**3

#: A cold start of torch takes seconds: a tenth of the recycles says as much.
COLD_SHARE = {"torch": 10}

STARTS = ("template", "cold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same job without recycles and with them, one after the other.

    Attributes:
        recycles: How many.
        without_s: Between the first finished segment and the last.
        lost_s: So much longer it took with recycles, for each.
        lost_of_the_command_s: The same of the whole command.
        sha256: Of both files.
    """

    recycles: int
    without_s: float
    lost_s: float
    lost_of_the_command_s: float
    sha256: tuple[str, str]


def settings_for(name: str, folder: Path, load_s: float) -> dict[str, str]:
    """Return what an engine is run with."""
    if name == "torch":
        from tests.engines.torch_stand_in.weights import write_weights  # noqa: PLC0415 - brings numpy

        weights = folder / "weights"
        if not weights.exists():
            write_weights(weights, WEIGHTS_BYTES)
        return {"engine.name": '"torch-stand-in"', "engine.torch-stand-in.weights": json.dumps(str(weights))}
    loading = {"engine.scripted.load_s": str(load_s)} if name == "scripted" else {}
    return {"engine.name": f'"{name}"', **loading}


def measure_pair(folder: Path, sets: dict[str, str], recycles: int) -> Pair:
    """Run the job without recycles and with them.

    Raises:
        SystemExit: If it fails, or the child was not replaced so often.
    """
    text = folder / "text.txt"
    text.write_text(paragraphs(recycles + 1), "utf-8")
    calm, struck = (narrate(folder, text, {**sets, "child.max_segments": every}) for every in ("0", "1"))
    if (calm.lives, struck.lives) != (1, recycles + 1):
        raise SystemExit(f"{calm.lives} and {struck.lives} lives, not 1 and {recycles + 1}")
    without_s, with_s = (sum(told.steps_s) + sum(told.gaps_s) for told in (calm, struck))
    return Pair(
        recycles=recycles,
        without_s=without_s,
        lost_s=(with_s - without_s) / recycles,
        lost_of_the_command_s=(struck.wall_s - calm.wall_s) / recycles,
        sha256=(calm.sha256, struck.sha256),
    )


def compare(
    name: str, folder: Path, sets: dict[str, str], *, recycles: int, repeats: int
) -> dict[str, object]:
    """Measure one engine by template and cold, taking turns, and return the figures."""
    pairs: dict[str, list[Pair]] = {start: [] for start in STARTS}
    for turn in range(repeats):
        # Who goes first changes, so that a warm cache favours neither.
        for start in STARTS[:: 1 if turn % 2 == 0 else -1]:
            fewer = recycles // COLD_SHARE.get(name, 1) if start == "cold" else recycles
            pair = measure_pair(folder, {**sets, "child.start": f'"{start}"'}, max(1, fewer))
            pairs[start].append(pair)
            said = f"  {turn + 1}. {name} {start}: {1000 * pair.lost_s:.1f} ms lost a recycle"
            print(said, file=sys.stderr)
    figures: dict[str, object] = {start: _figures(several) for start, several in pairs.items()}
    template_s, cold_s = (_median([pair.lost_s for pair in pairs[start]]) for start in STARTS)
    figures["times_less"] = round(cold_s / max(template_s, 0.0001), 1)
    figures["same_bytes"] = all(len(set(pair.sha256)) == 1 for several in pairs.values() for pair in several)
    return figures


def _figures(pairs: Sequence[Pair]) -> dict[str, object]:
    return {
        "recycles": pairs[0].recycles,
        "lost_ms": _milliseconds([pair.lost_s for pair in pairs]),
        "lost_median_ms": round(1000 * _median([pair.lost_s for pair in pairs]), 1),
        "lost_of_the_command_ms": _milliseconds([pair.lost_of_the_command_s for pair in pairs]),
        "segment_ms": _milliseconds([pair.without_s / pair.recycles for pair in pairs]),
    }


def _milliseconds(values: Sequence[float]) -> list[float]:
    return [round(1000 * value, 1) for value in values]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


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
            sets = settings_for(name, Path(folder), args.load_s)
            figures[name] = compare(name, Path(folder), sets, recycles=args.recycles, repeats=args.repeats)
    print(json.dumps({**figures, "load_average": os.getloadavg()}, indent=2))
    return 0 if all(one["same_bytes"] for one in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
