"""The vocoder's network: its spectra, and how far it hears."""

import pytest
import torch
from torch import Tensor

from tests.tts_core.live import LiveBytes
from tests.tts_core.vocoder.slow import slow_spectra, slow_wave
from tests.tts_core.vocoder.small import chance, drawn_mel
from tts_core.vocoder.generator import COLUMNS, Generator, Widths, reach_frames, spectra, wave_of
from tts_core.vocoder.layers import settle

SMALL = Widths(channels=8, pitch_channels=4, harmonics=3)


def made(widths: Widths = SMALL) -> Generator:
    generator = Generator(widths).double().requires_grad_(requires_grad=False).eval()
    drawn = chance(0)
    for name, one in generator.state_dict().items():
        one.copy_(torch.randn(one.shape, generator=drawn, dtype=torch.float64) * 0.5)
        if name.endswith("alpha"):
            one.copy_(1 + 0.1 * one)
    with torch.no_grad():
        settle(generator)
    return generator


def test_spectra_equal_the_slow_form() -> None:
    wave = torch.randn(1, 480, generator=chance(0))
    torch.testing.assert_close(spectra(wave)[0].double(), slow_spectra(wave[0].double()), atol=1e-5, rtol=0)


def test_the_wave_of_spectra_equals_the_slow_form() -> None:
    magnitude = 10 * torch.rand(1, 9, 25, generator=chance(0))
    magnitude[0, 3, 4] = 150.0
    phase = torch.randn(1, 9, 25, generator=chance(1))
    wanted = slow_wave(magnitude[0].double().clamp(max=100), phase[0].double())
    found = wave_of(magnitude, phase)
    assert found.shape == (1, 96)
    torch.testing.assert_close(found[0].double(), wanted, atol=1e-4, rtol=0)


def test_a_wave_comes_back_from_its_spectra() -> None:
    wave = torch.randn(2, 960, generator=chance(0))
    real, imaginary = spectra(wave).chunk(2, dim=1)
    back = wave_of(torch.hypot(real, imaginary), torch.atan2(imaginary, real))
    torch.testing.assert_close(back, wave, atol=1e-5, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_each_frame_becomes_120_columns_and_one_more_is_at_the_end(frames: int) -> None:
    generator = made()
    excitation = torch.zeros(1, 18, frames * COLUMNS + 1, dtype=torch.float64)
    magnitude, phase = generator(torch.zeros(1, 80, frames, dtype=torch.float64), excitation)
    assert magnitude.shape == phase.shape == (1, 9, frames * COLUMNS + 1)


def test_a_batch_of_one_is_a_row_of_a_batch() -> None:
    generator = made()
    mel = torch.randn(3, 80, 9, dtype=torch.float64, generator=chance(0))
    excitation = torch.randn(3, 18, 9 * COLUMNS + 1, dtype=torch.float64, generator=chance(1))
    together = generator(mel, excitation)
    for row in range(3):
        alone = generator(mel[row : row + 1], excitation[row : row + 1])
        for one, all_of in zip(alone, together, strict=True):
            torch.testing.assert_close(one, all_of[row : row + 1])


def heard_beyond(generator: Generator, beside: int) -> tuple[float, float]:
    """How much the middle frame's samples change when what is further than `beside` frames off does.

    Of the spectrogram, and of the excitation.
    """
    frames = 2 * beside + 11
    middle = frames // 2
    mel = drawn_mel(frames).double()
    excitation = torch.randn(1, 18, frames * COLUMNS + 1, dtype=torch.float64, generator=chance(1))

    def samples(mel: Tensor, excitation: Tensor) -> Tensor:
        whole = wave_of(*generator(mel, excitation))
        return whole[:, middle * 480 : (middle + 1) * 480]

    other_mel, other_excitation = mel.clone(), excitation.clone()
    begin, until = middle - beside, middle + 1 + beside
    other_mel[..., :begin] += 1
    other_mel[..., until:] += 1
    other_excitation[..., : begin * COLUMNS] += 1
    other_excitation[..., until * COLUMNS + 1 :] += 1
    plain = samples(mel, excitation)
    return (
        (samples(other_mel, excitation) - plain).abs().max().item(),
        (samples(mel, other_excitation) - plain).abs().max().item(),
    )


def test_no_more_than_the_declared_frames_beside_a_sample_are_heard() -> None:
    generator = made()
    assert heard_beyond(generator, reach_frames()) == (0.0, 0.0)
    assert reach_frames() == 16


def test_the_declared_frames_are_not_many_too_many() -> None:
    # The first 16 are not all heard: the last of them is what rounding up adds.
    assert max(heard_beyond(made(), reach_frames() - 3)) > 0


def test_at_full_size_two_seconds_stay_within_what_is_declared() -> None:
    with torch.device("meta"):
        generator = Generator(Widths())
    settle(generator)
    generator.requires_grad_(requires_grad=False)
    frames = 132
    mel, excitation = torch.zeros(1, 80, frames), torch.zeros(1, 18, frames * COLUMNS + 1)
    with LiveBytes() as live, torch.inference_mode():
        generator(mel.to("meta"), excitation.to("meta"))
    declared = 4 * frames * generator.numbers_a_frame[2]
    assert declared / 3 < live.peak <= declared
    assert declared < 40 * 2**20
