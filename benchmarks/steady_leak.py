"""What a steady leak costs in wall time: the same job with it and without, side by side in one run.

    python -m benchmarks.steady_leak [--segments 2000] [--leak 20MiB] [--repeats 1]

The scripted engine speaks, asleep for as long as a real one would compute, and keeps so much memory after
every segment. The marks on host memory are set where a life leaks some hundred times before it is replaced.
Both sides must give the same bytes.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.narrated import Told, narrate, paragraphs

#: Asleep for each character, so that a segment takes half a second, as on a fast card. To touch 20 MiB takes
#: some 10 ms of a processor, whoever supervises: that is in the ratio.
SETS = {
    "engine.name": '"scripted"',
    "engine.scripted.wall_per_char_s": "0.01",
    "child.device": '"cpu"',
    "memory.host.soft": '"2GiB"',
    "memory.host.hard": '"3GiB"',
}


def compare(folder: Path, *, segments: int, leak: str, repeats: int) -> dict[str, object]:
    """Narrate with the leak and without, taking turns, and return the figures."""
    text = folder / "text.txt"
    text.write_text(paragraphs(segments), "utf-8")
    leaking = SETS | {"engine.faults.leak_bytes": f'"{leak}"'}
    calm: list[Told] = []
    leaked: list[Told] = []
    for turn in range(repeats):
        # Who goes first changes, so that a warm machine favours neither.
        sides = [(calm, SETS), (leaked, leaking)]
        for told, sets in sides if turn % 2 == 0 else reversed(sides):
            told.append(narrate(folder, text, sets))
            print(f"  {turn + 1}. {told[-1].wall_s:.2f} s, {told[-1].lives} lives", file=sys.stderr)
    ratios = sorted(one.wall_s / other.wall_s for one, other in zip(leaked, calm, strict=True))
    recycles = leaked[0].lives - 1
    lost_s = statistics.median(one.wall_s for one in leaked) - statistics.median(one.wall_s for one in calm)
    return {
        "segments": segments,
        "leak": leak,
        "recycles": recycles,
        "without_s": [round(one.wall_s, 2) for one in calm],
        "with_s": [round(one.wall_s, 2) for one in leaked],
        "ratio": round(statistics.median(ratios), 4),
        "ratio_least_most": [round(ratios[0], 4), round(ratios[-1], 4)],
        "lost_s_a_recycle": round(lost_s / max(1, recycles), 3),
        "longest_gap_s": round(max(leaked[0].gaps_s, default=0.0), 3),
        "same_audio": len({one.sha256 for one in (*calm, *leaked)}) == 1,
    }


def main() -> int:
    """Read the command line; exit 1 if the two sides do not give the same audio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, default=2000)
    parser.add_argument("--leak", default="20MiB")
    parser.add_argument("--repeats", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leak-", dir=os.environ.get("TMPDIR")) as folder:
        figures = compare(Path(folder), segments=args.segments, leak=args.leak, repeats=args.repeats)
    print(json.dumps(figures, indent=2))
    return 0 if figures["same_audio"] else 1


if __name__ == "__main__":
    sys.exit(main())
