"""The original GLM-TTS as an engine: driven as its own scripts drive it, a pure function of the utterance."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from child.engine import (
    BadInput,
    EngineError,
    OutOfMemory,
    Remembering,
    SettingsError,
    Utterance,
    VoiceNotFound,
)
from child.engines import make_engine, weight_files_of
from child.glm_upstream import GlmUpstreamEngine, folded
from supervisor.wire.messages import Reference, Setting
from tests.engines.upstream import make_checkout, make_recording, process_left_as_it_was

TEXT = "The ferry crossed the river at night, and nobody said a word."
SAID = "What is said in the recording."
#: Top modules of a checkout.
UPSTREAMS = {"glmtts_inference", "frontend_utils", "llm", "flow", "utils"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a checkout and recordings of two voices; tests share one process, as segments do."""
    folder = tmp_path_factory.mktemp("upstream")
    make_checkout(folder / "GLM-TTS")
    make_recording(folder / "low.wav", tone_hz=140.0)
    make_recording(folder / "high.wav", tone_hz=260.0)
    with process_left_as_it_was():
        yield folder


@pytest.fixture(scope="module")
def engine(bench: Path) -> GlmUpstreamEngine:
    return loaded(bench)


def loaded(bench: Path, **settings: Setting) -> GlmUpstreamEngine:
    engine = GlmUpstreamEngine()
    engine.load({"path": str(bench / "GLM-TTS"), **settings}, device="cpu", voice=None)
    return engine


def utterance(text: str = TEXT, *, seed: int = 7, past: bytes = b"", **settings: Setting) -> Utterance:
    return Utterance(text=text, voice=None, reference=None, seed=seed, settings=settings, past=past)


def in_voice(bench: Path, name: str, text: str = TEXT) -> Utterance:
    reference = Reference(path=str(bench / f"{name}.wav"), text=SAID)
    return Utterance(text=text, voice=None, reference=reference, seed=7, settings={})


def digest(engine: GlmUpstreamEngine, spoken: Utterance) -> str:
    return hashlib.sha256(
        b"".join(piece.samples.tobytes() for piece in engine.synthesize(spoken))
    ).hexdigest()


# ------------------------------------------------------------------ exact by definition


def by_its_own_script(bench: Path, text: str, *, use_cache: bool, method: str, phonemes: bool) -> str:
    """What upstream's own batch script does with an item, from its models on."""
    script = sys.modules["glmtts_inference"]
    frontend, text_frontend, _, llm, flow = script.load_models(use_phoneme=True, sample_rate=24000)
    path = str(bench / "low.wav")
    prompt_text = text_frontend.text_normalize(SAID)
    speech = frontend._extract_speech_token([path])
    cache: dict[str, object] = {
        "cache_text": [prompt_text],
        "cache_text_token": [frontend._extract_text_token(prompt_text + " ")],
        "cache_speech_token": [speech.squeeze().tolist()],
        "use_cache": use_cache,
    }
    wave, *_ = script.generate_long(
        frontend=frontend,
        text_frontend=text_frontend,
        llm=llm,
        flow=flow,
        text_info=["item", text_frontend.text_normalize(text)],
        cache=cache,
        device=script.DEVICE,
        embedding=frontend._extract_spk_embedding(path),
        seed=42,
        sample_method=method,
        flow_prompt_token=torch.tensor(cache["cache_speech_token"], dtype=torch.int32),
        speech_feat=frontend._extract_speech_feat(path, sample_rate=24000),
        use_phoneme=phonemes,
    )
    return hashlib.sha256(wave[0].numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("method", ["ras", "topk"])
@pytest.mark.parametrize("phonemes", [False, True])
def test_its_audio_is_that_of_upstreams_own_script(
    bench: Path, history: bool, method: str, phonemes: bool
) -> None:
    # Two short texts to upstream, the second after the first; the space is what its splitting fails at.
    text = f" {TEXT} {TEXT}"
    engine = loaded(bench, history=history, sample_method=method, phonemes=phonemes)
    reference = Reference(path=str(bench / "low.wav"), text=SAID)
    spoken = Utterance(text=text, voice=None, reference=reference, seed=42, settings={})
    expected = by_its_own_script(bench, text, use_cache=history, method=method, phonemes=phonemes)
    assert digest(engine, spoken) == expected


def test_a_voice_after_another_sounds_as_in_a_fresh_child(bench: Path, engine: GlmUpstreamEngine) -> None:
    expected = {name: digest(loaded(bench), in_voice(bench, name)) for name in ("low", "high")}
    assert len({*expected.values()}) == 2
    for name in ("low", "high", "low", "high"):
        assert digest(engine, in_voice(bench, name)) == expected[name]


def test_seeds_make_a_difference_and_nothing_else_of_chance_does(engine: GlmUpstreamEngine) -> None:
    first = digest(engine, utterance(seed=1))
    torch.rand(3)
    np.random.seed(99)
    assert digest(engine, utterance(seed=1)) == first
    assert digest(engine, utterance(seed=2)) != first
    assert digest(engine, utterance(seed=2**63 - 1)) not in {first, digest(engine, utterance(seed=2**62))}


@given(st.integers(0, 2**63 - 1))
def test_a_folded_seed_is_one_that_numpy_takes(seed: int) -> None:
    assert 0 <= folded(seed) < 2**32
    assert seed >= 2**32 or folded(seed) == seed


# ------------------------------------------------------------------ history


def test_a_process_that_goes_on_from_the_bytes_says_what_one_would_have_said(
    bench: Path, engine: GlmUpstreamEngine
) -> None:
    assert isinstance(engine, Remembering)
    texts = [f"Sentence number {number}, of the long night on the river." for number in range(12)]
    past, spoken, pasts = b"", list[str](), list[bytes]()
    for text in texts:
        spoken.append(digest(engine, utterance(text, past=past)))
        past = engine.past()
        pasts.append(past)
    for at in (1, 5, 11):
        assert digest(loaded(bench), utterance(texts[at], past=pasts[at - 1])) == spoken[at]
        assert digest(engine, utterance(texts[at])) != spoken[at]  # it does hear what came before
    # Upstream drops the oldest beyond 750 speech tokens: what is carried over does not grow for ever.
    assert len(pasts[11]) < 3 * len(pasts[1])


def test_without_history_nothing_is_carried_over_and_nothing_heard(
    bench: Path, engine: GlmUpstreamEngine
) -> None:
    digest(engine, utterance())
    past = engine.past()
    assert past
    off = loaded(bench, history=False)
    alone = digest(off, utterance())
    assert off.past() == b""
    assert digest(off, utterance(past=past)) == alone


def test_a_line_says_with_the_web_tools_own_switch_whether_it_has_a_history(
    bench: Path, engine: GlmUpstreamEngine
) -> None:
    digest(engine, utterance(kv_cache=False))
    assert engine.past() == b""
    digest(engine, utterance(history=False))
    assert engine.past() == b""
    off = loaded(bench, history=False)
    digest(off, utterance(kv_cache=True))
    assert off.past()


def test_a_segment_that_failed_leaves_none(engine: GlmUpstreamEngine) -> None:
    digest(engine, utterance())
    with pytest.raises(EngineError):
        digest(engine, utterance("A textid comes up."))
    assert engine.past() == b""


# ------------------------------------------------------------------ what fails


def test_an_id_that_is_no_speech_is_an_error_and_the_next_text_is_as_ever(engine: GlmUpstreamEngine) -> None:
    before = digest(engine, utterance())
    with pytest.raises(EngineError, match="no speech token") as seen:
        digest(engine, utterance("A textid comes up."))
    assert not isinstance(seen.value, BadInput)
    assert seen.value.__context__ is None  # nothing holds upstream's frames, and with them its tensors
    assert digest(engine, utterance()) == before


def test_out_of_memory_is_told_as_such_with_the_figures(engine: GlmUpstreamEngine) -> None:
    with pytest.raises(OutOfMemory, match=r"Tried to allocate 20\.00 GiB.*private host memory \d+ MiB"):
        digest(engine, utterance("This wants the wholememory of the card."))
    assert digest(engine, utterance())


def test_a_text_that_its_splitting_cannot_cut_is_bad_input(engine: GlmUpstreamEngine) -> None:
    with pytest.raises(BadInput, match="own splitting"):
        digest(engine, utterance("internationalization" * 40))


def test_a_recording_that_is_none_is_bad_input(engine: GlmUpstreamEngine, tmp_path: Path) -> None:
    (tmp_path / "voice.wav").write_bytes(b"RIFF, and no more")
    reference = Reference(path=str(tmp_path / "voice.wav"), text=SAID)
    with pytest.raises(BadInput, match=r"cannot use the recording .*voice\.wav"):
        digest(engine, Utterance(text="x", voice=None, reference=reference, seed=0, settings={}))


def test_another_rate_within_one_process_is_refused_with_the_reason(engine: GlmUpstreamEngine) -> None:
    with pytest.raises(BadInput, match=r"32000 Hz.*24000 Hz here.*sample_rate = 32000.*--sample-rate"):
        digest(engine, utterance(sample_rate=32_000))
    assert digest(engine, utterance(sample_rate=24_000)) == digest(engine, utterance())


def test_it_speaks_at_the_rate_that_its_table_names(tmp_path: Path) -> None:
    with process_left_as_it_was():  # another checkout, with windows of its own
        known = {
            name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in UPSTREAMS
        }
        make_checkout(tmp_path / "GLM-TTS")
        pieces = list(loaded(tmp_path, sample_rate=32_000).synthesize(utterance()))
    sys.modules.update(known)
    assert {piece.sample_rate_hz for piece in pieces} == {32_000}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"checkpoint": "x"}, "checkpoint is no setting"),
        ({"path": 3}, "path = 3"),
        ({"sample_rate": 16_000}, "sample_rate = 16000; there are: 24000, 32000"),
        ({"sample_rate": True}, "sample_rate"),
        ({"phonemes": "yes"}, "phonemes = 'yes'"),
        ({"history": 1}, "history = 1"),
        ({"sample_method": "greedy"}, "sample_method = 'greedy'; there are: 'ras', 'topk'"),
        ({}, "path is not set"),
    ],
)
def test_an_impossible_setting_is_named(settings: Mapping[str, Setting], told: str) -> None:
    with pytest.raises(SettingsError, match=rf"engine\.glm_upstream\.{told}"):
        GlmUpstreamEngine().load(settings, device="cpu", voice=None)


def test_a_voice_that_is_not_there_is_told_before_minutes_of_loading(bench: Path) -> None:
    with pytest.raises(VoiceNotFound, match="'bob'"):
        GlmUpstreamEngine().load({"path": "nowhere"}, device="cpu", voice="bob")
    # A cloned voice has its name from the parent, and its recording with it.
    engine = GlmUpstreamEngine()
    engine.prepare_reference(Reference(path=str(bench / "low.wav"), text=SAID), {})
    facts = engine.load({"path": str(bench / "GLM-TTS")}, device="cpu", voice="bob")
    assert (facts.voice, facts.clones) == ("bob", True)


# ------------------------------------------------------------------ life and memory


def test_there_are_signs_of_life_for_as_long_as_models_are_called(bench: Path) -> None:
    engine = GlmUpstreamEngine(look_s=0.01)
    engine.load({"path": str(bench / "GLM-TTS")}, device="cpu", voice=None)
    pieces = list(engine.synthesize(utterance("Slowly it goes on.")))
    signs = [piece for piece in pieces if not piece.samples.size]
    assert len(signs) > 5
    assert [piece.samples.size > 0 for piece in pieces] == [False] * len(signs) + [True]


def test_all_of_upstream_runs_in_one_thread(engine: GlmUpstreamEngine) -> None:
    digest(engine, utterance())
    before = threading.active_count()
    for number in range(5):
        digest(engine, utterance(f"Number {number}."))
    assert threading.active_count() == before


def test_what_it_keeps_is_declared_and_bounded(bench: Path, engine: GlmUpstreamEngine) -> None:
    digest(engine, in_voice(bench, "low"))
    declared = engine.vitals().declared_bytes
    assert declared is not None
    assert 0 < declared < 16 * 2**20
    for number in range(40):
        digest(engine, in_voice(bench, "low", f"Number {number}."))
    assert engine.vitals().declared_bytes == declared
    engine.release_caches()
    assert engine.vitals().declared_bytes == declared


def test_the_checkpoint_is_read_ahead_by_its_large_files(tmp_path: Path) -> None:
    made = make_engine("glm-upstream")
    root = make_checkout(tmp_path / "GLM-TTS")
    (root / "ckpt" / ".git").mkdir()
    (root / "ckpt" / ".git" / "pack").write_bytes(bytes(2**21))
    assert weight_files_of(made, {"path": str(root)}) == [
        str(root / "ckpt" / "speech_tokenizer" / "model.pt")
    ]
    assert weight_files_of(made, {"path": str(tmp_path / "none")}) == []
    assert weight_files_of(made, {}) == []


PREPARES = """
import sys
from child.forkable import why_not
from child.glm_upstream import GlmUpstreamEngine

GlmUpstreamEngine().prepare({"path": sys.argv[1]}, device="auto")
print(why_not())
"""


def test_what_is_prepared_can_be_forked_and_touches_no_checkout(tmp_path: Path) -> None:
    # In a process of its own: whatever other tests left running here is no thread of the template's.
    command = [sys.executable, "-c", PREPARES, str(tmp_path / "none")]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # as a template has it
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert said.stdout == "None\n"
    with pytest.raises(SettingsError, match="histori"):
        GlmUpstreamEngine().prepare({"histori": True}, device="auto")
