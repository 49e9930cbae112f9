"""GLM-TTS on a card: captured steps are the ordinary ones; at the release's widths it keeps to its figures.

The slow ones write a checkpoint of 7.3 GB and take some minutes each; their figures are told by `-s`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from benchmarks import gpu_glm
from benchmarks.glm_random import SIZES, random_voice, write_random_checkpoint
from tests.gpu.card import Card
from tests.processes.narration import tell
from tests.tree import ROOT
from tests.tts_core.lm.models import AUDIO, IDS, PROMPT, TEXT, biased, random_ids, random_llama
from tts_core.checkpoint import Checkpoint
from tts_core.lm.cache import KvCache
from tts_core.lm.generation import generate
from tts_core.lm.graphs import StepGraphs, windows
from tts_core.lm.llama import Llama
from tts_core.lm.sampling import Ras
from tts_core.manner import Manner
from tts_core.parts import Parts
from tts_core.synthesizer import Synthesizer

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")

Figures = dict[str, object]


# ------------------------------------------------------------------ captured steps


def on_card(llama: Llama) -> Llama:
    llama.join(CUDA, llama.dtype)
    return llama


def room(llama: Llama, capacity_tokens: int = 700) -> KvCache:
    return KvCache(llama.config, capacity_tokens, device=CUDA, dtype=llama.dtype)


@pytest.mark.gpu
def test_captured_steps_are_the_ordinary_ones_in_every_window(card: Card) -> None:
    del card
    llama = on_card(random_llama())
    captured, ordinary = room(llama), room(llama)
    assert windows(captured.capacity_tokens) == [256, 512, captured.capacity_tokens]
    graphs = StepGraphs(llama, captured, AUDIO)
    ids = random_ids(captured.capacity_tokens).to(CUDA)
    for cache in (captured, ordinary):
        llama.prefill(ids[:, :200], cache, AUDIO)
    for at in range(200, captured.capacity_tokens):
        found = graphs.step(int(ids[0, at]), captured.take_room(1))
        captured.length = at + 1
        expected = llama.step(ids[:, at : at + 1], ordinary, AUDIO)
        assert torch.allclose(found, expected, atol=1e-3), at


@pytest.mark.gpu
def test_captures_one_after_another_leave_what_was_captured_before_as_it_was(card: Card) -> None:
    """Workspaces and pools of one capture must not be those of another: forty outnumber torch's streams."""
    del card
    llama = on_card(random_llama())
    first = room(llama)
    graphs = StepGraphs(llama, first, AUDIO)
    llama.prefill(random_ids(20).to(CUDA), first, AUDIO)
    before = graphs.step(7, 20).clone()
    reserved = 0
    for turn in range(40):
        StepGraphs(llama, room(llama), AUDIO)
        torch.ones(512, 512, device=CUDA).mm(torch.full((512, 512), float(turn), device=CUDA))
        if turn == 5:
            reserved = torch.cuda.memory_reserved()
    assert torch.equal(graphs.step(7, 20), before)
    assert torch.cuda.memory_reserved() <= reserved + 2**21


@pytest.mark.gpu
def test_with_and_without_a_cache_the_same_tokens_on_the_card(card: Card) -> None:
    del card
    llama = on_card(biased(random_llama(), audio=6.0, end=3.0))
    cache = room(llama)
    for seed in range(4):
        found = [
            list(
                generate(
                    llama,
                    one,
                    IDS,
                    PROMPT,
                    TEXT,
                    sampler=Ras(),
                    generator=torch.Generator(CUDA).manual_seed(seed),
                    cap_ends=True,
                )
            )
            for one in (cache, cache, None)
        ]
        assert found[0] == found[1] == found[2]
        assert len(found[0]) >= 2 * len(TEXT)


@pytest.mark.gpu
def test_the_same_seed_gives_the_same_bytes_on_the_card_whatever_was_spoken_before(
    card: Card, tmp_path: Path
) -> None:
    del card
    folder = write_random_checkpoint(tmp_path, SIZES["tiny"], device=CPU)

    def opened() -> Synthesizer:
        parts = Parts(Checkpoint(folder), None, "bf16")
        parts.move(CUDA)
        parts.get_ready()
        return Synthesizer(parts)

    def said(synthesizer: Synthesizer, length: int, rate_hz: int) -> Tensor:
        cut = gpu_glm.ids_of(length, gpu_glm.random.Random(length))
        manner = Manner(sample_rate_hz=rate_hz, cap_fails=False)
        pieces = synthesizer.speak_cuts([cut], random_voice(""), seed=3, manner=manner)
        return torch.cat([piece.samples for piece in pieces])

    alone = {(length, hz): said(opened(), length, hz) for length in (3, 9) for hz in (24_000, 32_000)}
    one = opened()
    for _ in range(3):
        for (length, hz), expected in alone.items():
            assert torch.equal(said(one, length, hz), expected)


# ------------------------------------------------------------------ the benchmark runs where there is no card


@pytest.mark.timeout(300)
def test_the_measuring_itself_runs_on_the_cpu(tmp_path: Path) -> None:
    folder = write_random_checkpoint(tmp_path, SIZES["tiny"], device=CPU)
    short = ["--segments", "2", "--longest", "2", "--turns", "1", "--no-plain"]
    told = gpu_glm.parser().parse_args(["--device", "cpu", "--precision", "fp32", *short])
    found = gpu_glm.measure(told, folder)
    assert number(found, "memory", "segments") == 2
    assert number(found, "budget", "failed") == 0
    assert number(found, "lm", "ms_a_token") > 0


def number(found: Figures, *path: str) -> float:
    """Return one of the figures, by the names on the way to it."""
    *way, last = path
    for name in way:
        found = cast("Figures", found[name])
    at = found[last]
    assert isinstance(at, int | float)
    return float(at)


# ------------------------------------------------------------------ at the release's widths


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint, where there is a card."""
    if not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} finds no CUDA")
    return write_random_checkpoint(tmp_path_factory.mktemp("full"), SIZES["full"], device=CPU)


def measured(folder: Path, *told: str) -> Figures:
    """In a process of its own, whose context and peaks are nobody else's."""
    command = [sys.executable, "-m", "benchmarks.gpu_glm", "--checkpoint", os.fspath(folder), *told]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    tell(done.stdout)
    return cast("Figures", json.loads(done.stdout[done.stdout.index("{\n") :]))


@pytest.fixture(scope="module")
def at_24_khz(full: Path) -> Figures:
    return measured(full, "--rate", "24000", "--segments", "500")


@pytest.fixture(scope="module")
def at_32_khz(full: Path) -> Figures:
    return measured(full, "--rate", "32000", "--segments", "60", "--no-plain")


SLOW = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(1500)]
_RATES = [
    pytest.param("at_24_khz", 4.3, id="24 kHz", marks=SLOW),
    pytest.param("at_32_khz", 4.6, id="32 kHz", marks=SLOW),
]


@pytest.mark.parametrize(("run", "most_gib"), _RATES)
def test_the_peak_is_what_was_promised(request: pytest.FixtureRequest, run: str, most_gib: float) -> None:
    found: Figures = request.getfixturevalue(run)
    assert number(found, "memory", "most_used_gib") <= most_gib


@pytest.mark.parametrize(("run", "most_gib"), _RATES)
def test_memory_does_not_grow(request: pytest.FixtureRequest, run: str, most_gib: float) -> None:
    del most_gib
    found: Figures = request.getfixturevalue(run)
    for what in ("memory", "sentences"):
        assert number(found, what, "growth_mib", "used") <= 64
        assert number(found, what, "growth_mib", "allocated") <= 1


@pytest.mark.parametrize(("run", "most_gib"), _RATES)
def test_a_budget_of_6_gib_holds(request: pytest.FixtureRequest, run: str, most_gib: float) -> None:
    del most_gib
    found: Figures = request.getfixturevalue(run)
    assert number(found, "budget", "failed") == 0


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_token_takes_a_fifth_of_the_plain_loop_and_a_sentence_is_heard_at_once(at_24_khz: Figures) -> None:
    ours = number(at_24_khz, "lm", "ms_a_token")
    assert number(at_24_khz, "plain_float32", "ms_a_token") >= 5 * ours
    assert number(at_24_khz, "plain_as_ours", "ms_a_token") >= 5 * ours
    assert number(at_24_khz, "first_audio_ms") <= 300
    if "H200" in torch.cuda.get_device_name():
        assert ours <= 1.5
