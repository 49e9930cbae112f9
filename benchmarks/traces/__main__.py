"""Write traces of the corpus as files, with the truth of each beside them.

python -m benchmarks.traces --out FOLDER [--half train] [--seeds 2] [--only KIND ...]
tts-supervisor replay FOLDER/*.jsonl
"""

import argparse
import json
from pathlib import Path

from benchmarks.traces.corpus import KINDS, drawn, seeds
from benchmarks.traces.recording import play
from benchmarks.traces.scenario import Truth
from supervisor.core.traces import encode


def write(kind: str, seed: int, folder: Path, *, texts: int | None = None) -> Truth:
    """Write one trace; return what is true of it."""
    records, truth = play(drawn(kind, seed, texts=texts))
    path = folder / name_of(kind, seed)
    path.write_bytes(b"".join(encode(record) for record in records))
    return truth


def name_of(kind: str, seed: int) -> str:
    """Return the name of a trace's file."""
    return f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}.jsonl"


def main() -> None:
    """Write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--half", choices=("train", "held-out"), default="train")
    parser.add_argument("--seeds", type=int, default=2, help="traces of each kind")
    parser.add_argument("--texts", type=int, default=None, help="texts of a trace, instead of 500 or 5,000")
    parser.add_argument("--only", nargs="*", default=list(KINDS), metavar="KIND")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    truths: dict[str, dict[str, object]] = {}
    for kind in args.only:
        for seed in seeds(args.half, args.seeds):
            truth = write(kind, seed, args.out, texts=args.texts)
            truths[name_of(kind, seed)] = {
                "kind": kind,
                "leaks": truth.leaks,
                "onset": truth.onset,
                "rate_bytes": round(truth.rate_bytes),
                "card_bytes": truth.card_bytes,
            }
    (args.out / "truth.json").write_text(json.dumps(truths, indent=1) + "\n", "utf-8")
    print(f"{len(truths)} traces in {args.out}")


if __name__ == "__main__":
    main()
