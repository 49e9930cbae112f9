"""The speech tokenizer's configuration: read as released, refused where it asks for the unknown."""

import json
from pathlib import Path

import pytest

from tts_core.errors import CheckpointError
from tts_core.voice.speech_config import SpeechTokenizerConfig


def written(folder: Path, source: Path, **changes: object) -> Path:
    """Copy both files of a folder, with some keys of `config.json` changed."""
    config = json.loads((source / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | changes), "utf-8")
    preprocessor = (source / "preprocessor_config.json").read_bytes()
    (folder / "preprocessor_config.json").write_bytes(preprocessor)
    return folder


@pytest.fixture
def source(small_checkpoint: Path) -> Path:
    return small_checkpoint / "speech_tokenizer"


def test_what_changes_ids_is_read_and_the_rest_let_be(tmp_path: Path, source: Path) -> None:
    config = SpeechTokenizerConfig.read(written(tmp_path, source, dropout=0.1, decoder_layers=32))
    assert (config.quantize_position, config.pooling_kernel_size) == (2, 2)
    assert (config.quantize_causal_block_size, config.encoder_causal_convolution) == (200, True)


def test_no_blocks_are_a_setting_too(tmp_path: Path, source: Path) -> None:
    config = SpeechTokenizerConfig.read(written(tmp_path, source, quantize_causal_block_size=None))
    assert config.quantize_causal_block_size is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder_attention_heads": 5}, "5 heads in a width of 16"),
        ({"encoder_attention_heads": 0}, "a size below 1"),
        ({"quantize_causal_block_size": 0}, "a size below 1"),
        ({"pooling_kernel_size": 0}, "a size below 1"),
        ({"pooling_type": "max"}, "pooling max"),
        ({"activation_function": "relu"}, "activation relu"),
        ({"encoder_causal_attention": True}, "encoder_causal_attention"),
        ({"quantize_causal_encoder": True}, "quantize_causal_encoder"),
        ({"pooling_position": 3}, "pooling after layer 3, codes after 2"),
        ({"quantize_causal_block_size": 5}, "blocks of 5 frames, pooled by 2"),
        ({"d_model": "wide"}, r"d_model"),
        ({"pooling_type": "max", "activation_function": "relu"}, "pooling max; activation relu"),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    tmp_path: Path, source: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        SpeechTokenizerConfig.read(written(tmp_path, source, **changes))
    assert "config.json" in str(caught.value)


def test_a_missing_key_a_missing_file_and_a_damaged_one_are_named(tmp_path: Path, source: Path) -> None:
    written(tmp_path, source)
    path = tmp_path / "config.json"
    path.write_text('{"d_model": 16}', "utf-8")
    with pytest.raises(CheckpointError, match="missing required field"):
        SpeechTokenizerConfig.read(tmp_path)
    path.write_bytes(path.read_bytes()[:7])
    with pytest.raises(CheckpointError, match="damaged"):
        SpeechTokenizerConfig.read(tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match="no such file"):
        SpeechTokenizerConfig.read(tmp_path)


@pytest.mark.parametrize("change", [{"hop_length": 320}, {"feature_size": 80}, {"chunk_length": 15}])
def test_other_features_are_refused(tmp_path: Path, source: Path, change: dict[str, int]) -> None:
    path = written(tmp_path, source) / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(CheckpointError, match="other features"):
        SpeechTokenizerConfig.read(tmp_path)
