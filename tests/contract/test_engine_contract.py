"""One suite over every engine: what `child/engine.py` promises, whoever keeps it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from child.checks import Meter, judge
from child.engine import Engine, EngineFacts, SettingsError, Utterance, VoiceNotFound
from child.engines import make_engine
from child.faults import Rehearsal
from child.glm import GlmEngine
from child.glm_upstream import GlmUpstreamEngine
from supervisor.wire.messages import FaultPlan, Setting
from supervisor.wire.speech import speakable
from tests.engines.upstream import make_checkout, process_left_as_it_was
from tests.tts_core.small_checkpoint import make_small_checkpoint

Made = tuple[Engine, EngineFacts]


def no_damage() -> None:
    raise AssertionError("nothing was to be damaged")


def rehearsed() -> Engine:
    plan = FaultPlan(peak_bytes=1 << 20, leak_bytes=1 << 16, plateau=3, faults=["stray@999", "step@998"])
    return Rehearsal(make_engine("scripted"), plan, damage=no_damage)


class OnStandIn(GlmUpstreamEngine):
    """With a checkout, which all others speak without."""

    checkout = Path()

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        return super().load({"path": str(self.checkout), **settings}, device=device, voice=voice)


class OnSmallModel(GlmEngine):
    """With a checkpoint, likewise."""

    checkpoint = Path()

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        given = {"checkpoint": str(self.checkpoint), **settings}
        return super().load(given, device=device, voice=voice)


@pytest.fixture(scope="module", autouse=True)
def _models(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path, text_cache: Path) -> Iterator[None]:
    assert text_cache.is_relative_to(engine_cache)
    OnStandIn.checkout = make_checkout(tmp_path_factory.mktemp("upstream") / "GLM-TTS")
    OnSmallModel.checkpoint = make_small_checkpoint(tmp_path_factory.mktemp("glm"))
    with process_left_as_it_was(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(engine_cache))
        yield


ENGINES: dict[str, Callable[[], Engine]] = {
    "scripted": lambda: make_engine("scripted"),
    "espeak": lambda: make_engine("espeak"),
    "rehearsed": rehearsed,
    "torch-stand-in": lambda: make_engine("torch-stand-in"),
    "glm-upstream": OnStandIn,
    "glm": OnSmallModel,
}

TEXTS = ["Hello there, said the fox.", "a", "我们今天去北京看朋友。", "In 2024年 he said “你好”, twice.", "7"]


@pytest.fixture(scope="module", params=ENGINES)
def made(request: pytest.FixtureRequest) -> Made:
    engine = ENGINES[request.param]()
    return engine, engine.load({}, device="cpu", voice=None)


def utterance(text: str, voice: str | None = None, seed: int = 0) -> Utterance:
    return Utterance(text=text, voice=voice, reference=None, seed=seed, settings={})


def digest(engine: Engine, spoken: Utterance) -> str:
    pieces = [piece.samples.tobytes() for piece in engine.synthesize(spoken)]
    return hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("text", TEXTS)
def test_audio_is_a_function_of_the_utterance_after_any_history(made: Made, text: str) -> None:
    engine, _ = made
    first = digest(engine, utterance(text))
    for other in TEXTS:
        digest(engine, utterance(other, seed=7))
    engine.release_caches()
    assert digest(engine, utterance(text)) == first


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_mono_floats_of_one_rate_and_pass_the_checks(made: Made, text: str) -> None:
    engine, facts = made
    meter = Meter(facts.sample_rate_hz)
    for piece in engine.synthesize(utterance(text)):
        assert piece.samples.dtype == np.float32
        assert piece.samples.ndim == 1
        assert piece.sample_rate_hz == facts.sample_rate_hz
        meter.add(piece.samples)
    assert judge(text, meter.measured(), facts.pace_s_per_char)[1] is None


def test_an_utterance_given_up_midway_leaves_no_trace(made: Made) -> None:
    engine, _ = made
    text = "A sentence that is given up in the middle of it, " * 4
    whole = digest(engine, utterance(text))
    pieces = engine.synthesize(utterance(text))
    next(pieces)
    del pieces
    assert digest(engine, utterance(text)) == whole


def test_two_engines_of_a_kind_say_the_same(made: Made, request: pytest.FixtureRequest) -> None:
    engine, _ = made
    for name, make in ENGINES.items():
        if f"[{name}]" in request.node.name:
            other = make()
            other.load({}, device="cpu", voice=None)
            assert digest(other, utterance(TEXTS[3], seed=5)) == digest(engine, utterance(TEXTS[3], seed=5))


def test_every_voice_can_speak(made: Made) -> None:
    engine, facts = made
    names = [voice.name for voice in engine.voices()]
    assert len(set(names)) == len(names)
    assert facts.voice in names
    for name in names:
        meter = Meter(facts.sample_rate_hz)
        for piece in engine.synthesize(utterance("One two three.", voice=name)):
            meter.add(piece.samples)
        reason = judge("One two three.", meter.measured(), facts.pace_s_per_char)[1]
        assert reason is None, f"{name}: {reason}"


def test_voices_differ(made: Made) -> None:
    engine, facts = made
    others = [voice.name for voice in engine.voices() if voice.name != facts.voice]
    default = digest(engine, utterance("Hello there."))
    assert digest(engine, utterance("Hello there.", voice=facts.voice)) is not None
    assert digest(engine, utterance("Hello there.", voice=others[0])) != default


def test_an_unknown_voice_is_named(made: Made) -> None:
    engine, _ = made
    with pytest.raises(VoiceNotFound, match="nobody-at-all"):
        digest(engine, utterance("x", voice="nobody-at-all"))


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_a_voice_wanted_at_the_start_must_exist(make: Callable[[], Engine]) -> None:
    with pytest.raises(VoiceNotFound, match="nobody-at-all"):
        make().load({}, device="cpu", voice="nobody-at-all")


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_an_unknown_setting_is_named(make: Callable[[], Engine]) -> None:
    with pytest.raises(SettingsError, match="no_such_key"):
        make().load({"no_such_key": 1}, device="cpu", voice=None)


def test_its_canary_is_speech_and_its_memory_a_figure(made: Made) -> None:
    engine, facts = made
    assert speakable(facts.canary_text)
    assert engine.vitals().host_private_bytes > 0
