"""A plan fitted to an engine."""

from dataclasses import replace

import pytest

from child.plain_voices import DEFAULT_VOICE
from supervisor.narration.fitting import (
    CLONING_ENGINES,
    PLAIN_ENGINES,
    PLAIN_VOICE,
    Speaker,
    fit_to_engine,
)
from supervisor.narration.plan import Plan, PlannedChapter, VoiceSpec
from supervisor.wire.messages import Setting


def chapter(
    *, reference: str | None = None, rate_hz: int | None = None, **settings: Setting
) -> PlannedChapter:
    return PlannedChapter(
        title="t",
        name="t",
        voice=VoiceSpec(
            name="v", reference_path=reference, reference_text=None if reference is None else "words"
        ),
        seed=1,
        sample_rate_hz=rate_hz,
        settings=dict(settings),
        segments=(),
    )


def plan(*chapters: PlannedChapter) -> Plan:
    return Plan(sources=(), chapters=chapters, spans=(), bad_lines=(), notices=("an earlier one",))


@pytest.mark.parametrize("engine", sorted(PLAIN_ENGINES))
def test_what_only_glm_knows_is_taken_out_and_said(engine: str) -> None:
    glm = plan(chapter(reference="/r.wav", kv_cache=True, phonemes=False, pitch=3), chapter(kv_cache=False))
    fitted = fit_to_engine(glm, Speaker(engine=engine, rate_hz=24_000, asked_hz=32_000))
    assert [c.voice for c in fitted.chapters] == [VoiceSpec(name="v")] * 2
    assert [c.settings for c in fitted.chapters] == [{"pitch": 3}, {}]
    assert fitted.notices == (
        "an earlier one",
        f"the engine {engine} clones no voice from a recording: not used, in 1 line(s)",
        f"the engine {engine} has no use_kv_cache or phonemes: not used, in 2 line(s)",
    )


def test_a_plan_without_any_of_it_stays_as_it_is_and_nothing_is_said() -> None:
    assert fit_to_engine(plan(chapter(pitch=3)), Speaker(engine="espeak")) == plan(chapter(pitch=3))


def test_an_engine_of_another_package_gets_the_lines_as_they_stand() -> None:
    glm = plan(chapter(reference="/r.wav", kv_cache=True, rate_hz=16_000))
    assert fit_to_engine(glm, Speaker(engine="theirs")) == glm


@pytest.mark.parametrize(
    ("speaker", "line_hz", "told_hz"),
    [
        (Speaker(engine="glm", rate_hz=24_000), 32_000, 32_000),
        (Speaker(engine="glm", rate_hz=24_000), 24_000, None),  # as it is configured: nothing to say
        (Speaker(engine="glm", rate_hz=24_000), 16_000, None),  # no rate of the model's: resampled
        (Speaker(engine="glm", rate_hz=24_000, asked_hz=32_000), None, 32_000),
        (Speaker(engine="glm", rate_hz=24_000, asked_hz=32_000), 24_000, None),
        (Speaker(engine="theirs", rate_hz=24_000), 16_000, 16_000),
        (Speaker(engine="theirs"), 16_000, None),  # its table has no such key
    ],
)
def test_an_engine_is_told_the_rate_that_it_can_speak_at(
    speaker: Speaker, line_hz: int | None, told_hz: int | None
) -> None:
    (fitted,) = fit_to_engine(plan(chapter(rate_hz=line_hz, phonemes=True)), speaker).chapters
    told = {} if told_hz is None else {"sample_rate": told_hz}
    assert (fitted.settings, fitted.sample_rate_hz) == ({"phonemes": True, **told}, line_hz)


@pytest.mark.parametrize("engine", CLONING_ENGINES)
def test_where_nobody_is_named_a_plain_voice_speaks_and_that_is_said_once(engine: str) -> None:
    unnamed = replace(chapter(), voice=VoiceSpec())
    speaker = Speaker(engine=engine, rate_hz=24_000)
    assert fit_to_engine(plan(chapter(), chapter(reference="/r.wav")), speaker).notices == ("an earlier one",)
    *_, some = fit_to_engine(plan(unnamed, chapter(), unnamed), speaker).notices
    assert some.startswith("no voice is named in 2 of 3 lines: plain-zh speaks")
    *_, all_of_them = fit_to_engine(plan(unnamed), speaker).notices
    assert all_of_them.startswith("no voice is named: plain-zh speaks")
    assert "--reference" in all_of_them


def test_it_is_the_voice_that_the_engines_take_then() -> None:
    assert PLAIN_VOICE == DEFAULT_VOICE
