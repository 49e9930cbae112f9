"""What the supervision costs: `narrate` against the same engine called in one process.

    python benchmarks/overhead.py [--repeats 3] [--text FILE] [--set KEY=VALUE]...

Both sides read the same text, cut it the same way, speak the same segments with eSpeak NG and
write one FLAC; they take turns in one run, so that whatever else the machine does strikes both.
The samples of both files are compared: a faster way to something else is no result.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: The whole file of the parent's memory figures is read this often; VmHWM only grows.
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one side.

    Attributes:
        wall_s: From start to exit.
        peak_bytes: VmHWM of the process itself, without its children.
    """

    wall_s: float
    peak_bytes: int


def measure(command: Sequence[str]) -> Run:
    """Run a command to its end.

    Raises:
        SystemExit: If it fails.
    """
    begun_s = time.monotonic()
    peak_bytes = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _peak_bytes(process.pid))
            time.sleep(POLL_S)
        wall_s = time.monotonic() - begun_s
        if process.returncode != 0:
            said = process.stderr.read() if process.stderr else ""
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Run(wall_s=wall_s, peak_bytes=peak_bytes)


def _peak_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def speak_in_one_process(text_path: Path, out_path: Path, sets: Sequence[str]) -> None:
    """Do what `narrate` does without its supervision: read, cut, speak, write."""
    import numpy as np  # noqa: PLC0415 - the measured process alone needs these, and pays for them
    import soundfile  # noqa: PLC0415 - see above

    from child.engine import Utterance  # noqa: PLC0415 - see above
    from child.espeak import EspeakEngine  # noqa: PLC0415 - see above
    from supervisor.config import load_config  # noqa: PLC0415 - see above
    from supervisor.narration.plan import Recording, VoiceSpec  # noqa: PLC0415 - see above
    from supervisor.narration.planner import Document, Wishes, plan_documents  # noqa: PLC0415 - see above

    config = load_config(sets=sets)
    narration = config.narration
    pauses_s = {
        "none": 0.0,
        "sentence": narration.pause_sentence_s,
        "paragraph": narration.pause_paragraph_s,
        "heading": narration.pause_heading_s,
    }
    document = Document(
        name=text_path.name, title=text_path.stem, kind="markdown", text=text_path.read_text("utf-8")
    )
    wishes = Wishes(
        voice=VoiceSpec(),
        seed=0,
        segment_chars=narration.segment_chars,
        find_recording=lambda _, path: Recording(origin=path, path=path, sha256=None),
    )
    plan = plan_documents([document], wishes)
    engine = EspeakEngine()
    facts = engine.load(config.engine.settings, device="cpu", voice=None)
    with soundfile.SoundFile(
        out_path, "w", samplerate=facts.sample_rate_hz, channels=1, format="FLAC", subtype="PCM_16"
    ) as file:
        pause_s = 0.0
        for segment in (segment for chapter in plan.chapters for segment in chapter.segments):
            file.write(np.zeros(round(pause_s * facts.sample_rate_hz), np.int16))
            utterance = Utterance(
                text=segment.text, voice=None, reference=None, seed=segment.seed, settings={}
            )
            for audio in engine.synthesize(utterance):
                file.write(np.clip(np.rint(audio.samples * 32768), -32768, 32767).astype(np.int16))
            pause_s = pauses_s[segment.pause]


def same_samples(one: Path, other: Path) -> tuple[bool, float]:
    """Tell whether two files hold the same samples, and how long they are, in seconds."""
    import numpy as np  # noqa: PLC0415 - after the measurement
    import soundfile  # noqa: PLC0415 - see above

    first, rate_hz = soundfile.read(one, dtype="int16")
    second, _ = soundfile.read(other, dtype="int16")
    return bool(np.array_equal(first, second)), len(first) / rate_hz


def compare(text: Path, folder: Path, *, repeats: int, sets: Sequence[str]) -> dict[str, object]:
    """Measure both sides in turn and return the figures."""
    asked = [word for one in sets for word in ("--set", one)]
    narrated, plain = folder / "narrated.flac", folder / "plain.flac"
    supervise = [sys.executable, "-m", "supervisor", "--state", str(folder / "state"), *asked]
    supervise += ["narrate", str(text), "-o", str(narrated), "--fresh"]
    alone = [sys.executable, __file__, *asked, "--text", str(text), "--one-process", str(plain)]
    sides: list[tuple[str, Callable[[], Run]]] = [
        ("narrate", lambda: measure(supervise)),
        ("one process", lambda: measure(alone)),
    ]
    runs: dict[str, list[Run]] = {name: [] for name, _ in sides}
    for turn in range(repeats):
        # Who goes first changes, so that a warm cache favours neither.
        for name, go in sides if turn % 2 == 0 else reversed(sides):
            runs[name].append(go())
            print(f"  {turn + 1}. {name}: {runs[name][-1].wall_s:.2f} s", file=sys.stderr)
    same, audio_s = same_samples(narrated, plain)
    pairs = zip(runs["narrate"], runs["one process"], strict=True)
    ratios = sorted(supervised.wall_s / bare.wall_s for supervised, bare in pairs)
    narrate_s = statistics.median(run.wall_s for run in runs["narrate"])
    return {
        "characters": len(text.read_text("utf-8")),
        "audio_s": round(audio_s, 1),
        "narrate_s": [round(run.wall_s, 2) for run in runs["narrate"]],
        "one_process_s": [round(run.wall_s, 2) for run in runs["one process"]],
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least_most": [round(ratios[0], 3), round(ratios[-1], 3)],
        "times_real_time": round(audio_s / narrate_s, 1),
        "parent_peak_mib": round(max(run.peak_bytes for run in runs["narrate"]) / 2**20, 1),
        "same_samples": same,
    }


def main() -> int:
    """Read the command line; exit 1 if the two sides give different samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--text", type=Path, help="Markdown; default the tests' book of 300,000 characters")
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--one-process", type=Path, metavar="OUT", help="be the side without supervision")
    args = parser.parse_args()
    if args.one_process is not None:
        speak_in_one_process(args.text, args.one_process, args.sets)
        return 0
    with tempfile.TemporaryDirectory(prefix="overhead-", dir=os.environ.get("TMPDIR")) as folder:
        text: Path = args.text or _book(Path(folder))
        figures = compare(text, Path(folder), repeats=args.repeats, sets=args.sets)
    print(json.dumps(figures, indent=2))
    return 0 if figures["same_samples"] else 1


def _book(folder: Path) -> Path:
    from tests.book import make_book  # noqa: PLC0415 - only where no text is given

    path = folder / "book.md"
    path.write_text(make_book(300_000), "utf-8")
    return path


if __name__ == "__main__":
    # Run as a script: the project's own packages stand beside this folder.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(main())
