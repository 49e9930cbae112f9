"""The 24 kHz vocoder: whole and in pieces, its chance, its memory, its file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.tts_core.live import LiveBytes
from tests.tts_core.vocoder.slow import SlowHift, sines_order
from tests.tts_core.vocoder.small import CPU, chance, drawn_mel, small_hift
from tts_core.errors import CheckpointError, WeightsError
from tts_core.vocoder.hift import PIECE_FRAMES, Hift, load_hift
from tts_core.weights import read_safetensors


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hift, dict[str, Tensor]]:
    return small_hift(tmp_path_factory.mktemp("hift"))


@pytest.fixture
def hift(made: tuple[Hift, dict[str, Tensor]]) -> Hift:
    return made[0]


def test_the_wave_equals_the_slow_form(made: tuple[Hift, dict[str, Tensor]]) -> None:
    hift, weights = made
    mel, source = drawn_mel(7), 0.3 * torch.randn(1, 1, 7 * 480, generator=chance(1))
    found = hift.wave(mel, source=source)
    wanted = SlowHift(weights).wave(mel[0], source[0, 0])
    assert found.shape == (1, 7 * 480)
    assert found.dtype is torch.float32
    assert wanted.std().item() > 0.01
    assert (wanted.abs() < 0.99).double().mean().item() > 0.9
    torch.testing.assert_close(found[0].double(), wanted, atol=1e-5, rtol=0)


def test_what_is_joined_of_pieces_equals_the_slow_whole(made: tuple[Hift, dict[str, Tensor]]) -> None:
    hift, weights = made
    frames = PIECE_FRAMES + 21
    mel, source = drawn_mel(frames), 0.3 * torch.randn(1, 1, frames * 480, generator=chance(1))
    found = hift.wave(mel, source=source)
    wanted = SlowHift(weights).wave(mel[0], source[0, 0])
    torch.testing.assert_close(found[0].double(), wanted, atol=1e-5, rtol=0)


def test_the_wave_equals_the_reference(parity: Path, tmp_path: Path) -> None:
    given = read_safetensors([parity / "parts" / "hift.io.safetensors"]).tensors
    weights = read_safetensors([parity / "parts" / "hift.weights.safetensors"]).tensors
    torch.save(dict(weights), tmp_path / "hift.pt")
    hift = load_hift(tmp_path / "hift.pt", device=CPU)
    found = hift.wave(given["mel"], source=given["source"])
    assert given["wav"].abs().max().item() > 0.01
    torch.testing.assert_close(found, given["wav"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, PIECE_FRAMES - 1, PIECE_FRAMES, PIECE_FRAMES + 1, 310])
def test_streamed_is_whole(hift: Hift, frames: int) -> None:
    mel = drawn_mel(frames)
    pieces = list(hift.pieces(mel, generator=chance(3)))
    full, rest = divmod(frames, PIECE_FRAMES)
    assert [one.shape[0] for one in pieces] == [PIECE_FRAMES * 480] * full + [rest * 480] * (rest > 0)
    assert torch.equal(torch.cat(pieces).unsqueeze(0), hift.wave(mel, generator=chance(3)))


def test_a_piece_keeps_no_more_than_itself(hift: Hift) -> None:
    for piece in hift.pieces(drawn_mel(230), generator=chance(0)):
        assert piece.untyped_storage().nbytes() == 4 * piece.numel()


def test_no_frames_are_no_samples(hift: Hift) -> None:
    assert list(hift.pieces(drawn_mel(0), generator=chance(0))) == []
    assert hift.wave(drawn_mel(0), generator=chance(0)).shape == (1, 0)


def test_the_excitation_is_of_the_whole_spectrogram(made: tuple[Hift, dict[str, Tensor]]) -> None:
    hift, weights = made
    mel = drawn_mel(5)
    generator = chance(6)
    torch.rand(1, 9, generator=generator)
    noise = sines_order(9, 5 * 480, generator)
    slow = SlowHift(weights)
    source = slow.source(slow.pitch(mel[0]), noise.T)
    wanted = slow.wave(mel[0], source)
    found = hift.wave(mel, generator=chance(6))
    # Phases in float32, see the tests of the excitation.
    torch.testing.assert_close(found[0].double(), wanted, atol=1e-3, rtol=0)


def test_the_same_seed_gives_the_same_bytes_whatever_was_said_before(hift: Hift, tmp_path: Path) -> None:
    first = hift.wave(drawn_mel(130), generator=chance(3))
    for frames in (1, 57, 200):
        hift.wave(drawn_mel(frames, seed=frames), generator=chance(frames))
    fresh, _ = small_hift(tmp_path)
    assert torch.equal(hift.wave(drawn_mel(130), generator=chance(3)), first)
    assert torch.equal(fresh.wave(drawn_mel(130), generator=chance(3)), first)
    assert not torch.equal(hift.wave(drawn_mel(130), generator=chance(4)), first)


def test_torchs_own_chance_is_left_alone(hift: Hift) -> None:
    before = torch.random.get_rng_state()
    hift.wave(drawn_mel(5), generator=chance(0))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_either_a_generator_or_the_excitation_is_given(hift: Hift) -> None:
    with pytest.raises(ValueError, match="either"):
        hift.wave(drawn_mel(3))
    with pytest.raises(ValueError, match="either"):
        hift.wave(drawn_mel(3), generator=chance(0), source=torch.zeros(1, 1, 1440))


def test_loud_spectra_are_cut_at_the_limit(made: tuple[Hift, dict[str, Tensor]], tmp_path: Path) -> None:
    loud = {name: one.clone() for name, one in made[1].items()}
    loud["conv_post.bias"][:9] = 6.0
    torch.save(loud, tmp_path / "hift.pt")
    found = load_hift(tmp_path / "hift.pt", device=CPU).wave(drawn_mel(9), generator=chance(0))
    assert found.abs().max() == torch.tensor(0.99)


# ------------------------------------------------------------------ memory


@pytest.mark.parametrize("frames", [3, PIECE_FRAMES, 600])
def test_pieces_hold_no_more_than_is_declared_and_leave_nothing(hift: Hift, frames: int) -> None:
    mel = drawn_mel(frames)
    with LiveBytes() as live:
        for piece in hift.pieces(mel, generator=chance(0)):
            del piece
    assert hift.peak_bytes(frames) / 3 < live.peak <= hift.peak_bytes(frames)
    assert live.now == 0


def test_pieces_that_are_not_taken_leave_nothing(hift: Hift) -> None:
    mel = drawn_mel(300)
    with LiveBytes() as live:
        pieces = hift.pieces(mel, generator=chance(0))
        assert next(pieces).numel() == PIECE_FRAMES * 480
        del pieces
    assert live.now == 0


# ------------------------------------------------------------------ the file


def test_weights_are_held_once_and_without_their_lengths(made: tuple[Hift, dict[str, Tensor]]) -> None:
    hift, weights = made
    kept = sum(one.numel() for name, one in weights.items() if not name.endswith("original0"))
    assert hift.held_bytes == 4 * kept


def test_everything_that_does_not_fit_is_named_at_once(
    made: tuple[Hift, dict[str, Tensor]], tmp_path: Path
) -> None:
    weights = dict(made[1])
    del weights["ups.1.parametrizations.weight.original0"]
    weights["conv_post.bias"] = torch.zeros(17)
    weights["stft_window"] = torch.zeros(16)
    torch.save(weights, tmp_path / "hift.pt")
    with pytest.raises(WeightsError) as seen:
        load_hift(tmp_path / "hift.pt", device=CPU)
    assert seen.value.missing == ["ups.1.parametrizations.weight.original0"]
    assert seen.value.unexpected == ["stft_window"]
    assert seen.value.wrong_shape == ["conv_post.bias (17,) instead of (18,)"]


def test_another_models_file_is_refused_with_words(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "hift.pt")
    with pytest.raises(WeightsError, match="missing"):
        load_hift(tmp_path / "hift.pt", device=CPU)


def test_a_truncated_or_missing_file_is_named(made: tuple[Hift, dict[str, Tensor]], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_hift(tmp_path / "hift.pt", device=CPU)
    torch.save(made[1], tmp_path / "hift.pt")
    whole = (tmp_path / "hift.pt").read_bytes()
    (tmp_path / "hift.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load_hift(tmp_path / "hift.pt", device=CPU)


def test_the_small_checkpoint_is_loaded(small_checkpoint: Path) -> None:
    hift = load_hift(small_checkpoint / "hift" / "hift.pt", device=CPU)
    assert (hift.sample_rate_hz, hift.device) == (24000, CPU)
