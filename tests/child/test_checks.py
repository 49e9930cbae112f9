"""Each check by its oracle: audio made to have exactly one thing wrong."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from child.checks import Measured, Meter, hear, judge, level_jump_db

RATE_HZ = 22050
TEXT = "The quick brown fox jumps over the lazy dog and nobody saw it."  # about 4 s

Samples = npt.NDArray[np.float32]


def speech(seconds: float = 4.0, level: float = 0.3) -> Samples:
    """Syllables: noise that swells and fades four times a second."""
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(0).uniform(-1, 1, at_s.size)
    return (level * noise * (0.1 + np.abs(np.sin(2 * np.pi * 2 * at_s)))).astype(np.float32)


def measure(*pieces: Samples, rate_hz: int = RATE_HZ) -> Measured:
    meter = Meter(rate_hz)
    for piece in pieces:
        meter.add(piece)
    return meter.measured()


def failed(samples: Samples, text: str = TEXT, pace_s_per_char: float | None = None) -> str | None:
    return judge(text, measure(samples), pace_s_per_char)[0].failed


def with_nan(samples: Samples) -> Samples:
    samples[1000] = np.nan
    return samples


def with_infinity(samples: Samples) -> Samples:
    samples[-1] = -np.inf
    return samples


def with_silent_end(samples: Samples) -> Samples:
    samples[samples.size // 2 :] = 0
    return samples


def with_silent_middle(samples: Samples) -> Samples:
    samples[RATE_HZ : RATE_HZ * 3] = 1e-4
    return samples


def with_soft_end(samples: Samples) -> Samples:
    samples[samples.size // 2 :] *= 0.1
    return samples


def with_loud_end(samples: Samples) -> Samples:
    samples[: samples.size // 2] *= 0.1
    return samples


def untouched(samples: Samples) -> Samples:
    return samples


def silenced(samples: Samples) -> Samples:
    return np.zeros_like(samples)


def flattened(samples: Samples) -> Samples:
    return np.clip(samples * 8, -1, 1)


def overdriven(samples: Samples) -> Samples:
    return samples * 8


def cut_short(samples: Samples) -> Samples:
    return samples[: RATE_HZ // 4]


def repeated(samples: Samples) -> Samples:
    return np.tile(samples, 20)


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (untouched, None),
        (with_nan, "finite"),
        (with_infinity, "finite"),
        (silenced, "silence"),
        (with_silent_end, "silence"),
        (with_silent_middle, "silence"),
        (flattened, "clipping"),
        (overdriven, "clipping"),
        (with_soft_end, "level"),
        (with_loud_end, "level"),
        (cut_short, "length"),
        (repeated, "length"),
    ],
)
def test_audio_with_one_thing_wrong_fails_that_check(
    spoil: Callable[[Samples], Samples], check: str | None
) -> None:
    assert failed(spoil(speech())) == check


def test_a_failed_check_says_what_it_measured() -> None:
    _, reason = judge(TEXT, measure(with_nan(speech())), None)
    assert reason is not None
    assert "1 of 88200 samples" in reason


def test_quiet_speech_is_no_silence() -> None:
    assert failed(speech(level=0.02)) is None


def test_a_text_without_letters_may_be_silent() -> None:
    assert failed(np.zeros(RATE_HZ // 2, np.float32), text="...") is None


def test_an_engine_with_a_pace_is_held_to_it() -> None:
    assert failed(speech(4.0), pace_s_per_char=4.0 / len(TEXT)) is None
    assert failed(speech(4.0), pace_s_per_char=2.0 / len(TEXT)) == "length"


def test_pauses_that_marks_ask_for_are_no_silence() -> None:
    gap = np.zeros(round(1.5 * RATE_HZ), np.float32)
    samples = np.concatenate((speech(1.0), gap, speech(1.0)))
    assert failed(samples, text="Well then now. . . . I said it") is None
    assert failed(samples, text="Well then now what I said it") == "silence"


def test_one_loud_word_is_no_jump_of_level() -> None:
    samples = speech(6.0, level=0.05)
    samples[3 * RATE_HZ : 3 * RATE_HZ + RATE_HZ // 10] *= 10
    assert level_jump_db(measure(samples)) < 6


def test_the_jump_is_told_in_decibels() -> None:
    samples = speech(8.0)
    samples[4 * RATE_HZ :] *= 0.1
    assert level_jump_db(measure(samples)) == pytest.approx(20, abs=1.5)  # noise differs between the halves


def test_silences_are_told_to_a_hundredth_of_a_second() -> None:
    quiet = np.zeros(RATE_HZ // 2, np.float32)
    heard = hear(measure(np.concatenate((speech(1.0), quiet, quiet, speech(1.0), quiet))))
    assert heard.longest_silence_s == pytest.approx(1.0, abs=0.03)  # syllables begin and end softly
    assert heard.tail_silence_s == pytest.approx(0.5, abs=0.03)


@given(cuts=st.lists(st.integers(0, 44100), max_size=8))
def test_however_it_is_cut_the_figures_are_the_same(cuts: list[int]) -> None:
    samples = speech(2.0)
    whole = judge(TEXT, measure(samples), None)
    assert judge(TEXT, measure(*np.split(samples, sorted(cuts))), None) == whole


@pytest.mark.parametrize("samples", [0, 1, 219, 220, 221])
def test_tiny_audio_is_measured_whole(samples: int) -> None:
    measured = measure(np.full(samples, 0.5, np.float32))
    assert measured.samples == samples
    assert hear(measured).seconds == samples / RATE_HZ
