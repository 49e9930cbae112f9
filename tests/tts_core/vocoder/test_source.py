"""The excitation: sines of a course of pitch, noise where there is none, and the order of its draws."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- torch's documentation writes it so

from tests.tts_core.vocoder.slow import SlowHift, sines_order
from tests.tts_core.vocoder.small import chance, drawn_mel, small_hift
from tts_core.vocoder.source import PitchPredictor, Source, sines

#: Voiced and not, up and down, over and under the threshold of 10 Hz.
PITCH = torch.tensor([[0.0, 9.9, 10.0, 10.1, 180.0, 220.0, 2.0, 431.7, 90.0, 90.0, 0.5]])


def made_source() -> Source:
    source = Source(9)
    with torch.no_grad():
        source.l_linear.weight.copy_(torch.randn(1, 9, generator=chance(4)))
        source.l_linear.bias.fill_(0.05)
    return source.requires_grad_(requires_grad=False)


def test_the_excitation_equals_the_slow_form() -> None:
    source = made_source()
    slow = SlowHift({f"m_source.{name}": one for name, one in source.state_dict().items()})
    with torch.inference_mode():
        found = source(PITCH, chance(1))
    generator = chance(1)
    torch.rand(1, 9, generator=generator)
    noise = sines_order(9, 11 * 480, generator)
    wanted = slow.source(PITCH[0].double(), noise.T)
    assert found.shape == (1, 1, 11 * 480)
    # Phases reach 2,000 radians, where float32 rounds to 1e-4; nine sines of 0.1 each.
    torch.testing.assert_close(found[0, 0].double(), wanted, atol=3e-4, rtol=0)


def test_draws_come_in_the_references_order_to_the_last() -> None:
    used, told = chance(2), chance(2)
    with torch.inference_mode():
        made_source()(PITCH, used)
    torch.rand(1, 9, generator=told)
    sines_order(9, 11 * 480, told)
    torch.randn(1, 11 * 480, 1, generator=told)
    assert torch.equal(used.get_state(), told.get_state())


def test_noise_is_drawn_as_for_the_reference_whose_sines_lie_one_after_the_other() -> None:
    # Its noise is `randn_like` of what an interpolation gave, turned about: that keeps the order in memory,
    # and draws one by one what would otherwise be drawn in blocks.
    torch.manual_seed(7)
    waves = F.interpolate(torch.rand(1, 9, 11), scale_factor=480.0, mode="linear").transpose(1, 2).sin()
    torch.manual_seed(7)
    torch.rand(1, 9, 11)
    wanted = torch.randn_like(waves)
    told = chance(7)
    torch.rand(1, 9, 11, generator=told)
    assert torch.equal(sines_order(9, 11 * 480, told), wanted[0].T)
    assert not torch.equal(torch.randn(1, 11 * 480, 9, generator=chance(7)), wanted)


def test_phases_that_the_reference_adds_to_the_first_sample_are_skipped_by_its_interpolation() -> None:
    # Cycles a sample, thinned to one a frame: the two samples in the middle of each frame count alone.
    cycles = (PITCH / 24000 % 1).repeat_interleave(480, dim=1).unsqueeze(1)
    cycles[:, :, 0] += 0.7
    thinned = F.interpolate(cycles, scale_factor=1 / 480, mode="linear")
    assert torch.equal(thinned[:, 0], PITCH / 24000 % 1)


def test_harmonics_are_multiples() -> None:
    found = sines(PITCH, 3)
    assert found.shape == (1, 3, 11 * 480)
    torch.testing.assert_close(found[:, 1:2], sines(2 * PITCH, 1), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[:, 2:3], sines(3 * PITCH, 1), atol=1e-3, rtol=0)


def test_a_steady_pitch_is_a_sine_of_it() -> None:
    found = sines(torch.full((1, 50), 200.0), 1)[0, 0]
    inner = found[240:-240].double()
    at = torch.arange(inner.numel(), dtype=torch.float64)
    crossings = ((inner[:-1] < 0) & (inner[1:] >= 0)).sum().item()
    assert crossings == pytest.approx(at.numel() * 200 / 24000, abs=1)


def test_without_voice_there_is_noise_alone() -> None:
    found = {}
    for hz in (10.0, 10.001):
        with torch.inference_mode():
            found[hz] = made_source()(torch.full((1, 20), hz), chance(0)).std().item()
    # Sines of 10 Hz and its harmonics against a third of their amplitude in noise.
    assert 0.05 < found[10.0] < 0.2
    assert found[10.001] > 1.5 * found[10.0]


def test_pitch_equals_the_slow_form(tmp_path: Path) -> None:
    _, weights = small_hift(tmp_path)
    predictor = PitchPredictor(80, 8)
    predictor.load_state_dict(
        {
            name.removeprefix("f0_predictor."): one
            for name, one in weights.items()
            if name.startswith("f0_predictor.")
        }
    )
    mel = drawn_mel(13)
    with torch.inference_mode():
        found = predictor(mel)
    wanted = SlowHift(weights).pitch(mel[0])
    assert wanted.min().item() > 20
    torch.testing.assert_close(found[0].double(), wanted, atol=1e-3, rtol=0)
