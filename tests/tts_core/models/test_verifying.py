"""What was downloaded is looked at part by part; every fault is in the report, and so is what was seen."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tts_core.models.conftest import Models
from tts_core.checkpoint import Checkpoint
from tts_core.models.canary import Order
from tts_core.models.verifying import Report, verify

Verify = Callable[..., Report]


@pytest.fixture
def copied(small_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_checkpoint, tmp_path / "ckpt"))


@pytest.fixture
def looked(text_cache: Path, small_configs: Path) -> Verify:
    def run(folder: Path, *, canary: bool = False, sample_rate_hz: int = 24000, **more: Path) -> Report:
        order = Order(
            checkpoint=Checkpoint(folder),
            configs=more.get("configs", small_configs),
            sample_rate_hz=sample_rate_hz,
            device="cpu",
            cache=text_cache,
            reference=more.get("reference"),
            reference_text="一段录音。",
        )
        return verify(order, canary=canary)

    return run


@pytest.mark.timeout(180)  # the grammars are built once, where they never were
def test_a_whole_checkpoint_speaks_its_canary(
    looked: Verify, small_checkpoint: Path, small_reference: Path
) -> None:
    report = looked(small_checkpoint, canary=True)
    assert report.faults == []
    other = looked(small_checkpoint, canary=True, sample_rate_hz=32000, reference=small_reference)
    assert other.faults == []
    assert other.canary is not None
    assert report.canary is not None
    assert report.canary.seconds > 0.5
    assert 0.01 < report.canary.loudest < 1.0
    assert report.identity == Checkpoint(small_checkpoint).identity()
    assert {check.name for check in report.checks} >= {
        *("files", "text tokenizer", "language model", "speech tokenizer", "speaker encoder", "flow"),
        *("vocoder 24000 Hz", "vocoder 32000 Hz", "tables", "canary"),
    }


def test_a_report_can_be_read_by_people_and_by_programs(looked: Verify, small_checkpoint: Path) -> None:
    report = looked(small_checkpoint)
    text, value = report.as_text(), report.as_json()
    assert value["ok"] is True
    assert f"identity {report.identity}" in text
    assert "torch " in text
    assert text.count("\nok  ") == len(report.checks)
    assert {"path": "hift/hift.pt", "bytes": (small_checkpoint / "hift" / "hift.pt").stat().st_size} in [
        *report.as_json()["files"]  # pyright: ignore[reportGeneralTypeIssues] -- a list, in JSON
    ]


def test_faults_of_several_parts_are_all_in_one_report(looked: Verify, copied: Path) -> None:
    (copied / "frontend" / "campplus.onnx").write_bytes(b"\x08nothing of the kind")
    shard = copied / "llm" / "model-00002-of-00002.safetensors"
    tensors = load_file(shard)
    tensors["model.norm.weight"] = torch.ones(33)
    tensors["model.of_another.weight"] = torch.ones(1)
    save_file(tensors, shard)
    dictionary = torch.load(copied / "hift" / "hift.pt", weights_only=True)
    del dictionary["conv_post.bias"]
    torch.save(dictionary, copied / "hift" / "hift.pt")
    (copied / "vocos2d" / "generator_jit.ckpt").unlink()
    config = copied / "flow" / "config.yaml"
    config.write_text(config.read_text().replace("depth: 2", "depth: 3"))
    report = looked(copied, canary=True)
    faults = "\n".join(report.faults)
    for name in ("speaker encoder: ", "language model: ", "vocoder 24000 Hz: ", "flow: "):
        assert name in faults
    for said in ("model.norm.weight (33,) instead of (32,)", "model.of_another.weight", "conv_post.bias"):
        assert said in faults
    assert "transformer_blocks.2" in faults
    assert report.canary is None
    assert report.as_json()["ok"] is False


def test_parts_that_are_missing_are_named(looked: Verify, copied: Path) -> None:
    shutil.rmtree(copied / "speech_tokenizer")
    (copied / "flow" / "flow.pt").unlink()
    report = looked(copied)
    assert report.identity is None
    faults = "\n".join(report.faults)
    assert "speech_tokenizer/config.json: there is no such file" in faults
    assert "flow/flow.pt: there is no such file" in faults
    assert not any("Error:" in fault for fault in report.faults)


def test_an_empty_folder_is_told_and_no_traceback(looked: Verify, tmp_path: Path) -> None:
    report = looked(tmp_path / "nowhere")
    assert "no such folder" in report.faults[0]
    assert not any("attach this report" in fault for fault in report.faults)


def test_the_other_vocoder_may_be_missing_and_that_is_told(looked: Verify, copied: Path) -> None:
    (copied / "vocos2d" / "generator_jit.ckpt").unlink()
    assert looked(copied).faults == []
    assert "nothing can be spoken at 32000 Hz" in looked(copied).as_text()
    assert "generator_jit.ckpt" in "\n".join(looked(copied, sample_rate_hz=32000).faults)


def test_a_language_model_of_another_tokenizer_is_a_fault(looked: Verify, copied: Path) -> None:
    path = copied / "vq32k-phoneme-tokenizer" / "tokenizer_config.json"
    said = json.loads(path.read_text("utf-8"))
    added = said["added_tokens_decoder"]
    said["added_tokens_decoder"] = {str(int(at) + 100): one for at, one in added.items()}
    filler = {str(256 + at): {"content": f"<|filler_{at}|>", "special": True} for at in range(100)}
    said["added_tokens_decoder"] |= filler
    path.write_text(json.dumps(said), "utf-8")
    (fault,) = looked(copied).faults
    assert "has 33280 rows, and the tokenizer's ids go to 33350" in fault


def test_phonemes_that_the_tokenizer_does_not_know_are_a_fault(looked: Verify, copied: Path) -> None:
    config = copied / "vq32k-phoneme-tokenizer" / "tokenizer_config.json"
    config.write_text(config.read_text("utf-8").replace("<|ZH|>", "<|ZX|>"), "utf-8")
    assert any("<|ZH|> are not one id" in fault for fault in looked(copied).faults)


def test_tables_in_the_checkpoint_are_found_and_none_is_no_fault(
    copied: Path, small_configs: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_configs, copied / "configs")
    order_without = Order(
        checkpoint=Checkpoint(copied), configs=None, sample_rate_hz=24000, device="cpu", cache=tmp_path
    )
    assert "becomes <|CH|>" in verify(order_without, canary=False).as_text()
    shutil.rmtree(copied / "configs")
    report = verify(order_without, canary=False)
    assert report.faults == []
    assert "phonemes cannot be used" in report.as_text()


def test_a_table_that_is_damaged_is_a_fault(looked: Verify, copied: Path, small_configs: Path) -> None:
    shutil.copytree(small_configs, copied / "configs")
    (copied / "configs" / "G2P_able_1word.json").write_text("[")
    report = looked(copied, configs=copied / "configs")
    assert [fault.split(":")[0] for fault in report.faults] == ["tables"]


def test_a_file_that_is_not_as_it_was_fetched_is_a_fault(looked: Verify, get: Models, tmp_path: Path) -> None:
    assert get(tmp_path).returncode == 0
    assert "hash to what their publisher promised" in looked(tmp_path).as_text()
    weights = tmp_path / "speech_tokenizer" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    (fault,) = looked(tmp_path).faults
    assert fault.startswith("files: speech_tokenizer/model.safetensors: not as fetched; run")
