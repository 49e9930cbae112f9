"""The language model beside a plain transformers loop over the same weights; and what its cache is worth.

    python -m benchmarks.glm_lm [--size tiny|small|full] [--device cpu|cuda] [--dtype float32|bfloat16]
        [--tokens 200] [--repeats 3] [--ways ours,ours_without_cache,plain,lean]

Random weights, a prompt as a voice of 5.5 s has it, one segment of so many speech tokens; the ways take
turns within one run. `full` has the released model's widths and ids, for a card.

ours: `tts_core.lm` over its static cache, the way the engine speaks; on CUDA its steps are captured.
ours_without_cache: the same with `kv_cache = false`.
plain: transformers' `LlamaForCausalLM` as the model's own script drives it: a growing cache, scores of
    all positions and all hidden states asked for, repetition-aware sampling entry by entry.
lean: the same model with the last row's scores alone, no hidden states, and our sampler: what is left
    is the model's own time.

first_ms: until the first token, the prompt's pass. ms_a_token: each after it; cpu_ms_a_token: seconds of this
process, which other programs change less. peak_mib: live tensors beyond the weights, in a run of its own; for
ours the cache, which was there before, is in it.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator

from benchmarks.glm_plain import Asked, plain_loop, same_in_transformers
from tests.tts_core.live import LiveBytes
from tts_core.lm.cache import KvCache
from tts_core.lm.config import LmConfig
from tts_core.lm.generation import Prompt, generate, positions, prepare
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AudioIds, AudioRows
from tts_core.lm.sampling import Ras

MIB = 2**20

#: As they are in the release; of the smaller sizes the order is the same.
FULL_IDS = AudioIds(end=59253, begin=59260, first=61498, count=32768)
SMALL_IDS = AudioIds(end=300, begin=301, first=512, count=32768)

PROMPT_TEXT_TOKENS, PROMPT_SPEECH_TOKENS = 40, 137

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

OURS, THEIRS = ("ours", "ours_without_cache"), ("plain", "lean")

Way = Callable[[], Iterator[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Widths of one model, in the order that `LmConfig` has them.

    Attributes:
        widths: Hidden, inside the feed-forward, layers, query heads, key heads, of one head.
        vocabulary: Ids.
        ids: The special ones.
    """

    widths: tuple[int, int, int, int, int, int]
    vocabulary: int
    ids: AudioIds

    @property
    def config(self) -> LmConfig:
        """What the folder's file would say."""
        hidden, inner, layers, heads, kv_heads, head_dim = self.widths
        return LmConfig(
            vocab_size=self.vocabulary,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=head_dim,
            rms_norm_eps=1e-5,
            rope_theta=10000.0,
            tie_word_embeddings=True,
        )


SIZES = {
    "tiny": Size(widths=(64, 128, 2, 4, 2, 16), vocabulary=33536, ids=SMALL_IDS),
    "small": Size(widths=(512, 1536, 8, 8, 2, 64), vocabulary=33536, ids=SMALL_IDS),
    "full": Size(widths=(2048, 6144, 28, 16, 4, 128), vocabulary=98304, ids=FULL_IDS),
}


# ------------------------------------------------------------------ the models


def random_model(size: Size, device: torch.device, dtype: torch.dtype) -> Llama:
    """Return a model of random weights, made where it is to be, in the type that it is to have."""
    with torch.device("meta"):
        llama = Llama(size.config)
    llama.to_empty(device=device).requires_grad_(requires_grad=False)
    chance = Generator(device).manual_seed(0)
    for one in llama.parameters():
        one.data = one.data.to(dtype)
        one.data.fill_(1.0) if one.dim() == 1 else one.data.normal_(0.0, 0.05, generator=chance)
    if device.type == "cuda":
        llama.join(device, dtype)
    return llama.eval()


# ------------------------------------------------------------------ the ways


def prompt_of(size: Size) -> Prompt:
    """Return a voice of 5.5 s with its text."""
    chance = Generator().manual_seed(1)
    text = torch.randint(0, 256, (PROMPT_TEXT_TOKENS,), generator=chance)
    speech = torch.randint(0, size.ids.count, (PROMPT_SPEECH_TOKENS,), generator=chance)
    return Prompt(text=tuple(int(one) for one in text), speech=tuple(int(one) for one in speech))


def ours(llama: Llama, cache: KvCache | None, size: Size, text: Sequence[int]) -> Iterator[int]:
    """Speak as the engine does, to the most tokens that the text may have."""
    return generate(
        llama, cache, size.ids, prompt_of(size), text, sampler=Ras(), generator=dice(llama), cap_ends=True
    )


def dice(llama: Llama) -> Generator:
    """Return chance where the model is, the same each time."""
    return Generator(llama.device).manual_seed(0)


# ------------------------------------------------------------------ the figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One segment spoken one way.

    Attributes:
        first_s: Until its first token.
        rest_s: From there to its last.
        rest_cpu_s: Of this process meanwhile.
        tokens: What was said.
    """

    first_s: float
    rest_s: float
    rest_cpu_s: float
    tokens: list[int]


def timed(way: Way) -> Run:
    """Speak once; every token is on the host when it comes, so nothing of the card's work is left out."""
    gc.collect()
    begun_s = time.perf_counter()
    spoken = way()
    tokens = [next(spoken)]
    first_s, cpu_begun_s = time.perf_counter() - begun_s, time.process_time()
    tokens.extend(spoken)
    rest_cpu_s = time.process_time() - cpu_begun_s
    rest_s = time.perf_counter() - begun_s - first_s
    return Run(first_s=first_s, rest_s=rest_s, rest_cpu_s=rest_cpu_s, tokens=tokens)


def peak_bytes(way: Way, device: torch.device) -> int:
    """Return the most that live tensors held while a segment was spoken, beyond what was there before."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        list(way())
        return torch.cuda.max_memory_allocated() - before
    with LiveBytes() as live:
        list(way())
    return live.peak


def figures(runs: Sequence[Run], peak: int) -> dict[str, object]:
    """Return what is printed of one way."""
    a_token_s = [run.rest_s / max(1, len(run.tokens) - 1) for run in runs]
    a_token_cpu_s = [run.rest_cpu_s / max(1, len(run.tokens) - 1) for run in runs]
    return {
        "first_ms": round(1e3 * statistics.median(run.first_s for run in runs), 2),
        "ms_a_token": round(1e3 * statistics.median(a_token_s), 3),
        "ms_a_token_each": [round(1e3 * one, 3) for one in a_token_s],
        "cpu_ms_a_token": round(1e3 * statistics.median(a_token_cpu_s), 3),
        "tokens_a_second": round(1 / statistics.median(a_token_s), 1),
        "tokens": len(runs[0].tokens),
        "peak_mib": round(peak / MIB, 2),
    }


def compare(told: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """Measure the ways, taking turns, and return the figures."""
    size, dtype = SIZES[told.size], TYPES[told.dtype]
    llama = random_model(size, device, dtype)
    text = list(range(1, 1 + max(1, told.tokens // 20)))
    room = positions(prompt_of(size), text)
    cache = KvCache(llama.config, max(room, told.capacity), device=device, dtype=dtype)
    begun_s = time.perf_counter()
    prepare(llama, cache, size.ids)
    prepared_s = time.perf_counter() - begun_s
    plain = same_in_transformers(llama)
    asked = Asked(ids=size.ids, prompt=prompt_of(size), text=text)
    every: dict[str, Way] = {
        "ours": lambda: ours(llama, cache, size, text),
        "ours_without_cache": lambda: ours(llama, None, size, text),
        "plain": lambda: plain_loop(plain, asked, dice(llama), lean=False),
        "lean": lambda: plain_loop(plain, asked, dice(llama), lean=True),
    }
    ways = {name: every[name] for name in told.ways.split(",")}
    held = {"ours": cache.held_bytes}
    peaks = {name: peak_bytes(way, device) + held.get(name, 0) for name, way in ways.items()}  # warms up, too
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(told.repeats):
        for name, way in ways.items():
            runs[name].append(timed(way))
    rows = AudioRows(vocabulary=size.vocabulary, ids=size.ids)
    return {
        "weights_mib": round(sum(one.nbytes for one in llama.parameters()) / MIB, 1),
        "cache_mib": round(cache.held_bytes / MIB, 2),
        "prepared_s": round(prepared_s, 2),
        "rows_of_the_head": rows.count,
        "ways": {name: figures(found, peaks[name]) for name, found in runs.items()},
        "cached_as_uncached": len({tuple(runs[one][0].tokens) for one in OURS if one in runs}) == 1,
        "lean_as_plain": len({tuple(runs[one][0].tokens) for one in THEIRS if one in runs}) == 1,
    }


def main() -> None:
    """Measure and print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=TYPES, default="float32")
    parser.add_argument("--tokens", type=int, default=200, help="of the segment; a multiple of 20")
    parser.add_argument("--capacity", type=int, default=2048, help="positions of the cache")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", default=",".join((*OURS, *THEIRS)))
    told = parser.parse_args()
    device = torch.device(told.device)
    threads = f"{torch.get_num_threads()} threads"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else threads
    found = compare(told, device)
    print(json.dumps({**vars(told), "on": name, "torch": torch.__version__, **found}, indent=1))


if __name__ == "__main__":
    main()
