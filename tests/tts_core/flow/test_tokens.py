"""Speech tokens spread over frames, their positions, and what the blocks do to them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tts_core.flow.slow import SlowDit
from tests.tts_core.flow.small import CONFIG, chance, drawn_weights, made_dit
from tts_core.flow.tokens import POSITIONS, sinusoids, spread

CPU = torch.device("cpu")


@given(st.integers(1, 400), st.integers(0, 1))
def test_each_frame_has_the_token_it_lies_in(tokens: int, short: int) -> None:
    ids = torch.arange(32768 - tokens, 32768).unsqueeze(0)
    frames = 2 * tokens - short
    found = spread(ids, frames)[0]
    assert found.dtype is torch.int64
    # Exact wherever the place is no whole number; there float32 may fall on either side.
    for frame in range(frames):
        place = frame * tokens / frames
        near = {int(place), int(place - 1e-4), int(place + 1e-4)}
        assert int(found[frame]) - (32768 - tokens) in near


def test_two_frames_a_token_repeat_each_once() -> None:
    found = spread(torch.tensor([[5, 32767, 0]]), 6)
    assert torch.equal(found, torch.tensor([[5, 5, 32767, 32767, 0, 0]]))


def test_positions_are_cosines_before_sines() -> None:
    found = sinusoids(50, 10, CPU)
    for place, pair in ((0, 0), (1, 0), (49, 3), (17, 4)):
        angle = place / 10000 ** (2 * pair / 10)
        assert found[place, pair].item() == pytest.approx(math.cos(angle), abs=1e-5)
        assert found[place, 5 + pair].item() == pytest.approx(math.sin(angle), abs=1e-5)


def test_frames_beyond_the_last_position_have_its_vector() -> None:
    found = sinusoids(POSITIONS + 3, 8, CPU)
    assert torch.equal(found[POSITIONS:], found[POSITIONS - 1].expand(3, -1))
    assert not torch.equal(found[POSITIONS - 2], found[POSITIONS - 1])


def test_the_embedding_equals_the_slow_form() -> None:
    weights = drawn_weights()
    tokens = torch.randint(CONFIG.token_rows, (1, 9), generator=chance(3))
    found = made_dit(weights).embed(tokens, 17)
    slow = SlowDit(weights, head_width=CONFIG.head_width).embedded(tokens[0], 17)
    assert found.shape == (1, 17, CONFIG.token_width)
    torch.testing.assert_close(found[0].double(), slow, atol=2e-5, rtol=0)


def test_a_batch_of_one_is_a_row_of_a_batch() -> None:
    dit = made_dit(drawn_weights())
    tokens = torch.randint(CONFIG.token_rows, (3, 9), generator=chance(3))
    together = dit.embed(tokens, 18)
    for row in range(3):
        torch.testing.assert_close(dit.embed(tokens[row : row + 1], 18), together[row : row + 1])
