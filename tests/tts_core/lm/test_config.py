"""What `config.json` may say, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.tts_core.lm.models import config, config_json
from tts_core.errors import CheckpointError
from tts_core.lm.config import LmConfig


def written(folder: Path, **changed: object) -> Path:
    said = {**config_json(), **changed}
    (folder / "config.json").write_text(json.dumps({k: v for k, v in said.items() if v != "gone"}), "utf-8")
    return folder


def test_what_older_files_say_is_read(tmp_path: Path) -> None:
    assert LmConfig.read(written(tmp_path)) == config()


def test_what_newer_files_say_of_the_rotation_is_read(tmp_path: Path) -> None:
    rope = {"rope_theta": 500.0, "rope_type": "default"}
    found = LmConfig.read(written(tmp_path, rope_theta="gone", rope_parameters=rope))
    assert found.rope_theta == 500.0


def test_a_width_of_heads_that_is_said_counts(tmp_path: Path) -> None:
    assert LmConfig.read(written(tmp_path, head_dim=24)).head_dim == 24


def test_without_shared_heads_each_query_has_its_own(tmp_path: Path) -> None:
    assert LmConfig.read(written(tmp_path, num_key_value_heads="gone")).num_key_value_heads == 4


def test_a_file_that_says_nothing_of_ties_has_none(tmp_path: Path) -> None:
    assert not LmConfig.read(written(tmp_path, tie_word_embeddings="gone")).tie_word_embeddings


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model_type": "mixtral"}, "mixtral"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"attention_bias": True}, "bias"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "llama3"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "linear"),
        ({"num_key_value_heads": 3}, "3 key heads"),
        ({"num_hidden_layers": 0}, "below 1"),
        ({"vocab_size": "many"}, "vocab_size"),
        ({"hidden_size": "gone"}, "hidden_size"),
        ({"head_dim": 15}, "odd"),
    ],
)
def test_another_model_is_refused_by_what_is_other(
    tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    with pytest.raises(CheckpointError, match=words):
        LmConfig.read(written(tmp_path, **changed))


def test_no_file_and_no_json_are_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        LmConfig.read(tmp_path)
    (tmp_path / "config.json").write_bytes(b"<html>")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        LmConfig.read(tmp_path)
