"""Folders as they are downloaded, whole or in shards, and what is said of those that are not."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.tts_core.lm.models import CPU, config_json, random_ids, random_llama, write_checkpoint
from tts_core.errors import CheckpointError, WeightsError
from tts_core.lm.loading import load_llama

INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shards", [1, 3])
def test_what_was_written_is_loaded(tmp_path: Path, *, shards: int, tied: bool) -> None:
    llama = random_llama(tied=tied)
    loaded = load_llama(
        write_checkpoint(tmp_path / "llm", llama, shards=shards), device=CPU, dtype=torch.float32
    )
    ids = random_ids(10)
    assert torch.equal(loaded.logits(ids), llama.logits(ids))


def test_it_is_loaded_in_the_type_that_is_asked_for(tmp_path: Path) -> None:
    loaded = load_llama(write_checkpoint(tmp_path / "llm", random_llama()), device=CPU, dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    assert loaded.device == CPU


def test_what_older_writers_add_is_dropped(tmp_path: Path) -> None:
    llama = random_llama(tied=True)
    folder = write_checkpoint(tmp_path / "llm", llama)
    file = folder / "model.safetensors"
    added = {
        "lm_head.weight": torch.zeros(256, 64),
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8),
    }
    save_file(llama.state_dict() | added, file)
    ids = random_ids(10)
    loaded = load_llama(folder, device=CPU, dtype=torch.float32)
    assert torch.equal(loaded.logits(ids), llama.logits(ids))


def test_a_missing_and_a_foreign_and_a_wrong_tensor_are_all_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "llm", random_llama())
    file = folder / "model.safetensors"
    tensors = random_llama().state_dict()
    del tensors["lm_head.weight"]
    tensors["model.extra.weight"] = torch.zeros(1)
    tensors["model.norm.weight"] = torch.zeros(63)
    save_file(tensors, file)
    with pytest.raises(WeightsError) as caught:
        load_llama(folder, device=CPU, dtype=torch.float32)
    assert caught.value.missing == ["lm_head.weight"]
    assert caught.value.unexpected == ["model.extra.weight"]
    assert len(caught.value.wrong_shape) == 1


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "llm", random_llama(), shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00003"):
        load_llama(folder, device=CPU, dtype=torch.float32)


def test_a_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "llm", random_llama())
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="cut short"):
        load_llama(folder, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (b"{", "not an index"),
        (json.dumps({"weight_map": {"a": "../../secret.safetensors"}}).encode(), "no files of its folder"),
        (json.dumps({"weight_map": {}}).encode(), "no files"),
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: bytes, words: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config_json()), "utf-8")
    (tmp_path / INDEX).write_bytes(index)
    with pytest.raises(CheckpointError, match=words):
        load_llama(tmp_path, device=CPU, dtype=torch.float32)


def test_a_folder_without_weights_says_which_file_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config_json()), "utf-8")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_llama(tmp_path, device=CPU, dtype=torch.float32)
