"""The dump: what the model's own batch would have made of an item, stage by stage."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tts_core.__main__ import main
from tts_core.dumping import read_item
from tts_core.errors import SettingError

# Whole utterances, and where all cores are busy they take their time.
pytestmark = pytest.mark.timeout(120)

STAGES = ("prompt_text", "prompt_speech", "prompt_feat", "embedding", "tokens", "mel")

#: Where results go, and where grammars are kept.
Place = tuple[Path, Path]


@pytest.fixture
def place(tmp_path: Path, text_cache: Path) -> Place:
    return tmp_path, text_cache


@pytest.mark.parametrize(("rate_hz", "phonemes"), [(24_000, False), (32_000, False), (32_000, True)])
def test_it_agrees_with_the_reference(parity: Path, place: Place, rate_hz: int, phonemes: bool) -> None:
    wanted = load_file(parity / "tiny" / "expected" / f"{rate_hz}{'_ph' if phonemes else ''}.safetensors")
    found = dumped(
        parity / "tiny" / "checkpoint",
        parity / "tiny" / "inputs.json",
        parity / "tiny" / "reference.wav",
        place,
        *("--sample-rate", str(rate_hz), "--configs", str(parity / "configs")),
        *(["--phonemes"] if phonemes else []),
    )
    for name in ("prompt_text", "prompt_speech", "tokens"):
        assert torch.equal(found[name], wanted[name]), name
        assert found[name].dtype == wanted[name].dtype
    for name in ("embedding", "prompt_feat", "mel"):
        frames = wanted[name].shape[-1]
        assert (found[name][..., :frames] - wanted[name]).abs().max() < 1e-3, name
    if "wav" in wanted:
        samples = wanted["wav"].shape[-1]
        assert (found["wav"][..., :samples] - wanted["wav"].float()).abs().max() < 1e-3


def dumped(checkpoint: Path, item: Path, reference: Path, place: Place, *more: str) -> dict[str, Tensor]:
    folder, cache = place
    out = folder / "out.safetensors"
    words = ["dump", str(checkpoint), "--item", str(item), "--reference", str(reference), "-o", str(out)]
    assert main([*words, "--cache", str(cache), *more]) == 0
    return load_file(out)


@pytest.fixture
def item(tmp_path: Path) -> Path:
    path = tmp_path / "item.json"
    content = {"seed": 5, "prompt_text": "Hello there.", "text": "The ferry leaves. 我最爱吃人参果！" * 3}
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_a_clone_without_the_reference_can_dump_too(
    small_checkpoint: Path,
    small_reference: Path,
    item: Path,
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for rate_hz in (24_000, 32_000):
        found = dumped(small_checkpoint, item, small_reference, place, "--sample-rate", str(rate_hz))
        assert set(found) == {*STAGES, "wav"}
        assert found["wav"].shape == (1, found["mel"].shape[2] * rate_hz // 50)
        assert found["prompt_feat"].shape == (1, 200, 80)
        assert "tokens         int64" in capsys.readouterr().out


def test_without_a_vocoder_all_but_the_wave_is_written(
    small_checkpoint: Path, small_reference: Path, item: Path, place: Place
) -> None:
    folder = place[0] / "ckpt"
    folder.mkdir()
    for part in small_checkpoint.iterdir():
        if part.name != "hift":
            (folder / part.name).symlink_to(part)
    found = dumped(folder, item, small_reference, place)
    whole = dumped(small_checkpoint, item, small_reference, place)
    assert set(whole) - set(found) == {"wav"}
    assert torch.equal(found["mel"], whole["mel"])


def test_what_is_no_item_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        read_item(tmp_path / "none.json")
    path = tmp_path / "item.json"
    path.write_text('{"text": 3}')
    with pytest.raises(SettingError, match="is no item"):
        read_item(path)
    words = ["dump", str(tmp_path), "--item", str(path), "--reference", "x.wav", "-o", "x"]
    assert main(words) == 1
    assert "is no item" in capsys.readouterr().err
    for seed in (2**64, -(2**63) - 1):
        path.write_text(json.dumps({"seed": seed, "prompt_text": "a", "text": "b"}))
        with pytest.raises(SettingError, match=f"seed {seed}"):
            read_item(path)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(
    tmp_path: Path, item: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in (tmp_path, tmp_path / "none" / "out.safetensors"):
        words = ["dump", str(tmp_path), "--item", str(item), "--reference", "x.wav", "-o", str(out)]
        assert main(words) == 1
        assert "cannot be written" in capsys.readouterr().err


def test_no_prompt_text_is_a_full_stop_as_the_reference_has_it(
    small_checkpoint: Path, small_reference: Path, tmp_path: Path, place: Place
) -> None:
    item = tmp_path / "item.json"
    found: list[Tensor] = []
    for prompt_text in ("", "."):
        item.write_text(json.dumps({"prompt_text": prompt_text, "text": "Yes."}), "utf-8")
        found.append(dumped(small_checkpoint, item, small_reference, place)["prompt_text"])
    assert torch.equal(*found)
    assert found[0].tolist() == [[*b". "]]
