"""What `--length-scale` is here."""

import pytest

from supervisor.cli.pipertempo import has_tempo, tempo_keys
from supervisor.config import load_config


def keys(engine: str, scale: float) -> dict[str, object]:
    config = load_config(environ={"TTS_SUPERVISOR_ENGINE__NAME": engine})
    return {one.key: one.value for one in tempo_keys(config, scale)}


@pytest.mark.parametrize(("scale", "wpm"), [(2.0, 88), (0.5, 350), (0.1, 450), (100.0, 80)])
def test_espeak_speaks_so_many_words_a_minute_as_its_bounds_allow(scale: float, wpm: int) -> None:
    assert keys("espeak", scale) == {"engine.espeak.rate_wpm": wpm}


def test_the_scripted_engine_takes_so_many_times_as_long() -> None:
    assert keys("scripted", 1.5) == {"engine.scripted.seconds_per_char": pytest.approx(0.09)}


@pytest.mark.parametrize("engine", ["espeak", "scripted", "glm"])
def test_a_scale_of_one_changes_nothing(engine: str) -> None:
    assert keys(engine, 1.0) == {}


def test_an_engine_without_a_tempo_keeps_its_own() -> None:
    assert keys("glm", 2.0) == {}
    assert [has_tempo(engine) for engine in ("espeak", "scripted", "glm", "another")] == [
        True,
        True,
        False,
        False,
    ]
