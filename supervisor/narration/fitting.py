"""Fit a plan to the engine that will speak it.

GLM-TTS's lines carry what only an engine like it knows: a recording to clone, two switches, a sample rate
that it speaks at. The plain engines have none of these. Such a file is to be heard with them all the same,
so the foreign part is taken out of the plan, and said; an engine of another package gets it as it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from supervisor.narration.degrading import RATE_SETTING
from supervisor.narration.plan import Plan, PlannedChapter, VoiceSpec

#: Engines that come with this package and can do nothing with what only GLM-TTS knows.
PLAIN_ENGINES = frozenset({"espeak", "scripted"})

#: Engines that come with this package and clone voices.
CLONING_ENGINES = ("glm", "glm-upstream")

#: Who speaks with these where no voice is named (child/plain_voices.py): for trying things out.
PLAIN_VOICE = "plain-zh"

#: Settings of a line that only GLM-TTS has, by the names that `[engine.glm]` gives them.
GLM_SWITCHES = frozenset({"kv_cache", "phonemes"})

#: Rates that an engine can speak at; one that is not here takes any that its table can hold.
_OWN_RATES_HZ = {"glm": (24_000, 32_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """The engine that a plan is for.

    Attributes:
        engine: `engine.name`.
        rate_hz: What its table says it speaks at; None = it cannot be told, and delivery resamples.
        asked_hz: Rate that the job asks for; None = none.
    """

    engine: str
    rate_hz: int | None = None
    asked_hz: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it knows neither recordings nor the switches of a line."""
        return self.engine in PLAIN_ENGINES


def fit_to_engine(plan: Plan, speaker: Speaker) -> Plan:
    """Return the plan with what this engine can use of its lines; notices say what it cannot.

    Args:
        plan: As read.
        speaker: Who will speak it.
    """
    if speaker.is_plain:
        return _plain(plan, speaker.engine)
    fitted = replace(plan, chapters=tuple(_at_its_rate(chapter, speaker) for chapter in plan.chapters))
    return _with_a_word_on_voices(fitted) if speaker.engine in CLONING_ENGINES else fitted


def _with_a_word_on_voices(plan: Plan) -> Plan:
    """Return the plan with a notice if any of it is in nobody's voice."""
    unnamed, all_of_them = _count(plan, lambda chapter: chapter.voice.called is None), len(plan.chapters)
    if not unnamed:
        return plan
    where = "" if unnamed == all_of_them else f" in {unnamed} of {all_of_them} lines"
    notice = (
        f"no voice is named{where}: {PLAIN_VOICE} speaks, which is for trying things out; name one by "
        "--voice or --reference"
    )
    return replace(plan, notices=(*plan.notices, notice))


def _at_its_rate(chapter: PlannedChapter, speaker: Speaker) -> PlannedChapter:
    """Return the chapter with the rate that the engine is told: what it can speak at is not resampled."""
    rate_hz = chapter.sample_rate_hz or speaker.asked_hz
    if speaker.rate_hz is None or rate_hz is None or rate_hz == speaker.rate_hz:
        return chapter
    if rate_hz not in _OWN_RATES_HZ.get(speaker.engine, (rate_hz,)):
        return chapter
    return replace(chapter, settings={**chapter.settings, RATE_SETTING: rate_hz})


def _plain(plan: Plan, engine: str) -> Plan:
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
