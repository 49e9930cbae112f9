"""What tells one checkout of GLM-TTS from another, without reading nine gigabytes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.edge.checkout import checkout_fingerprint
from supervisor.errors import ConfigError

LARGE_BYTES = 8 * 2**20


def written(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "GLM-TTS"
    written(root / "glmtts_inference.py")
    written(root / "llm" / "glmtts.py")
    written(root / "configs" / "G2P_able_1word.json", b"{}")
    written(root / "frontend" / "campplus.onnx", b"onnx")
    written(root / "ckpt" / "llm" / "model.safetensors", os.urandom(LARGE_BYTES))
    return root


def changed_within(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


WEIGHTS = "ckpt/llm/model.safetensors"
COUNTS: dict[str, Callable[[Path], object]] = {
    "code": lambda root: written(root / "llm" / "glmtts.py", b"y"),
    "new code": lambda root: written(root / "llm" / "new.py", b""),
    "a table": lambda root: written(root / "configs" / "G2P_able_1word.json", b"[]"),
    "a part that is gone": lambda root: (root / "frontend" / "campplus.onnx").unlink(),
    "a part of another name": lambda root: (root / WEIGHTS).rename(root / "ckpt" / "llm" / "model.bin"),
    "weights of another size": lambda root: os.truncate(root / WEIGHTS, LARGE_BYTES - 1),
    "their first byte": lambda root: changed_within(root / WEIGHTS, 0),
    "their last byte": lambda root: changed_within(root / WEIGHTS, LARGE_BYTES - 1),
    "other weights of the same size": lambda root: written(root / WEIGHTS, os.urandom(LARGE_BYTES)),
}
DOES_NOT: dict[str, Callable[[Path], object]] = {
    "results": lambda root: written(root / "outputs" / "pretrain_test" / "a.wav"),
    "a recording": lambda root: written(root / "examples" / "prompt" / "a.wav"),
    "notes": lambda root: written(root / "README.md", b"other words"),
    "what Python keeps": lambda root: written(root / "llm" / "__pycache__" / "glmtts.cpython-311.pyc"),
    "git": lambda root: written(root / ".git" / "hooks" / "hook.py"),
    "an environment": lambda root: (
        written(root / "venv" / "pyvenv.cfg"), written(root / "venv" / "lib" / "x.py")
    ),
    "times": lambda root: os.utime(root / WEIGHTS, (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("what", COUNTS)
def test_what_decides_audio_counts(root: Path, what: str) -> None:
    before = checkout_fingerprint(str(root))
    COUNTS[what](root)
    assert checkout_fingerprint(str(root)) != before


@pytest.mark.parametrize("what", DOES_NOT)
def test_what_decides_none_does_not_count(root: Path, what: str) -> None:
    before = checkout_fingerprint(str(root))
    DOES_NOT[what](root)
    assert checkout_fingerprint(str(root)) == before


def test_where_it_lies_does_not_count_nor_whether_its_checkpoint_is_a_link(
    root: Path, tmp_path: Path
) -> None:
    before = checkout_fingerprint(str(root))
    moved = root.rename(tmp_path / "moved")
    assert checkout_fingerprint(str(moved)) == before
    (moved / "ckpt").rename(tmp_path / "weights")
    (moved / "ckpt").symlink_to(tmp_path / "weights")
    (moved / "ckpt" / "round").symlink_to(tmp_path / "weights")  # in a circle
    assert checkout_fingerprint(str(moved)) == before


def test_what_is_no_checkout_is_told_with_the_key_and_the_mend(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs engine\.glm_upstream\.path"):
        checkout_fingerprint("")
    for path in (tmp_path, tmp_path / "none", root / "llm"):
        with pytest.raises(ConfigError, match=r"engine\.glm_upstream\.path = .*no glmtts_inference\.py"):
            checkout_fingerprint(str(path))
