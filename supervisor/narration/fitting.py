"""Fit a plan to the engine that will speak it.

GLM-TTS's lines carry what only an engine like it knows: a recording to clone and two switches.
The built-in engines have neither. Such a file is to be heard with them all the same, so the
foreign part is taken out of the plan, and said; an engine of another package gets it as it stands.
"""

from collections.abc import Callable
from dataclasses import replace

from supervisor.narration.plan import Plan, PlannedChapter, VoiceSpec

#: What the engines that come with this package cannot do with a line.
PLAIN_ENGINES = frozenset({"espeak", "scripted"})

#: Settings of a line that only GLM-TTS has, by the names that `[engine.glm]` gives them.
GLM_SWITCHES = frozenset({"kv_cache", "phonemes"})


def fit_to_engine(plan: Plan, engine: str) -> Plan:
    """Return the plan without what this engine cannot use of its lines; notices say what that was.

    Args:
        plan: As read.
        engine: `engine.name`.
    """
    if engine not in PLAIN_ENGINES:
        return plan
    cloned = _count(plan, lambda chapter: chapter.voice.reference_path is not None)
    switched = _count(plan, lambda chapter: bool(GLM_SWITCHES & chapter.settings.keys()))
    notices = [
        f"the engine {engine} {what}: not used, in {count} line(s)"
        for what, count in (
            ("clones no voice from a recording", cloned),
            ("has no use_kv_cache or phonemes", switched),
        )
        if count
    ]
    chapters = tuple(_fitted(chapter) for chapter in plan.chapters)
    return replace(plan, chapters=chapters, notices=(*plan.notices, *notices))


def _count(plan: Plan, foreign: Callable[[PlannedChapter], bool]) -> int:
    return sum(foreign(chapter) for chapter in plan.chapters)


def _fitted(chapter: PlannedChapter) -> PlannedChapter:
    settings = {name: value for name, value in chapter.settings.items() if name not in GLM_SWITCHES}
    return replace(chapter, voice=VoiceSpec(name=chapter.voice.name), settings=settings)
