"""What the flow is built like, read without running anything of it."""

from pathlib import Path

import msgspec
import pytest

from tts_core.errors import CheckpointError
from tts_core.flow.config import FlowConfig

RELEASED = """
flow: !new:flow.flow.Flow
  mel_dim: 80
  input_frame_rate: 25
  mel_framerate: 50
  spkr_emb_adaLN: true
  speech_token_cfg: false
  remove_spkr_concat_condition: true
"""


def read(folder: Path, text: str) -> FlowConfig:
    (folder / "config.yaml").write_text(text, "utf-8")
    return FlowConfig.read(folder)


def test_the_released_file_means_the_released_flow(tmp_path: Path) -> None:
    config = read(tmp_path, RELEASED)
    assert config == FlowConfig()
    sizes = (config.width, config.depth, config.heads, config.head_width, config.widening)
    assert sizes == (768, 18, 12, 64, 2)
    assert (config.token_width, config.vocabulary, config.token_blocks) == (512, 100000, 4)
    assert (config.mel_bins, config.tokens_hz, config.frames_hz) == (80, 25, 50)


def test_what_the_file_spells_out_replaces_the_released_values(tmp_path: Path) -> None:
    more = "  trans_dim: 32\n  depth: 2\n  heads: 2\n  dim_head: 16\n  ff_mult: 3\n  speech_token_dim: 16\n"
    config = read(tmp_path, RELEASED + more + "  vocab_size: 32768\n  conv_layers: 1\n  dropout: 0.1\n")
    assert (config.width, config.depth, config.heads, config.head_width, config.widening) == (32, 2, 2, 16, 3)
    assert (config.token_width, config.vocabulary, config.token_blocks) == (16, 32768, 1)


def test_rows_beyond_the_speech_tokens_are_not_counted() -> None:
    assert FlowConfig().token_rows == 32768
    assert FlowConfig(vocabulary=32767).token_rows == 32768
    assert FlowConfig(vocabulary=32).token_rows == 33


def test_tags_are_stripped_and_references_followed(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        __seed: !apply:random.seed [1986]
        rate: !ref <never_used>
        mel_dim: 40
        flow: !new:flow.flow.Flow
          mel_dim: !ref <mel_dim>
          depth: !int 3
          heads: <heads_of_all>
        heads_of_all: 4
        """,
    )
    assert (config.mel_bins, config.depth, config.heads) == (40, 3, 4)


def test_nothing_of_the_file_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    read(tmp_path, f"x: !apply:pathlib.Path.touch [{trace}]\ny: !new:os.system ['touch {trace}']\n{RELEASED}")
    assert not trace.exists()
    with pytest.raises(CheckpointError, match="not YAML"):
        read(tmp_path, f"x: !!python/object/apply:os.system ['touch {trace}']\n{RELEASED}")
    assert not trace.exists()


def test_unknown_keys_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.yaml: long_skip, qk_norm: unknown"):
        read(tmp_path, RELEASED + "  qk_norm: true\n  long_skip: true\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RELEASED + "  depth: many\n", "depth"),
        (RELEASED + "  depth: 0\n", "positive"),
        (RELEASED + "  dim_head: 15\n", "even"),
        (RELEASED.replace("spkr_emb_adaLN: true", "spkr_emb_adaLN: false"), "released form alone"),
        (RELEASED.replace("speech_token_cfg: false", "speech_token_cfg: true"), "released form alone"),
        (RELEASED.replace("condition: true", "condition: false"), "released form alone"),
        ("hift: 1\n", "no section `flow`"),
        ("flow: !ref <nothing>\n", "no section `flow`"),
        ("- 1\n", "not a mapping"),
        ("flow: [", "not YAML"),
    ],
)
def test_another_flow_is_refused_with_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.yaml: there is no such file"):
        FlowConfig.read(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CheckpointError, match="not YAML"):
        FlowConfig.read(tmp_path)


def test_the_reference_checkpoint_is_read(parity: Path) -> None:
    config = FlowConfig.read(parity / "tiny" / "checkpoint" / "flow")
    assert msgspec.structs.replace(config, depth=1) == FlowConfig(
        width=32, depth=1, heads=2, head_width=16, token_width=16, vocabulary=32768, token_blocks=2
    )
