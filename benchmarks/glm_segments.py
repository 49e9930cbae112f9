"""Whole segments, text to samples: how fast, how soon the first audio, in how much memory.

    python -m benchmarks.glm_segments [--size tiny|small|full] [--device cpu|cuda:0] [--precision fp32|bf16]
        [--rate 24000|32000] [--segments 8] [--repeats 3] [--checkpoint FOLDER]

Random weights (`benchmarks.glm_random`), a voice of 5.5 s, the ways in turn within one run; text, flow and
vocoder are the same in all of them.

ours: as the engine speaks; on CUDA its steps are captured.
without_cache: the same with `kv_cache = false`.
plain: transformers' `LlamaForCausalLM` over the same weights, as the model's own script runs it; the
    vocoder's samples are given out when all are made.

rtf: seconds of computing a second of audio. first_audio_ms: from the text to the first samples. On the CPU
also in processor seconds (`cpu_rtf`), which other programs on the machine do not change. peak_mib: live
tensors beyond the weights, the cache of keys and values with them; on the CPU counted in a run of its own.
"""

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor

from benchmarks.glm_plain import Asked, plain_loop, same_in_transformers
from benchmarks.glm_random import SIZES, TEXTS, random_voice, write_random_checkpoint
from tests.tts_core.live import LiveBytes
from tts_core.checkpoint import Checkpoint
from tts_core.manner import Manner
from tts_core.parts import Parts, Precision, Tables
from tts_core.synthesizer import Synthesizer

MIB = 2**20

#: Speaks one text with one seed; yields samples as they come.
Way = Callable[[str, int], Iterator[Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One text spoken one way.

    Attributes:
        first_s: From the text to the first samples.
        wall_s: To the last ones.
        cpu_s: Of this process meanwhile.
        audio_s: What was made.
    """

    first_s: float
    wall_s: float
    cpu_s: float
    audio_s: float


def opened(folder: Path, precision: Precision, device: torch.device) -> Synthesizer:
    """Load a checkpoint as a child does: on the CPU, then to where it is to compute."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "tts-supervisor"
    tables = Tables(configs=None, lexicon=None, cache=cache / "grammars")
    parts = Parts(Checkpoint(folder), tables, precision)
    parts.move(device)
    parts.get_ready()
    return Synthesizer(parts)


# ------------------------------------------------------------------ the ways


def ours(synthesizer: Synthesizer, manner: Manner) -> Way:
    """As the engine speaks."""
    voice = random_voice()

    def speak(text: str, seed: int) -> Iterator[Tensor]:
        pieces = synthesizer.speak(text, voice, seed=seed, manner=manner)
        return (piece.samples for piece in pieces if piece.samples.numel())

    return speak


def plain(synthesizer: Synthesizer, manner: Manner) -> Way:
    """As the model's own script speaks: segment by segment, each whole."""
    parts, voice = synthesizer.parts, random_voice()
    model = same_in_transformers(parts.lm)
    vocoder = parts.vocoder(manner.sample_rate_hz)

    def speak(text: str, seed: int) -> Iterator[Tensor]:
        for each in synthesizer.cuts(text, phonemes=False):
            chance = Generator(parts.device).manual_seed(seed)
            asked = Asked(ids=parts.audio_ids, prompt=parts.prompt_of(voice), text=each.ids)
            tokens = list(plain_loop(model, asked, chance, lean=False))
            mel = synthesizer.mel(tokens, voice, manner, chance)
            yield vocoder.wave(mel, generator=chance)[0].cpu()

    return speak


# ------------------------------------------------------------------ the figures


def timed(way: Way, text: str, seed: int, rate_hz: int) -> Run:
    """Speak once; all samples are on the host when they come, so nothing of a card's work is left out."""
    gc.collect()
    begun_s, cpu_begun_s = time.perf_counter(), time.process_time()
    pieces = way(text, seed)
    samples = next(pieces).numel()
    first_s = time.perf_counter() - begun_s
    samples += sum(piece.numel() for piece in pieces)
    return Run(
        first_s=first_s,
        wall_s=time.perf_counter() - begun_s,
        cpu_s=time.process_time() - cpu_begun_s,
        audio_s=samples / rate_hz,
    )


def peak_bytes(way: Way, texts: Sequence[str], device: torch.device) -> int:
    """Return the most that live tensors held while the texts were spoken, beyond what was there before."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        for text in texts:
            list(way(text, 0))
        return torch.cuda.max_memory_allocated(device) - before
    with LiveBytes() as live:
        for text in texts:
            list(way(text, 0))
    return live.peak


def figures(runs: Sequence[Run], peak: int) -> dict[str, object]:
    """Return what is printed of one way."""
    audio_s = sum(run.audio_s for run in runs)
    firsts = [1e3 * run.first_s for run in runs]
    return {
        "rtf": round(sum(run.wall_s for run in runs) / audio_s, 4),
        "cpu_rtf": round(sum(run.cpu_s for run in runs) / audio_s, 4),
        "first_audio_ms": round(statistics.median(firsts), 1),
        "first_audio_ms_least_most": [round(min(firsts), 1), round(max(firsts), 1)],
        "audio_s_a_segment": round(audio_s / len(runs), 2),
        "peak_mib": round(peak / MIB, 1),
    }


def compare(told: argparse.Namespace, folder: Path, device: torch.device) -> dict[str, object]:
    """Measure the ways, taking turns, and return the figures."""
    precision: Precision = told.precision
    synthesizer = opened(folder, precision, device)
    manner = Manner(sample_rate_hz=told.rate, cap_fails=False, kv_cache=True)
    bare = Manner(sample_rate_hz=told.rate, cap_fails=False, kv_cache=False)
    every = {
        "ours": ours(synthesizer, manner),
        "without_cache": ours(synthesizer, bare),
        "plain": plain(synthesizer, manner),
    }
    ways = {name: every[name] for name in told.ways.split(",")}
    texts = [TEXTS[at % len(TEXTS)] for at in range(told.segments)]
    peaks = {name: peak_bytes(way, texts[:3], device) for name, way in ways.items()}  # warms up, too
    held = synthesizer.parts.cache_bytes()
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for seed in range(told.repeats):
        for text in texts:
            for name, way in ways.items():
                runs[name].append(timed(way, text, seed, told.rate))
    # Room for keys and values was there before; on the CPU what is not written is not resident.
    peaks = {name: peak + (held if name == "ours" else 0) for name, peak in peaks.items()}
    found = {name: figures(spoken, peaks[name]) for name, spoken in runs.items()}
    return {
        "lm_parameters_m": round(sum(one.numel() for one in synthesizer.parts.lm.parameters()) / 1e6, 1),
        "room_mib": round(held / MIB, 1),
        "ways": found,
        "times_ours": {name: _times(runs[name], runs["ours"], device) for name in runs if "ours" in runs},
    }


def _times(runs: Sequence[Run], of: Sequence[Run], device: torch.device) -> float:
    """Return how many times the computing of others a second of audio takes."""

    def cost(them: Sequence[Run]) -> float:
        spent_s = sum(run.wall_s if device.type == "cuda" else run.cpu_s for run in them)
        return spent_s / sum(run.audio_s for run in them)

    return round(cost(runs) / cost(of), 2)


def main() -> None:
    """Measure and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--rate", type=int, choices=(24_000, 32_000), default=24_000)
    parser.add_argument("--segments", type=int, default=len(TEXTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", default="ours,without_cache,plain")
    parser.add_argument("--checkpoint", type=Path, help="one that benchmarks.glm_random wrote")
    told = parser.parse_args()
    device = torch.device(told.device)
    with tempfile.TemporaryDirectory(prefix="glm-", dir=os.environ.get("TMPDIR")) as name:
        folder = told.checkpoint or write_random_checkpoint(Path(name), SIZES[told.size], device=device)
        found = compare(told, folder, device)
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(json.dumps({**vars(told), "on": on, "torch": torch.__version__, **found}, indent=1, default=str))


if __name__ == "__main__":
    main()
