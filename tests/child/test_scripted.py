"""The scripted engine: exactly as long as its settings say."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from child.checks import Meter, judge
from child.engine import SettingsError, Utterance
from child.scripted import ScriptedEngine
from child.vitals import private_bytes
from supervisor.wire.messages import Setting


def loaded(**table: Setting) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.load(table, device="cpu", voice=None)
    return engine


def utterance(text: str, **table: Setting) -> Utterance:
    return Utterance(text=text, voice=None, reference=None, seed=0, settings=table)


def test_its_length_is_its_characters_times_its_pace() -> None:
    pieces = list(loaded(seconds_per_char=0.1).synthesize(utterance("hello 你好")))
    assert sum(piece.samples.size for piece in pieces) == round(8 * 0.1 * 24000)


def test_an_utterance_may_ask_for_another_rate() -> None:
    pieces = list(loaded().synthesize(utterance("hello", sample_rate=16000)))
    assert {piece.sample_rate_hz for piece in pieces} == {16000}
    assert sum(piece.samples.size for piece in pieces) == round(5 * 0.06 * 16000)


def test_asleep_it_gives_the_same_audio_and_signs_of_life() -> None:
    text = "a rather long sentence, to be cut in pieces, more than once"
    awake = list(loaded().synthesize(utterance(text)))
    began_s = time.monotonic()
    asleep = list(loaded(wall_per_char_s=0.01).synthesize(utterance(text)))
    assert time.monotonic() - began_s >= 0.01 * len(text)
    assert len(asleep) >= 5
    assert b"".join(p.samples.tobytes() for p in asleep) == b"".join(p.samples.tobytes() for p in awake)


def test_short_audio_and_long_work_is_progress_without_samples() -> None:
    pieces = list(loaded(seconds_per_char=0.0001, wall_per_char_s=0.2).synthesize(utterance("ab")))
    assert sum(piece.samples.size for piece in pieces) == round(2 * 0.0001 * 24000)
    assert all(piece.sample_rate_hz == 24000 for piece in pieces)
    assert len(pieces) == 4


def test_its_start_costs_the_memory_and_time_it_is_told() -> None:
    before_bytes, began_s = private_bytes(), time.monotonic()
    engine = loaded(load_bytes="32MiB", load_s=0.05)
    assert time.monotonic() - began_s >= 0.05
    assert private_bytes() - before_bytes > 30 * 1024 * 1024
    assert engine.vitals().host_private_bytes > 32 * 1024 * 1024


@pytest.mark.parametrize(
    "table",
    [
        {"seconds_per_chars": 0.06},
        {"seconds_per_char": 0},
        {"wall_per_char_s": -1.0},
        {"load_bytes": "a lot"},
        {"load_s": "soon"},
    ],
)
def test_a_setting_that_is_unknown_or_impossible_is_named(table: dict[str, Setting]) -> None:
    with pytest.raises(SettingsError, match=rf"engine\.scripted\.{next(iter(table))}"):
        loaded(**table)


@pytest.mark.parametrize("table", [{"sample_rate": 1}, {"seconds_per_char": 1.0}])
def test_a_line_may_change_nothing_but_the_rate(table: dict[str, Setting]) -> None:
    with pytest.raises(SettingsError):
        list(loaded().synthesize(utterance("hello", **table)))


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.sampled_from("aZ 9.你\n!🙂é"), min_size=1, max_size=40).filter(
        lambda t: any(map(str.isalnum, t))
    ),
    pace=st.sampled_from([0.0001, 0.001, 0.06, 0.3, 1.5]),
    rate_hz=st.sampled_from([8000, 22050, 24000, 48000]),
    voice=st.sampled_from(["sine", "reed", "bell", "hum"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_at_any_setting_its_audio_passes_the_checks(
    text: str, pace: float, rate_hz: int, voice: str, seed: int
) -> None:
    engine = loaded(seconds_per_char=pace)
    meter = Meter(rate_hz)
    spoken = Utterance(text=text, voice=voice, reference=None, seed=seed, settings={"sample_rate": rate_hz})
    for piece in engine.synthesize(spoken):
        meter.add(piece.samples)
    figures, reason = judge(text, meter.measured(), pace)
    assert reason is None
    assert np.isfinite(figures.peak)
