"""The model's files are known by what is in them."""

from pathlib import Path

import pytest

from supervisor.edge.modelfiles import model_fingerprint
from supervisor.errors import ConfigError
from supervisor.wire.messages import Setting


def model(folder: Path, weights: bytes = b"weights", table: bytes = b"{}") -> dict[str, Setting]:
    (folder / "ckpt" / "llm").mkdir(parents=True)
    (folder / "ckpt" / "llm" / "model.safetensors").write_bytes(weights)
    (folder / "ckpt" / ".cache").mkdir()
    (folder / "ckpt" / ".cache" / "lock").write_bytes(folder.name.encode())
    (folder / "configs").mkdir()
    (folder / "configs" / "G2P_replace_dict.jsonl").write_bytes(table)
    (folder / "words.jsonl").write_bytes(b"{}")
    return {
        "checkpoint": str(folder / "ckpt"),
        "configs": str(folder / "configs"),
        "lexicon": str(folder / "words.jsonl"),
    }


def test_the_same_files_elsewhere_are_the_same_model(tmp_path: Path) -> None:
    assert model_fingerprint(model(tmp_path / "a")) == model_fingerprint(model(tmp_path / "b"))


def test_other_weights_tables_or_words_are_another(tmp_path: Path) -> None:
    plain = model(tmp_path / "a")
    others = [
        model(tmp_path / "b", weights=b"Weights"),
        model(tmp_path / "c", table=b"{ }"),
        {**plain, "lexicon": ""},
        {**plain, "configs": ""},
        {**plain, "configs": plain["lexicon"], "lexicon": ""},  # the same bytes in another place
    ]
    assert len({model_fingerprint(one) for one in (plain, *others)}) == 6


def test_large_weights_of_one_size_are_told_apart(tmp_path: Path) -> None:
    large = bytes(3 << 20)
    changed = large[: 2 << 20] + b"x" * (1 << 20)
    found = {
        model_fingerprint(model(tmp_path / name, weights=weights))
        for name, weights in (("a", large), ("b", changed), ("c", large + b"x"))
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, r"engine\.glm\.checkpoint is not set.*models get"),
        ({"checkpoint": "/nowhere/ckpt"}, r"engine\.glm\.checkpoint = '/nowhere/ckpt'.*models get"),
    ],
)
def test_a_model_that_is_not_there_is_told_with_the_mend(settings: dict[str, Setting], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        model_fingerprint(settings)


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"engine\.glm\.lexicon = .*no such file or folder$"):
        model_fingerprint(model(tmp_path / "a") | {"lexicon": str(tmp_path / "none")})


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    settings = model(tmp_path / "a")
    # Opens, and fails to be read, whoever asks: memory of a process at an address that is not mapped.
    (tmp_path / "a" / "ckpt" / "llm" / "memory").symlink_to("/proc/self/mem")
    with pytest.raises(ConfigError, match=r"engine\.glm\.checkpoint: .*cannot be read"):
        model_fingerprint(settings)
