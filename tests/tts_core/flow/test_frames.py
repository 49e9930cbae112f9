"""How many frames some speech tokens make."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tts_core.flow.config import FlowConfig
from tts_core.flow.frames import frames_for

CONFIG = FlowConfig()


def test_the_floats_order_loses_a_frame_of_287_counts_below_5000() -> None:
    lost = [tokens for tokens in range(5000) if frames_for(tokens, CONFIG) != 2 * tokens]
    assert len(lost) == 287
    assert lost[:4] == [29, 57, 58, 113]
    assert {frames_for(tokens, CONFIG) - 2 * tokens for tokens in lost} == {-1}


@given(st.integers(0, 20000), st.integers(1, 100), st.integers(1, 100))
def test_no_more_than_one_frame_is_ever_lost(tokens: int, tokens_hz: int, frames_hz: int) -> None:
    exact = Fraction(tokens * frames_hz, tokens_hz)
    found = frames_for(tokens, FlowConfig(tokens_hz=tokens_hz, frames_hz=frames_hz))
    assert int(exact) - 1 <= found <= int(exact)


def test_the_reference_results_have_these_frames() -> None:
    # 236 tokens of prompt with 471 frames of it: see parity/tiny/expected.
    assert frames_for(236, CONFIG) - 471 == 1
