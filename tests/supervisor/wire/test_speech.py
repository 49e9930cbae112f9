"""What speech may measure: bounds that real speech keeps, and a meter that hears what is there."""

import math
import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.wire.speech import (
    Heard,
    PcmMeter,
    allowed_silence_s,
    expected_s,
    judge_length,
    judge_pcm,
    judge_silence,
    length_bounds_s,
    speakable,
)

RATE_HZ = 24000
TEXT = "The quick brown fox jumps over the lazy dog."


def noise(seconds: float, peak: int = 8000) -> bytes:
    chance = random.Random(0)
    return array("h", [chance.randint(-peak, peak) for _ in range(round(seconds * RATE_HZ))]).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE_HZ))


def heard(*pieces: bytes, rate_hz: int = RATE_HZ) -> Heard:
    meter = PcmMeter()
    for piece in pieces:
        meter.add(piece)
    return meter.heard(rate_hz)


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ("a", True),
        ("7", True),
        ("你", True),
        ("١", True),
        ("...", False),
        ("", False),
        ("“—”\n", False),
        ("🙂", False),
    ],
)
def test_speakable_is_what_has_a_letter_or_digit(text: str, can: bool) -> None:
    assert speakable(text) is can


@given(st.text(max_size=200))
def test_what_is_usual_is_possible(text: str) -> None:
    least_s, most_s = length_bounds_s(text)
    assert 0 <= least_s <= expected_s(text) <= most_s


@given(st.text(max_size=100), st.text(max_size=100))
def test_more_text_takes_longer(one: str, other: str) -> None:
    assert expected_s(one + other) == pytest.approx(expected_s(one) + expected_s(other))
    assert length_bounds_s(one + other)[0] >= length_bounds_s(one)[0]


@given(st.text(min_size=1, max_size=100), st.floats(0.0001, 60))
def test_a_pace_is_exact(text: str, pace: float) -> None:
    least_s, most_s = length_bounds_s(text, pace)
    assert least_s <= expected_s(text, pace) == pace * len(text) <= most_s
    assert judge_length(text, pace * len(text), pace) is None


@pytest.mark.parametrize(
    ("text", "usual_s"),
    [
        # As eSpeak speaks them at 175 words a minute; the planner's foretelling need not be closer.
        ("The quick brown fox jumps over the lazy dog, and then it slept for a while. It was late.", 5.4),
        ("我们今天去北京看朋友，天气很好。", 4.2),
        ("Сегодня хорошая погода, мы идём гулять.", 2.4),
        ("오늘 날씨가 좋습니다", 1.9),
    ],
)
def test_the_usual_length_is_near_what_is_measured(text: str, usual_s: float) -> None:
    assert expected_s(text) == pytest.approx(usual_s, rel=0.35)


@pytest.mark.parametrize(
    ("seconds", "possible"), [(0.1, False), (0.6, True), (2.8, True), (20, True), (60, False)]
)
def test_an_impossible_length_is_told(seconds: float, possible: bool) -> None:
    assert (judge_length(TEXT, seconds) is None) is possible


def test_the_meter_hears_length_peak_and_silences() -> None:
    listened = heard(noise(1.0), silence(1.5), noise(1.0), silence(0.5))
    window_s = 1024 / RATE_HZ
    assert listened.seconds == 4.0
    assert listened.peak == pytest.approx(8000 / 32768, rel=0.01)
    assert listened.longest_silence_s == pytest.approx(1.5, abs=2 * window_s)
    assert listened.tail_silence_s == pytest.approx(0.5, abs=2 * window_s)


@given(st.lists(st.integers(1, 200_000), max_size=6))
def test_however_the_pieces_are_cut_it_hears_the_same(cuts: list[int]) -> None:
    pcm = noise(0.5) + silence(2.0) + noise(0.5)
    ends = [*sorted(cuts), len(pcm)]
    begins = [0, *ends[:-1]]
    assert heard(*(pcm[a:b] for a, b in zip(begins, ends, strict=True))) == heard(pcm)


def test_no_steady_tone_hides_between_the_samples_it_looks_at() -> None:
    for period in range(2, 40):
        turns = (2 * math.pi * at / period + 1 for at in range(RATE_HZ))
        tone = array("h", [round(8000 * math.sin(turn)) for turn in turns]).tobytes()
        assert heard(tone).longest_silence_s < 0.1, period


def test_a_hum_under_the_threshold_is_silence_and_quiet_speech_is_not() -> None:
    assert judge_silence(TEXT, heard(noise(3.0, peak=60))) is not None
    assert judge_silence(TEXT, heard(noise(3.0, peak=300))) is None


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([noise(3.0)], None),
        ([silence(3.0)], "the whole"),
        ([noise(1.5), silence(1.7)], "the last"),
        ([noise(0.5), silence(2.0), noise(0.5)], "within"),
        ([noise(0.2)], "for 44 characters"),
    ],
)
def test_the_second_check_says_what_is_wrong(pieces: list[bytes], words: str | None) -> None:
    verdict = judge_pcm(TEXT, heard(*pieces))
    assert verdict is None if words is None else words in (verdict or "")


def test_no_audio_at_all_is_silence_where_there_is_text() -> None:
    assert judge_pcm(TEXT, heard()) is not None
    assert judge_pcm("...", heard()) is None


def test_half_a_sample_is_not_heard() -> None:
    assert heard(b"\x7f").seconds == 0
    assert heard(noise(0.1), b"\x7f").seconds == 0.1


def test_marks_explain_pauses() -> None:
    plain, dotted = allowed_silence_s("a b", 10), allowed_silence_s("a... b", 10)
    assert dotted[0] > plain[0]
    assert dotted[1] == plain[1]
    assert allowed_silence_s("a b...", 10)[1] > plain[1]
