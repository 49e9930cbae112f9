"""The flow from its folder: strict, no more of it than is used, no copies."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.tts_core.flow.small import CPU, chance, drawn_weights, saying
from tts_core.errors import CheckpointError, WeightsError
from tts_core.flow.config import FlowConfig
from tts_core.flow.loading import load_flow

TABLE = "estimator.text_emb_layer.text_embed.weight"
SPEEDS = "estimator.rotary_embed.inv_freq"

#: A vocabulary as in the release: three times as many rows as there are speech tokens.
TEXT = """
flow: !new:flow.flow.Flow
  mel_dim: 80
  trans_dim: 48
  depth: 2
  heads: 3
  dim_head: 12
  speech_token_dim: 10
  conv_layers: 2
"""
CONFIG = FlowConfig(width=48, depth=2, heads=3, head_width=12, token_width=10, token_blocks=2)


def as_released(seed: int = 0) -> dict[str, Tensor]:
    weights = drawn_weights(CONFIG, seed=seed)
    unreached = torch.full((100001 - 32768, CONFIG.token_width), float("nan"))
    return {**weights, TABLE: torch.cat((weights[TABLE], unreached))}


def written(folder: Path, weights: object, text: str = TEXT) -> Path:
    (folder / "config.yaml").write_text(text, "utf-8")
    torch.save(weights, folder / "flow.pt")
    return folder


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_folder_is_loaded_with_its_weights_bare_or_under_a_key(tmp_path: Path, wrapped: bool) -> None:
    weights = as_released()
    flow = load_flow(written(tmp_path, {"model": weights} if wrapped else weights), device=CPU)
    said = saying(tokens=5, config=CONFIG)
    found = flow.mel(
        said.tokens,
        prompt_tokens=said.prompt_tokens,
        prompt_mel=said.prompt_mel,
        embedding=said.embedding,
        generator=chance(0),
    )
    assert bool(found.isfinite().all())


def test_rows_that_no_token_reaches_are_not_held(tmp_path: Path) -> None:
    weights = as_released()
    flow = load_flow(written(tmp_path, weights), device=CPU)
    reached = sum(one.numel() for name, one in weights.items() if name != TABLE) + 32768 * 10
    assert flow.held_bytes == 4 * reached


def test_the_last_speech_token_has_its_own_row(tmp_path: Path) -> None:
    weights = as_released()
    flow = load_flow(written(tmp_path, weights), device=CPU)
    table = flow._dit.estimator.text_emb_layer.text_embed.weight  # pyright: ignore[reportPrivateUsage] -- no other way to see it
    assert torch.equal(table, weights[TABLE][:32768])


def test_a_table_that_lies_otherwise_in_its_file_is_cut_as_well(tmp_path: Path) -> None:
    weights = as_released()
    plain = load_flow(written(tmp_path, weights), device=CPU)
    weights[TABLE] = weights[TABLE].T.contiguous().T
    turned = load_flow(written(tmp_path, weights), device=CPU)
    assert turned.held_bytes == plain.held_bytes


def test_the_turning_speeds_stay_exact_in_bfloat16(tmp_path: Path) -> None:
    weights = as_released()
    flow = load_flow(written(tmp_path, weights), device=CPU, dtype=torch.bfloat16)
    speeds = flow._dit.estimator.rotary_embed.inv_freq  # pyright: ignore[reportPrivateUsage] -- no other way to see it
    assert torch.equal(speeds, weights[SPEEDS])
    assert flow._dit.dtype is torch.bfloat16  # pyright: ignore[reportPrivateUsage] -- the same


def test_everything_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    weights = as_released()
    del weights[SPEEDS]
    weights["estimator.proj_out.weight"] = torch.zeros(80, 47)
    weights["estimator.extra"] = torch.zeros(1)
    weights[TABLE] = weights[TABLE][:500]
    with pytest.raises(WeightsError) as seen:
        load_flow(written(tmp_path, weights), device=CPU)
    assert seen.value.missing == [SPEEDS]
    assert seen.value.unexpected == ["estimator.extra"]
    assert [line.split()[0] for line in seen.value.wrong_shape] == ["estimator.proj_out.weight", TABLE]


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, as_released())
    whole = (folder / "flow.pt").read_bytes()
    (folder / "flow.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"flow\.pt: damaged or cut short"):
        load_flow(folder, device=CPU)


def test_the_small_checkpoint_is_loaded(small_checkpoint: Path) -> None:
    assert load_flow(small_checkpoint / "flow", device=CPU).device == CPU


def test_the_reference_checkpoint_is_loaded(parity: Path) -> None:
    flow = load_flow(parity / "tiny" / "checkpoint" / "flow", device=CPU)
    assert flow.held_bytes < 3 * 2**20
