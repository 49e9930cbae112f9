"""The checkpoint's folder: what is missing is named at once, and folders are told apart."""

import shutil
from pathlib import Path

import pytest

from tests.tts_core.small_checkpoint import make_small_checkpoint
from tts_core.checkpoint import VOCODERS, Checkpoint
from tts_core.errors import CheckpointError


@pytest.fixture
def copied(small_checkpoint: Path, tmp_path: Path) -> Checkpoint:
    return Checkpoint(Path(shutil.copytree(small_checkpoint, tmp_path / "ckpt")))


@pytest.mark.parametrize("rate_hz", [None, *VOCODERS])
def test_a_whole_checkpoint_lacks_nothing(small_checkpoint: Path, rate_hz: int | None) -> None:
    assert Checkpoint(small_checkpoint).missing(rate_hz) == []


def test_the_reference_checkpoint_lacks_its_24_khz_vocoder_alone(parity: Path) -> None:
    checkpoint = Checkpoint(parity / "tiny" / "checkpoint")
    assert checkpoint.missing(32000) == []
    assert [line.split(":")[0] for line in checkpoint.missing(24000)] == [str(checkpoint.hift)]


def test_every_part_that_is_missing_is_named_at_once(copied: Checkpoint) -> None:
    gone = [path for path in (*copied.files(24000), *copied.shards()) if path.name != copied.llm.name]
    for path in gone:
        path.unlink()
    said = copied.missing(24000)
    # Without its index the language model is looked for in one file.
    gone = [path for path in gone if path.name.count("-of-") == 0 and not path.name.endswith("index.json")]
    assert len(said) == len(gone) + 1
    assert all(any(line.startswith(f"{path}: ") for line in said) for path in gone)
    assert all("models get" in line for line in said)


def test_a_missing_shard_is_named(copied: Checkpoint) -> None:
    copied.shards()[1].unlink()
    (said,) = copied.missing(None)
    assert "model-00002-of-00002.safetensors: there is no such file" in said


@pytest.mark.parametrize(
    "name", ["llm/model-00001-of-00002.safetensors", "speech_tokenizer/model.safetensors"]
)
@pytest.mark.parametrize("kept_bytes", [-1, 400, 20, 8, 3])
def test_a_safetensors_file_that_was_cut_short_is_named(
    copied: Checkpoint, name: str, kept_bytes: int
) -> None:
    path = copied.folder / name
    path.write_bytes(path.read_bytes()[:kept_bytes])
    (said,) = copied.missing(None)
    assert said.startswith(str(path))


@pytest.mark.parametrize("name", ["flow/flow.pt", "hift/hift.pt"])
@pytest.mark.parametrize("kept_bytes", [-30, 1000, 0])
def test_an_archive_of_torch_that_was_cut_short_is_named(
    copied: Checkpoint, name: str, kept_bytes: int
) -> None:
    path = copied.folder / name
    path.write_bytes(path.read_bytes()[:kept_bytes])
    (said,) = copied.missing(24000)
    assert said.startswith(str(path))


def test_a_pointer_of_git_lfs_is_told_from_a_damaged_file(copied: Checkpoint) -> None:
    (copied.flow / "flow.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    (said,) = copied.missing(None)
    assert "git lfs pull" in said


def test_a_folder_that_is_not_there_is_one_fault(tmp_path: Path) -> None:
    (said,) = Checkpoint(tmp_path / "nowhere").missing(24000)
    assert "no such folder" in said


def test_a_rate_that_the_model_does_not_speak_at_is_refused(small_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="24000 or 32000"):
        Checkpoint(small_checkpoint).missing(16000)


def test_an_index_that_is_none_is_named(copied: Checkpoint) -> None:
    index = copied.llm / "model.safetensors.index.json"
    index.write_text("[]")
    with pytest.raises(CheckpointError, match=r"index\.json"):
        copied.shards()
    assert [line.split(":")[0] for line in copied.missing(None)] == [str(index)]


def test_in_a_checkout_the_speaker_encoder_lies_beside_the_folder(copied: Checkpoint) -> None:
    before = copied.identity()
    shutil.move(copied.folder / "frontend", copied.folder.parent / "frontend")
    assert copied.campplus == copied.folder.parent / "frontend" / "campplus.onnx"
    assert copied.missing(24000) == []
    assert copied.identity() == before


def test_the_identity_is_of_the_files_and_not_of_their_place(
    small_checkpoint: Path, copied: Checkpoint
) -> None:
    (copied.folder / "README.md").write_text("of no part")
    assert copied.identity() == Checkpoint(small_checkpoint).identity()
    assert copied.voice_identity() == Checkpoint(small_checkpoint).voice_identity()


def test_other_weights_of_the_same_shapes_have_another_identity(
    small_checkpoint: Path, tmp_path: Path
) -> None:
    other, same = Checkpoint(make_small_checkpoint(tmp_path, seed=1)), Checkpoint(small_checkpoint)
    assert other.identity() != same.identity()
    assert other.voice_identity() != same.voice_identity()


def test_another_language_model_leaves_what_voices_were_made_by(copied: Checkpoint) -> None:
    before, voices_before = copied.identity(), copied.voice_identity()
    shard = copied.shards()[0]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert copied.identity() != before
    assert copied.voice_identity() == voices_before


def test_a_vocoder_may_be_missing_from_what_is_identified(copied: Checkpoint) -> None:
    before = copied.identity()
    copied.hift.unlink()
    assert copied.identity() not in {before, ""}
    copied.campplus.unlink()
    with pytest.raises(CheckpointError, match=r"campplus\.onnx"):
        copied.identity()
