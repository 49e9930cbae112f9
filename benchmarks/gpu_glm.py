"""GLM-TTS on a card at the release's widths: memory, time of a token, first audio, a budget.

    python -m benchmarks.gpu_glm [--size full|small|tiny] [--device cuda:0|cpu] [--precision bf16|fp32]
        [--rate 24000|32000] [--segments 500] [--budget-gib 6] [--no-plain] [--checkpoint FOLDER]

Random weights (`benchmarks.glm_random`; `full` writes 7.3 GB and reads them back), texts as ids, so that
neither a network nor the libraries that normalise text are needed. On the CPU it runs at the small widths,
to see that it runs; what only a card has is 0 there.

used_gib: what the driver says is taken since before this process had a context: weights, room for keys and
    values, graphs, kernels, the context itself. reserved, allocated: torch's own.
growth_mib: of all three, from the tenth segment to the last; and over eight sentences (`--turns`) after.
ms_a_token: of the language model, one after another as the engine asks for them, the first left out.
plain: transformers over the same weights as the model's own script runs it, in float32 and in this precision.
first_audio_ms: from a sentence's ids to its first samples on the host.
budget: segments that fail when torch may take what a card of so many GiB leaves beside the context.
"""

import argparse
import gc
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator

from benchmarks.glm_plain import Asked, plain_loop, same_in_transformers
from benchmarks.glm_random import RANKS, SIZES, random_voice, write_random_checkpoint
from benchmarks.gpu_memory import Card, Held, gib, growth_mib
from tts_core.checkpoint import Checkpoint
from tts_core.errors import OutOfMemory
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts
from tts_core.synthesizer import Cut, Synthesizer
from tts_core.voice.voice import Voice

MIB, GIB = 2**20, 2**30

#: Text tokens of a segment: from a word on.
_LEAST = 2

#: A sentence as a narration begins with.
_SENTENCE = 18


# ------------------------------------------------------------------ what is spoken


def ids_of(count: int, chance: random.Random) -> Cut:
    """Return a segment of so many text tokens, any of them."""
    return Cut(text="x" * count, ids=tuple(chance.randrange(256, RANKS) for _ in range(count)))


def voices() -> tuple[Voice, Voice]:
    """Return two, of 5.5 and of 9 s; their texts are left out, for what would normalise them is."""
    return random_voice(""), replace(random_voice("", seconds=9.0), recording_sha256="1" * 64)


class Stage:
    """A loaded model that counts what it made."""

    def __init__(self, synthesizer: Synthesizer, manner: Manner, *, longest: int, turns: int) -> None:
        self.synthesizer = synthesizer
        self.manner = manner
        self.longest = longest
        self.turns = turns
        self.voices = voices()
        self.audio_s = 0.0

    def speak(self, cut: Cut, turn: int) -> tuple[float, float]:
        """Speak one segment; return seconds until its first samples and until its last."""
        begun_s = time.perf_counter()
        first_s = 0.0
        pieces = self.synthesizer.speak_cuts([cut], self.voices[turn % 2], seed=turn, manner=self.manner)
        for piece in pieces:
            if piece.samples.numel():
                first_s = first_s or time.perf_counter() - begun_s
                self.audio_s += piece.samples.numel() / piece.sample_rate_hz
        return first_s, time.perf_counter() - begun_s


# ------------------------------------------------------------------ the figures


def memory_over(stage: Stage, card: Card, segments: int) -> dict[str, object]:
    """Speak segments of mixed length in two voices; the longest come first, as growth counts from there."""
    chance = random.Random(0)
    longest = stage.longest
    mixed = (chance.randint(_LEAST, longest) for _ in range(segments))
    lengths = [longest, _LEAST, longest, *mixed][:segments]
    after: dict[int, Held] = {}
    begun_s, audio_s = time.perf_counter(), stage.audio_s
    most_used_bytes = 0
    for turn, length in enumerate(lengths):
        stage.speak(ids_of(length, chance), turn)
        after[turn] = card.held()
        most_used_bytes = max(most_used_bytes, after[turn].used_bytes)
    tenth, last = after[min(9, segments - 1)], after[segments - 1]
    spent_s, audio_s = time.perf_counter() - begun_s, stage.audio_s - audio_s
    return {
        "segments": segments,
        "audio_s": round(audio_s, 1),
        "rtf": round(spent_s / audio_s, 4),
        "most_used_gib": gib(most_used_bytes),
        "most_allocated_gib": gib(card.most_allocated_bytes()),
        "reserved_gib": gib(last.reserved_bytes),
        "growth_mib": growth_mib(tenth, last),
    }


def sentences(stage: Stage, card: Card) -> dict[str, object]:
    """Speak sentences one after another, as the web page does; report what stayed."""
    chance = random.Random(1)
    before = card.held()
    for turn in range(stage.turns):
        stage.speak(ids_of(min(_SENTENCE + turn, stage.longest), chance), turn)
    return {"growth_mib": growth_mib(before, card.held())}


def first_audio(stage: Stage) -> dict[str, object]:
    """Return how soon a sentence is heard."""
    chance = random.Random(2)
    length = min(_SENTENCE, stage.longest)
    took = [stage.speak(ids_of(length, chance), turn) for turn in range(stage.turns + 1)]
    firsts_ms = [1e3 * first_s for first_s, _ in took]
    return {
        "first_audio_ms": round(statistics.median(firsts_ms), 1),
        "first_audio_ms_least_most": [round(min(firsts_ms), 1), round(max(firsts_ms), 1)],
    }


def a_token(stage: Stage, *, kv_cache: bool = True) -> dict[str, object]:
    """Return what the language model takes for a token, within segments of some hundred."""
    chance, manner = random.Random(3), replace(stage.manner, kv_cache=kv_cache)
    synthesizer, voice = stage.synthesizer, stage.voices[0]

    def spoken(turn: int) -> Iterator[int]:
        dice = Generator(synthesizer.parts.device).manual_seed(turn)
        return synthesizer.tokens(ids_of(stage.longest // 2, chance), voice, History(), manner, dice)

    return _ms(spoken)


def plain_token(stage: Stage, dtype: torch.dtype) -> dict[str, object]:
    """Return the same of the plain loop, over the same weights."""
    parts, voice, chance = stage.synthesizer.parts, stage.voices[0], random.Random(3)
    model = same_in_transformers(parts.lm)
    for one in model.parameters():  # wrappers of their own: ours keep theirs
        one.data = one.data.to(dtype)

    def spoken(turn: int) -> Iterator[int]:
        dice = Generator(parts.device).manual_seed(turn)
        text = ids_of(stage.longest // 2, chance).ids
        asked = Asked(ids=parts.audio_ids, prompt=parts.prompt_of(voice), text=text)
        return plain_loop(model, asked, dice, lean=False)

    return _ms(spoken)


def _ms(spoken: Callable[[int], Iterator[int]]) -> dict[str, object]:
    list(spoken(0))  # warms up
    firsts_ms: list[float] = []
    rests_ms: list[float] = []
    tokens = 0
    for turn in range(1, 4):
        gc.collect()
        begun_s = time.perf_counter()
        one = spoken(turn)
        next(one)
        first_s = time.perf_counter() - begun_s
        more = sum(1 for _ in one)
        firsts_ms.append(1e3 * first_s)
        rests_ms.append(1e3 * (time.perf_counter() - begun_s - first_s) / max(1, more))
        tokens += 1 + more
    return {
        "ms_a_token": round(statistics.median(rests_ms), 3),
        "first_ms": round(statistics.median(firsts_ms), 2),
        "tokens": tokens,
    }


def within_budget(stage: Stage, card: Card, budget_bytes: int) -> dict[str, object]:
    """Speak segments, the longest among them, on what a smaller card would have."""
    chance, failed = random.Random(4), 0
    card.empty()
    card.limit(budget_bytes)
    try:
        for turn in range(stage.turns):
            length = stage.longest if turn % 3 == 0 else chance.randint(_LEAST, stage.longest)
            try:
                stage.speak(ids_of(length, chance), turn)
            except (OutOfMemory, torch.OutOfMemoryError) as error:
                failed += 1
                said = str(error)  # the error itself would hold the tensors
                print(said)
    finally:
        card.limit(None)
    return {"gib": gib(budget_bytes), "failed": failed}


def measure(told: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Load as a child does, speak, and return the figures."""
    card = Card(torch.device(told.device))
    begun_s = time.perf_counter()
    parts = Parts(Checkpoint(folder), None, told.precision)
    loaded_s = time.perf_counter() - begun_s
    parts.move(card.device)
    parts.get_ready()
    moved = card.held()
    manner = Manner(sample_rate_hz=told.rate, cap_fails=False)
    stage = Stage(Synthesizer(parts), manner, longest=told.longest, turns=told.turns)
    found: dict[str, object] = {
        "loaded_s": round(loaded_s, 2),
        "moved_s": round(time.perf_counter() - begun_s - loaded_s, 2),
        "used_after_move_gib": gib(moved.used_bytes),
        "most_allocated_in_move_gib": gib(card.most_allocated_bytes()),
        "room_mib": round(parts.cache_bytes() / MIB, 1),
        "memory": memory_over(stage, card, told.segments),
        "sentences": sentences(stage, card),
        **first_audio(stage),
        "budget": within_budget(stage, card, int(told.budget_gib * GIB)),
        "lm": a_token(stage),
        "lm_without_cache": a_token(stage, kv_cache=False),
    }
    if told.plain:
        card.empty()
        names = {"plain_float32": torch.float32, "plain_as_ours": parts.lm.dtype}
        found |= {name: plain_token(stage, dtype) for name, dtype in names.items()}
    return found


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    found = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    found.add_argument("--size", choices=SIZES, default="full")
    found.add_argument("--device", default="cuda:0")
    found.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    found.add_argument("--rate", type=int, choices=(24_000, 32_000), default=24_000)
    found.add_argument("--segments", type=int, default=500)
    found.add_argument("--longest", type=int, default=60, help="text tokens of a segment")
    found.add_argument("--turns", type=int, default=8, help="segments of what is not `memory`")
    found.add_argument("--budget-gib", type=float, default=6.0)
    found.add_argument("--plain", action=argparse.BooleanOptionalAction, default=True)
    found.add_argument("--checkpoint", type=Path, help="one that benchmarks.glm_random wrote")
    return found


def main() -> int:
    """Measure and print."""
    told = parser().parse_args()
    if told.device != "cpu" and not torch.cuda.is_available():
        print(f"torch {torch.__version__} finds no CUDA: nothing is measured")
        return 0
    with tempfile.TemporaryDirectory(prefix="glm-", dir=os.environ.get("TMPDIR")) as name:
        # Written on the CPU: this process must have no context before it is measured.
        cpu = torch.device("cpu")
        folder = told.checkpoint or write_random_checkpoint(Path(name), SIZES[told.size], device=cpu)
        found = measure(told, folder)
    on = "cpu" if told.device == "cpu" else torch.cuda.get_device_name(told.device)
    print(json.dumps({**vars(told), "on": on, "torch": torch.__version__, **found}, indent=1, default=str))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
