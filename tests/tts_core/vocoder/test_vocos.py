"""The 32 kHz vocoder: a file of TorchScript, run as it is written."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.tree import ROOT
from tests.tts_core.vocoder.small import CPU, chance, drawn_mel, write_script
from tts_core.errors import CheckpointError
from tts_core.vocoder.vocos import Vocos, load_vocos
from tts_core.weights import read_safetensors


class Pointwise(nn.Module):
    """As many operations in a row as TorchScript would like to melt into one."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Linear(80, 640)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.spread(mel)
        x = torch.sigmoid(x) * torch.tanh(x) + 0.5 * x
        return torch.flatten(torch.sin(x) * 0.9, 1)


class Told(nn.Module):
    """Answers with what it was given."""

    def forward(self, mel: Tensor) -> Tensor:
        return torch.flatten(mel, 1)


class Wrong(nn.Module):
    """Answers with another shape."""

    def forward(self, mel: Tensor) -> Tensor:
        return mel


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = Pointwise().requires_grad_(requires_grad=False)
    module.spread.weight.copy_(torch.randn(640, 80, generator=chance(0)) / 9)
    module.spread.bias.copy_(torch.randn(640, generator=chance(1)))
    return write_script(tmp_path_factory.mktemp("vocos") / "generator_jit.ckpt", module)


@pytest.fixture
def vocos(script: Path) -> Vocos:
    return load_vocos(script, device=CPU)


def test_a_wave_equals_the_reference(parity: Path) -> None:
    vocos = load_vocos(parity / "tiny" / "checkpoint" / "vocos2d" / "generator_jit.ckpt", device=CPU)
    for name in ("32000", "32000_ph"):
        wanted = read_safetensors([parity / "tiny" / "expected" / f"{name}.safetensors"]).tensors
        found = vocos.wave(wanted["mel"])
        assert found.shape == wanted["wav"].shape == (1, 640 * 700)
        # Kept as float16: half its step below 1.0.
        torch.testing.assert_close(found, wanted["wav"].float(), atol=2.5e-4, rtol=0)


def test_the_file_gets_frames_by_bins_on_its_own_scale(tmp_path: Path) -> None:
    vocos = load_vocos(write_script(tmp_path / "told.ckpt", Told()), device=CPU)
    mel = drawn_mel(5)
    assert torch.equal(vocos.wave(mel), (mel[0].T - 7.847762537473608).flatten().unsqueeze(0))


def test_a_single_frame_is_spoken_twice(tmp_path: Path) -> None:
    vocos = load_vocos(write_script(tmp_path / "told.ckpt", Told()), device=CPU)
    mel = drawn_mel(1)
    assert torch.equal(vocos.wave(mel), vocos.wave(mel.repeat(1, 1, 2)))


def test_no_frames_are_no_samples(vocos: Vocos) -> None:
    assert vocos.wave(drawn_mel(0)).shape == (1, 0)
    assert list(vocos.pieces(drawn_mel(0))) == []


def test_the_one_piece_is_the_whole(vocos: Vocos) -> None:
    mel = drawn_mel(9)
    (piece,) = vocos.pieces(mel)
    assert torch.equal(piece.unsqueeze(0), vocos.wave(mel))
    assert (vocos.sample_rate_hz, vocos.device) == (32000, CPU)


def test_nothing_is_drawn(vocos: Vocos) -> None:
    generator, before = torch.Generator().manual_seed(0), torch.random.get_rng_state()
    vocos.wave(drawn_mel(9), generator=generator)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())
    assert torch.equal(torch.random.get_rng_state(), before)


def executed() -> str:
    """What the interpreter of TorchScript really ran last."""
    return str(torch.jit.last_executed_optimized_graph())  # pyright: ignore[reportPrivateImportUsage] -- only there


def test_what_runs_is_what_is_written_at_every_call(vocos: Vocos) -> None:
    for frames in (9, 10, 9, 200, 9):
        vocos.wave(drawn_mel(frames))
        graph = executed()
        assert "profile" not in graph
        assert "TypeCheck" not in graph
        assert "Group" not in graph
        assert graph.count("aten::") >= 8


def test_the_same_input_gives_the_same_bytes_at_every_call(vocos: Vocos) -> None:
    first = vocos.wave(drawn_mel(9))
    for frames in (9, 9, 9, 31, 9, 400, 9):
        found = vocos.wave(drawn_mel(frames))
        if frames == 9:
            assert torch.equal(found, first)


FRESH = """
import hashlib, sys, torch
from pathlib import Path
from tts_core.vocoder.vocos import load_vocos
torch.set_num_threads(int(sys.argv[2]))
vocos = load_vocos(Path(sys.argv[1]), device=torch.device("cpu"))
mel = torch.randn(1, 80, 9, generator=torch.Generator().manual_seed(0))
print(hashlib.sha256(vocos.wave(mel).numpy().tobytes()).hexdigest())
"""


@pytest.mark.timeout(120)  # importing torch anew takes a second, and many on a busy machine
def test_a_fresh_process_gives_the_same_bytes(vocos: Vocos, script: Path) -> None:
    for frames in (9, 12, 9):
        vocos.wave(drawn_mel(frames))
    here = hashlib.sha256(vocos.wave(drawn_mel(9)).numpy().tobytes()).hexdigest()
    command = [sys.executable, "-W", "error", "-c", FRESH, str(script), str(torch.get_num_threads())]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (seen.stdout.strip(), seen.stderr) == (here, "")


def test_weights_are_counted(vocos: Vocos) -> None:
    assert vocos.held_bytes == 4 * (80 * 640 + 640)


def test_an_answer_of_another_shape_is_refused(tmp_path: Path) -> None:
    vocos = load_vocos(write_script(tmp_path / "wrong.ckpt", Wrong()), device=CPU)
    with pytest.raises(CheckpointError, match=r"gave \(1, 5, 80\) for a spectrogram"):
        vocos.wave(drawn_mel(5))


def test_a_missing_or_damaged_file_is_named(tmp_path: Path, script: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_vocos(tmp_path / "generator_jit.ckpt", device=CPU)
    whole = script.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a script"):
        (tmp_path / "generator_jit.ckpt").write_bytes(damaged)
        with pytest.raises(
            CheckpointError, match=r"no TorchScript, or cut short \([^.]*\); download"
        ) as caught:
            load_vocos(tmp_path / "generator_jit.ckpt", device=CPU)
        assert "miniz" not in str(caught.value)


def test_weights_alone_are_no_script(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "generator_jit.ckpt")
    with pytest.raises(CheckpointError, match="no TorchScript"):
        load_vocos(tmp_path / "generator_jit.ckpt", device=CPU)


def test_the_small_checkpoint_is_loaded(small_checkpoint: Path) -> None:
    vocos = load_vocos(small_checkpoint / "vocos2d" / "generator_jit.ckpt", device=CPU)
    assert vocos.wave(drawn_mel(4)).shape == (1, 4 * 640)
