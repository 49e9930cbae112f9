"""A plan fitted to an engine."""

import pytest

from supervisor.narration.fitting import PLAIN_ENGINES, fit_to_engine
from supervisor.narration.plan import Plan, PlannedChapter, VoiceSpec
from supervisor.wire.messages import Setting


def chapter(*, reference: str | None = None, **settings: Setting) -> PlannedChapter:
    return PlannedChapter(
        title="t",
        name="t",
        voice=VoiceSpec(
            name="v", reference_path=reference, reference_text=None if reference is None else "words"
        ),
        seed=1,
        sample_rate_hz=None,
        settings=dict(settings),
        segments=(),
    )


def plan(*chapters: PlannedChapter) -> Plan:
    return Plan(sources=(), chapters=chapters, spans=(), bad_lines=(), notices=("an earlier one",))


@pytest.mark.parametrize("engine", sorted(PLAIN_ENGINES))
def test_what_only_glm_knows_is_taken_out_and_said(engine: str) -> None:
    glm = plan(chapter(reference="/r.wav", kv_cache=True, phonemes=False, pitch=3), chapter(kv_cache=False))
    fitted = fit_to_engine(glm, engine)
    assert [c.voice for c in fitted.chapters] == [VoiceSpec(name="v")] * 2
    assert [c.settings for c in fitted.chapters] == [{"pitch": 3}, {}]
    assert fitted.notices == (
        "an earlier one",
        f"the engine {engine} clones no voice from a recording: not used, in 1 line(s)",
        f"the engine {engine} has no use_kv_cache or phonemes: not used, in 2 line(s)",
    )


def test_a_plan_without_any_of_it_stays_as_it_is_and_nothing_is_said() -> None:
    assert fit_to_engine(plan(chapter(pitch=3)), "espeak") == plan(chapter(pitch=3))


def test_an_engine_of_another_package_gets_the_lines_as_they_stand() -> None:
    glm = plan(chapter(reference="/r.wav", kv_cache=True))
    assert fit_to_engine(glm, "theirs") is glm
