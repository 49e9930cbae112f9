"""The engine glm by itself: voices, settings of a line, errors in the protocol's words, signs of life."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from child.engine import (
    BadInput,
    Cloning,
    EngineFacts,
    Preparable,
    Remembering,
    SettingsError,
    Signalling,
    Utterance,
    VoiceNotFound,
    Weighty,
)
from child.engines import make_engine
from child.glm import GlmEngine
from supervisor.wire.messages import Reference, Setting
from tests.tree import ROOT
from tests.tts_core.small_checkpoint import make_small_checkpoint, make_small_configs, write_recording
from tests.tts_core.small_faults import halved, of_another_model, wicked, without_an_end

# Each engine loads a model, and one of them in a process of its own.
pytestmark = pytest.mark.timeout(120)

TEXT = "The ferry leaves at ten."
SAID = "Hello there."


@pytest.fixture(scope="module", autouse=True)
def _cache(engine_cache: Path, text_cache: Path) -> Iterator[None]:
    assert text_cache.is_relative_to(engine_cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(engine_cache))
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model, its tables and recordings of two voices."""
    folder = tmp_path_factory.mktemp("glm")
    make_small_checkpoint(folder / "ckpt")
    make_small_configs(folder / "configs")
    write_recording(folder / "ada.wav", seed=0)
    write_recording(folder / "bob.wav", seed=1)
    return folder


def settings(bench: Path, **more: Setting) -> dict[str, Setting]:
    return {"checkpoint": str(bench / "ckpt"), "configs": str(bench / "configs"), **more}


def loaded(bench: Path, *, voice: str | None = None, **more: Setting) -> tuple[GlmEngine, EngineFacts]:
    engine = GlmEngine()
    return engine, engine.load(settings(bench, **more), device="cpu", voice=voice)


@pytest.fixture(scope="module")
def engine(bench: Path) -> GlmEngine:
    return loaded(bench)[0]


def utterance(
    text: str = TEXT,
    *,
    voice: str | None = None,
    recording: Path | None = None,
    past: bytes = b"",
    said: dict[str, Setting] | None = None,
) -> Utterance:
    reference = None if recording is None else Reference(path=str(recording), text=SAID)
    return Utterance(text=text, voice=voice, reference=reference, seed=7, settings=said or {}, past=past)


def digest(engine: GlmEngine, spoken: Utterance) -> str:
    return hashlib.sha256(
        b"".join(piece.samples.tobytes() for piece in engine.synthesize(spoken))
    ).hexdigest()


# ------------------------------------------------------------------ what it is


def test_it_is_made_by_its_name_and_has_all_that_an_engine_may_have() -> None:
    engine = make_engine("glm")
    for part in (Preparable, Weighty, Cloning, Remembering, Signalling):
        assert isinstance(engine, part), part


def test_what_it_says_of_itself(bench: Path) -> None:
    _, facts = loaded(bench)
    assert (facts.name, facts.voice, facts.sample_rate_hz) == ("glm", "plain-zh", 24_000)
    assert (facts.clones, facts.uses_device, facts.pace_s_per_char) == (True, False, None)
    assert facts.notices == ()
    assert loaded(bench, voice="plain-en", sample_rate=32_000)[1].sample_rate_hz == 32_000


def test_the_files_that_a_start_reads_are_named(bench: Path) -> None:
    names = {Path(path).name for path in GlmEngine().weight_files(settings(bench))}
    assert names == {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "flow.pt"}


# ------------------------------------------------------------------ the template


PREPARED = """
import hashlib, sys
from child.engine import Utterance
from child.forkable import why_not
from child.glm import GlmEngine
settings = {"checkpoint": sys.argv[1]}
engine = GlmEngine()
engine.prepare(settings, device="cpu")
print(why_not())
engine.load(settings, device="cpu", voice=None)
spoken = Utterance(text=sys.argv[2], voice=None, reference=None, seed=7, settings={})
print(hashlib.sha256(b"".join(piece.samples.tobytes() for piece in engine.synthesize(spoken))).hexdigest())
"""


def test_prepared_it_can_be_forked_and_says_the_same(bench: Path, engine: GlmEngine) -> None:
    command = [sys.executable, "-c", PREPARED, str(bench / "ckpt"), TEXT]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True, timeout=120)
    assert seen.stdout.split() == ["None", digest(engine, utterance())]


# ------------------------------------------------------------------ voices


def test_plain_voices_are_listed_and_the_first_one_speaks_where_none_is_named(engine: GlmEngine) -> None:
    assert [one.name for one in engine.voices()] == ["plain-zh", "plain-en"]
    unnamed, chinese, english = (
        digest(engine, utterance(voice=name)) for name in (None, "plain-zh", "plain-en")
    )
    assert unnamed == chinese != english


def test_a_recording_is_a_voice_whatever_it_is_called(bench: Path, engine: GlmEngine, tmp_path: Path) -> None:
    first = digest(engine, utterance(recording=bench / "ada.wav"))
    assert first != digest(engine, utterance(recording=bench / "bob.wav"))
    copy = shutil.copy(bench / "ada.wav", tmp_path / "other.wav")
    assert digest(engine, utterance(recording=Path(copy), voice="ada")) == first


def test_a_voice_is_computed_once_and_found_by_another_process_s_engine(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_cache: Path
) -> None:
    shutil.copytree(engine_cache / "tts-supervisor" / "grammars", tmp_path / "tts-supervisor" / "grammars")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "tts-supervisor" / "voices"
    loaded(bench)
    (plain,) = kept.iterdir()
    made_ns = plain.stat().st_mtime_ns
    engine, _ = loaded(bench)
    assert [*kept.iterdir()] == [plain]
    assert plain.stat().st_mtime_ns == made_ns
    digest(engine, utterance(recording=bench / "ada.wav"))
    assert len([*kept.iterdir()]) == 2


def test_a_recording_is_made_ready_before_the_model_is_there_and_the_canary_is_spoken_in_it(
    bench: Path,
) -> None:
    engine = GlmEngine()
    engine.prepare_reference(Reference(path=str(bench / "ada.wav"), text=SAID), settings(bench))
    facts = engine.load(settings(bench), device="cpu", voice="ada")
    assert facts.voice == "ada"
    assert facts.canary_text


def test_what_will_be_heard_of_a_recording_is_told_at_the_start(bench: Path, tmp_path: Path) -> None:
    telephone = write_recording(tmp_path / "telephone.wav", seed=0, rate_hz=8000)
    engine = GlmEngine()
    engine.prepare_reference(Reference(path=str(telephone), text=SAID), settings(bench))
    facts = engine.load(settings(bench), device="cpu", voice=None)
    (notice,) = facts.notices
    assert notice.startswith("the reference recording: 8000 Hz")


def test_without_espeak_recordings_still_speak_and_nobody_else_does(
    bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    engine, facts = loaded(bench)
    assert (facts.voice, facts.canary_text) == ("", "")
    assert engine.voices() == []
    assert digest(engine, utterance(recording=bench / "ada.wav"))
    with pytest.raises(VoiceNotFound, match=r"--reference.*espeakng-loader"):
        digest(engine, utterance())


def test_a_recording_that_makes_no_voice_is_told_and_costs_nothing_else(
    bench: Path, engine: GlmEngine, tmp_path: Path
) -> None:
    short = write_recording(tmp_path / "short.wav", seed=0, seconds=0.2)
    before = digest(engine, utterance())
    with pytest.raises(BadInput, match=r"short\.wav: 0\.20 s are too short"):
        digest(engine, utterance(recording=short))
    with pytest.raises(BadInput, match=r"none\.wav: there is no such file"):
        digest(engine, utterance(recording=tmp_path / "none.wav"))
    with pytest.raises(BadInput, match=r"short\.wav: 0\.20 s"):
        GlmEngine().prepare_reference(Reference(path=str(short), text=SAID), settings(bench))
    assert digest(engine, utterance()) == before


# ------------------------------------------------------------------ what an utterance may say


@pytest.mark.parametrize(
    ("said", "differs"),
    [
        ({"sample_rate": 32_000}, True),
        ({"phonemes": True}, True),
        ({"kv_cache": False}, False),  # slower, less memory, the same audio
        ({"kv_cache": True}, False),
    ],
)
def test_a_line_s_own_settings_hold_for_it_alone(
    engine: GlmEngine, said: dict[str, Setting], differs: bool
) -> None:
    spoken = "我们去重庆看朋友。"
    plain = digest(engine, utterance(spoken))
    assert (digest(engine, utterance(spoken, said=said)) != plain) is differs
    assert digest(engine, utterance(spoken)) == plain


def test_the_rate_of_the_pieces_is_the_line_s(engine: GlmEngine) -> None:
    rates = {piece.sample_rate_hz for piece in engine.synthesize(utterance(said={"sample_rate": 32_000}))}
    assert rates == {32_000}


def test_what_only_a_life_can_have_is_refused_of_a_line(engine: GlmEngine) -> None:
    with pytest.raises(SettingsError, match=r"precision is no setting.*kv_cache, phonemes, sample_rate"):
        digest(engine, utterance(said={"precision": "bf16"}))


def test_a_model_that_comes_to_no_end_fails_the_segment_and_not_the_canary(
    bench: Path, tmp_path: Path
) -> None:
    folder = broken(bench, tmp_path)
    without_an_end(folder / "llm")
    engine = GlmEngine()
    facts = engine.load({"checkpoint": str(folder)}, device="cpu", voice=None)
    with pytest.raises(BadInput, match="no end"):
        digest(engine, utterance())
    assert digest(engine, utterance(facts.canary_text))


def test_samples_keep_within_full_scale(engine: GlmEngine) -> None:
    for rate_hz in (24_000, 32_000):
        pieces = [piece.samples for piece in engine.synthesize(utterance(said={"sample_rate": rate_hz}))]
        assert float(np.abs(np.concatenate(pieces)).max()) <= 0.99 + 1e-6


# ------------------------------------------------------------------ history


def test_history_is_a_value_that_another_process_goes_on_with(bench: Path) -> None:
    first, _ = loaded(bench, history=True)
    digest(first, utterance("It was late."))
    past = first.past()
    follows = digest(first, utterance(past=past))
    assert past
    second, _ = loaded(bench, history=True)
    assert digest(second, utterance(past=past)) == follows
    assert digest(second, utterance()) != follows


def test_without_history_nothing_is_carried_over(bench: Path) -> None:
    engine, _ = loaded(bench, history=False)
    digest(engine, utterance("It was late."))
    assert engine.past() == b""


def test_what_was_given_up_or_failed_leaves_no_past(bench: Path, tmp_path: Path) -> None:
    engine, _ = loaded(bench, history=True)
    digest(engine, utterance())
    assert engine.past()
    pieces = engine.synthesize(utterance())
    next(pieces)
    del pieces
    assert engine.past() == b""
    digest(engine, utterance())
    with pytest.raises(BadInput):
        digest(engine, utterance(recording=tmp_path / "none.wav"))
    assert engine.past() == b""


# ------------------------------------------------------------------ memory, signs of life, devices


def test_its_caches_are_given_back_and_change_nothing(bench: Path, engine: GlmEngine) -> None:
    before = digest(engine, utterance(recording=bench / "ada.wav"))
    held = engine.vitals().declared_bytes
    engine.release_caches()
    after = engine.vitals().declared_bytes
    assert held is not None
    assert after is not None
    assert after < held
    assert digest(engine, utterance(recording=bench / "ada.wav")) == before


def test_a_pass_of_the_flow_and_a_new_voice_show_signs_of_life(
    bench: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine_cache: Path
) -> None:
    shutil.copytree(engine_cache / "tts-supervisor" / "grammars", tmp_path / "tts-supervisor" / "grammars")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine = GlmEngine()
    engine._signs._every_s = 0.0  # pyright: ignore[reportPrivateUsage] -- each module counts, however fast
    engine.load(settings(bench), device="cpu", voice=None)
    told: list[None] = []
    engine.tell_signs(lambda: told.append(None))
    pieces = engine.synthesize(utterance(recording=bench / "ada.wav"))
    next(pieces)
    of_the_voice = len(told)
    assert of_the_voice > 10  # each layer of the speech tokenizer, at least
    list(pieces)
    assert len(told) - of_the_voice > 100


@pytest.mark.parametrize("device", ["cuda:0", "cuda:7"])
def test_a_card_that_is_not_there_is_named(bench: Path, device: str) -> None:
    import torch  # noqa: PLC0415 -- of this test alone

    if torch.cuda.is_available():
        pytest.skip("there is a card")
    with pytest.raises(SettingsError, match=rf"child\.device = '{device}'.*finds 0 CUDA devices"):
        GlmEngine().load(settings(bench), device=device, voice=None)


def test_without_a_card_auto_is_the_cpu_and_says_so(bench: Path) -> None:
    import torch  # noqa: PLC0415 -- of this test alone

    if torch.cuda.is_available():
        pytest.skip("there is a card")
    facts = GlmEngine().load(settings(bench), device="auto", voice=None)
    assert not facts.uses_device
    (notice,) = facts.notices
    assert "computes on the CPU" in notice


# ------------------------------------------------------------------ a checkpoint that will not do


def broken(bench: Path, folder: Path) -> Path:
    return Path(shutil.copytree(bench / "ckpt", folder / "ckpt"))


def test_all_files_that_are_missing_or_cut_short_are_named_before_anything_is_read(
    bench: Path, tmp_path: Path
) -> None:
    checkpoint = broken(bench, tmp_path)
    (checkpoint / "frontend" / "campplus.onnx").unlink()
    os.truncate(checkpoint / "flow" / "flow.pt", 1000)
    os.truncate(checkpoint / "llm" / "model-00001-of-00002.safetensors", 100_000)
    given: dict[str, Setting] = {"checkpoint": str(checkpoint)}
    with pytest.raises(SettingsError) as at_load:
        GlmEngine().load(given, device="cpu", voice=None)
    with pytest.raises(SettingsError) as at_preparing:
        GlmEngine().prepare(given, device="cpu")
    assert str(at_load.value) == str(at_preparing.value)
    said = str(at_load.value).splitlines()
    assert said[0] == "engine.glm.checkpoint is not whole:"
    assert len(said) == 4
    assert all("models get glm-tts" in line for line in said[1:])


def test_the_vocoder_of_another_rate_is_missed_when_a_line_wants_it(bench: Path, tmp_path: Path) -> None:
    checkpoint = broken(bench, tmp_path)
    shutil.rmtree(checkpoint / "vocos2d")
    engine = GlmEngine()
    engine.load({"checkpoint": str(checkpoint)}, device="cpu", voice=None)
    with pytest.raises(SettingsError, match=r"generator_jit\.ckpt"):
        digest(engine, utterance(said={"sample_rate": 32_000}))
    assert digest(engine, utterance())


#: Every part, by what is wrong with it when its file was cut short.
CUT_SHORT = {
    "llm/model-00001-of-00002.safetensors": "not whole",
    "llm/model.safetensors.index.json": "is not an index",
    "llm/config.json": "llm/config.json",
    "speech_tokenizer/model.safetensors": "not whole",
    "flow/flow.pt": "not whole",
    "flow/config.yaml": "flow/config.yaml",
    "hift/hift.pt": "not whole",
    "vq32k-phoneme-tokenizer/tokenizer.model": "tokenizer.model",
    "vq32k-phoneme-tokenizer/tokenizer_config.json": "not a tokenizer's configuration",
    "frontend/campplus.onnx": "damaged, or no ONNX model",
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_file_that_was_cut_short_is_named_with_the_mend(bench: Path, tmp_path: Path, name: str) -> None:
    checkpoint = broken(bench, tmp_path)
    halved(checkpoint / name)
    with pytest.raises(SettingsError) as caught:
        GlmEngine().load({"checkpoint": str(checkpoint)}, device="cpu", voice=None)
    said = str(caught.value)
    assert name in said
    assert CUT_SHORT[name] in said
    assert "again" in said  # run `models get` again, or download it again


def test_weights_of_another_model_are_named_all_at_once(bench: Path, tmp_path: Path) -> None:
    checkpoint = broken(bench, tmp_path)
    narrowed = of_another_model(checkpoint / "llm")
    assert len(narrowed) > 2
    with pytest.raises(SettingsError, match="of another model") as caught:
        GlmEngine().load({"checkpoint": str(checkpoint)}, device="cpu", voice=None)
    assert all(name in str(caught.value) for name in narrowed)


@pytest.mark.parametrize("name", ["flow/flow.pt", "hift/hift.pt", "vocos2d/generator_jit.ckpt"])
def test_what_a_file_would_run_is_never_run(bench: Path, tmp_path: Path, name: str) -> None:
    checkpoint, trace = broken(bench, tmp_path), tmp_path / "it-was-run"
    wicked(checkpoint / name, trace)
    given: dict[str, Setting] = {
        "checkpoint": str(checkpoint),
        "sample_rate": 32_000 if "vocos" in name else 24_000,
    }
    with pytest.raises(SettingsError, match=Path(name).name):
        GlmEngine().load(given, device="cpu", voice=None)
    assert not trace.exists()


def test_a_checkpoint_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(SettingsError, match=r"model\.bin: there is no such folder.*models get"):
        GlmEngine().load({"checkpoint": str(tmp_path / "model.bin")}, device="cpu", voice=None)
