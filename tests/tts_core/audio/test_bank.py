"""The mel filter bank: a slow form says the same, and its laws hold."""

import math

import pytest
import torch

from tts_core.audio.bank import mel_bank

CASES = [(24000, 1920, 80), (32000, 2560, 80), (16000, 400, 128)]


def hz_of(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def slow_bank(rate_hz: int, window: int, bins: int, top_hz: float) -> list[list[float]]:
    """Triangle by triangle, line by line."""
    top_mel = 15 + 27 * math.log(top_hz / 1000) / math.log(6.4)
    edges = [hz_of(top_mel * n / (bins + 1)) for n in range(bins + 2)]
    rows: list[list[float]] = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        row: list[float] = []
        for line in range(window // 2 + 1):
            hz = line * rate_hz / window
            side = (hz - low) / (middle - low) if hz <= middle else (high - hz) / (high - middle)
            row.append(max(0.0, side) * 2 / (high - low))
        rows.append(row)
    return rows


@pytest.mark.parametrize(("rate_hz", "window", "bins"), CASES)
def test_it_is_the_slow_form(rate_hz: int, window: int, bins: int) -> None:
    fast = mel_bank(rate_hz=rate_hz, window_samples=window, bins=bins, top_hz=8000)
    assert torch.allclose(fast, torch.tensor(slow_bank(rate_hz, window, bins, 8000)), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("rate_hz", "window", "bins"), CASES)
def test_every_filter_has_a_line_and_wide_ones_an_area_of_one(rate_hz: int, window: int, bins: int) -> None:
    bank = mel_bank(rate_hz=rate_hz, window_samples=window, bins=bins, top_hz=8000)
    assert bool((bank.sum(dim=1) > 0).all())
    # From 200 Hz of width on, the sum over lines is near the integral.
    areas = bank[-5:].sum(dim=1) * rate_hz / window
    assert torch.allclose(areas, torch.ones(5), atol=0.02)


def test_nothing_above_the_top_counts() -> None:
    bank = mel_bank(rate_hz=24000, window_samples=1920, bins=80, top_hz=8000)
    assert float(bank[:, 8000 * 1920 // 24000 :].abs().max()) == 0
