"""What a second device is worth: the same job with one child and with two, side by side in one run.

    python -m benchmarks.devices [--segments 100] [--repeats 3]

The engine `glm` speaks from a small random checkpoint on one thread, so that a child keeps a processor busy,
as with two cards each child keeps one. Both sides must give the same bytes.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.narrated import Told, narrate, paragraphs


def compare(folder: Path, *, segments: int, sets: dict[str, str], repeats: int) -> dict[str, object]:
    """Narrate with one child and with two, taking turns, and return the figures."""
    text = folder / "text.txt"
    text.write_text(paragraphs(segments), "utf-8")
    one: list[Told] = []
    two: list[Told] = []
    for turn in range(repeats):
        sides = [(one, '"cpu"'), (two, '["cpu", "cpu"]')]
        for told, device in sides if turn % 2 == 0 else reversed(sides):
            told.append(narrate(folder, text, sets | {"child.device": device}))
            print(f"  {turn + 1}. {device}: {told[-1].wall_s:.2f} s", file=sys.stderr)
    ratios = sorted(single.wall_s / double.wall_s for single, double in zip(one, two, strict=True))
    return {
        "segments": segments,
        "one_s": [round(told.wall_s, 2) for told in one],
        "two_s": [round(told.wall_s, 2) for told in two],
        "times_as_fast": round(statistics.median(ratios), 3),
        "least_most": [round(ratios[0], 3), round(ratios[-1], 3)],
        "same_audio": len({told.sha256 for told in (*one, *two)}) == 1,
    }


def main() -> int:
    """Read the command line; exit 1 if the two sides do not give the same audio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="devices-", dir=os.environ.get("TMPDIR")) as folder:
        from tests.tts_core.small_checkpoint import make_small_checkpoint  # noqa: PLC0415 - brings torch

        checkpoint = make_small_checkpoint(Path(folder) / "checkpoint")
        sets = {
            "engine.name": '"glm"',
            "engine.glm.checkpoint": json.dumps(str(checkpoint)),
            "engine.glm.history": "false",  # with it a text of one chapter is one child's
        }
        figures = compare(Path(folder), segments=args.segments, sets=sets, repeats=args.repeats)
    print(json.dumps(figures, indent=2))
    return 0 if figures["same_audio"] else 1


if __name__ == "__main__":
    sys.exit(main())
