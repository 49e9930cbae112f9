"""What a new child costs on a GPU: from the template or cold, beside its predecessor or after it.

    python -m benchmarks.gpu_respawn [--weights-gb 4] [--segments 40] [--every 4]

Needs a GPU and a torch with CUDA. The torch engine of the tests maps a file of bfloat16 weights, copies
them to the card and reads all of them for every segment. Each of the four ways narrates the same text
twice: with a recycle after every few segments, and with none.

gap_s: from the last segment of one life to the first of the next, on disk; the time of an ordinary
    segment is in it.
lost_s: wall time of the job with recycles less that of the same job without, a recycle.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.narrated import narrate, paragraphs
from supervisor.core.readings import DeviceUnknown
from supervisor.edge.driver import Driver
from tests.engines.torch_stand_in.weights import write_weights

MIB = 2**20
WAYS = (("template", "beside"), ("template", "after"), ("cold", "beside"), ("cold", "after"))


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
        "engine.name": '"torch-stand-in"',
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


def device_used_bytes() -> int:
    """Return what all programs hold on the first GPU.

    Raises:
        SystemExit: If the driver does not tell; with what it said.
    """
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
    sys.exit(main())
