"""A checkout is opened as it is; what is not one, or not whole, is told by name."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from child.engine import EngineError, SettingsError
from child.glm_upstream_checkout import Checkout, Order, open_checkout
from tests.engines.upstream import make_checkout, process_left_as_it_was


@pytest.fixture(autouse=True)
def _no_child() -> Iterator[None]:
    with process_left_as_it_was():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "GLM-TTS")


def opened(folder: Path | str, *, rate_hz: int = 24_000, device: str = "cpu") -> Checkout:
    return open_checkout(Order(path=str(folder), sample_rate_hz=rate_hz, device=device))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("rate_hz", [24_000, 32_000])
def test_it_is_opened_from_its_own_folder_and_on_its_own_device(folder: Path, rate_hz: int) -> None:
    checkout = opened(folder, rate_hz=rate_hz)
    assert Path.cwd() == folder
    assert checkout.device == "cpu"
    assert checkout.own_device == torch.device("cpu")
    assert checkout.text_frontend.text_normalize(" A ") == "a."
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""  # "cpu" never touches CUDA, whatever the checkout would


def test_what_is_no_checkout_is_told_with_the_key(tmp_path: Path) -> None:
    for path in ("", str(tmp_path), str(tmp_path / "none")):
        with pytest.raises(SettingsError, match=r"engine\.glm_upstream\.path.*glmtts_inference\.py"):
            opened(path)


@pytest.mark.parametrize(
    ("part", "rate_hz"),
    [
        ("ckpt/flow/flow.pt", 24_000),
        ("ckpt/hift/hift.pt", 24_000),
        ("ckpt/vocos2d/generator_jit.ckpt", 32_000),
        ("frontend/campplus.onnx", 24_000),
    ],
)
def test_a_missing_part_of_the_release_is_named(folder: Path, part: str, rate_hz: int) -> None:
    (folder / part).unlink()
    with pytest.raises(SettingsError, match=rf"what it lacks: .*{part}.*zai-org/GLM-TTS"):
        opened(folder, rate_hz=rate_hz)


def test_a_file_that_is_there_and_does_not_load_is_told_as_it_said(folder: Path) -> None:
    for part in ("llm/config.json", "speech_tokenizer/config.json", "flow/config.yaml"):
        (folder / "ckpt" / part).touch()
    (folder / "ckpt" / "vq32k-phoneme-tokenizer").mkdir()
    (folder / "ckpt" / "flow" / "flow.pt").write_bytes(b"half a file")
    with pytest.raises(EngineError, match=r"does not load; load_models failed with \w+: ") as seen:
        opened(folder)
    assert not isinstance(seen.value, SettingsError)  # a disk may mend; a start is tried again


def test_a_package_that_its_environment_lacks_is_named_with_the_interpreter(folder: Path) -> None:
    replace(folder / "llm" / "glmtts.py", "import time", "import no_such_package_here\nimport time")
    with pytest.raises(SettingsError, match=r"no_such_package_here.*child\.python") as seen:
        opened(folder)
    assert sys.executable in str(seen.value)


def test_a_module_of_the_checkout_that_is_missing_is_named(folder: Path) -> None:
    (folder / "utils" / "seed_util.py").unlink()
    with pytest.raises(SettingsError, match=r"utils\.seed_util"):
        opened(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("glmtts_inference.py", "def load_models", "def load_everything", "has no load_models"),
        ("glmtts_inference.py", "def generate_long", "def generate", "has no generate_long"),
        ("glmtts_inference.py", "flow_prompt_token:", "prompt_token:", "does not take flow_prompt_token"),
        ("glmtts_inference.py", "flow = Token2Wav", "return frontend, llm #", "returns 2 things, not 5"),
        ("utils/audio.py", "def _extract_speech_feat", "def _extract_mel", "has no _extract_speech_feat"),
        ("frontend_utils.py", "def text_normalize", "def normalise", "has no text_normalize"),
    ],
)
def test_another_version_is_told_by_what_it_lacks(
    folder: Path, file: str, old: str, new: str, told: str
) -> None:
    replace(folder / file, old, new)
    with pytest.raises(SettingsError, match=rf"{told}.*December 2025"):
        opened(folder)


def test_one_that_takes_any_argument_is_taken_at_its_word(folder: Path) -> None:
    replace(folder / "glmtts_inference.py", "sample_rate: int = 24000) ->", "**more: int) ->")
    replace(folder / "glmtts_inference.py", '"ckpt/flow/flow.pt", sample_rate', '"ckpt/flow/flow.pt", 24000')
    replace(folder / "glmtts_inference.py", '"sample rate %d", sample_rate', '"%s", more')
    assert opened(folder).device == "cpu"


def test_one_checkout_a_process(folder: Path, tmp_path: Path) -> None:
    opened(folder)
    other = make_checkout(tmp_path / "other")
    with pytest.raises(SettingsError, match="one checkout a process"):
        opened(other)


def test_as_it_stands_it_needs_cuda_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "as_it_stands").touch()
    # None for this process, as on a machine without a GPU.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for device in ("cpu", "auto"):
        with pytest.raises(SettingsError, match=r"asks for CUDA.*child\.device.*engine\.name = \"glm\""):
            opened(folder, device=device)
    assert "GLM-TTS will compute on the CPU, if it can" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("shown", "device", "left"),
    [(None, "cuda:1", "1"), ("4,5", "cuda:1", "5"), ("GPU-aa, GPU-bb", "cuda:0", "GPU-aa"), ("3", "cpu", "")],
)
def test_the_process_sees_the_one_device_that_is_meant(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shown: str | None, device: str, left: str
) -> None:
    if torch.cuda.is_available():
        pytest.skip("CUDA has read these in this process already")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    if device == "cpu":
        opened(folder, device=device)
    else:
        with pytest.raises(SettingsError, match=rf"child\.device = '{device}'.*finds no such device"):
            opened(folder, device=device)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left


def test_a_device_that_is_not_shown_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    with pytest.raises(SettingsError, match="CUDA_VISIBLE_DEVICES = '4' has 1 device"):
        opened(folder, device="cuda:1")
