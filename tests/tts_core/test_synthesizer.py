"""The laws of whole utterances: what a text sounds like depends on what it is given, and on nothing else."""

import gc
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.tts_core.small_checkpoint import id_of, make_small_checkpoint, write_recording
from tests.tts_core.speaking import PLAIN, WIDE, Stage, digest, parts, said, voice_of
from tts_core.checkpoint import Checkpoint
from tts_core.dumping import cuts_as_upstream
from tts_core.errors import CapReached, SettingError, TextError
from tts_core.lm.generation import Limits
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts
from tts_core.synthesizer import CACHED_FROM_CHARS, Synthesizer

# Whole utterances, and where all cores are busy they take their time.
pytestmark = pytest.mark.timeout(120)

TEXTS = [
    "The ferry leaves at ten.",
    "我最爱吃人参果，你喜欢吃吗？",
    "It was late, nobody had come, and the rain went on; one by one the lamps along the quay went out.",
    "a",
    "7",
]


@pytest.fixture(scope="module")
def stage(
    small_checkpoint: Path,
    small_configs: Path,
    small_reference: Path,
    text_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stage:
    other = write_recording(tmp_path_factory.mktemp("stage") / "other.wav", seed=1)
    return Stage(
        checkpoint=small_checkpoint,
        configs=small_configs,
        cache=text_cache,
        synthesizer=Synthesizer(parts(small_checkpoint, small_configs, text_cache)),
        voices=(
            voice_of(small_checkpoint, small_reference, "Hello there."),
            voice_of(small_checkpoint, other, "你好，朋友。"),
        ),
    )


# ------------------------------------------------------------------ the laws


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_seed_gives_the_same_bytes_whatever_was_spoken_before(stage: Stage, text: str) -> None:
    alone = digest(said(stage.again(), text, stage.voices[0], PLAIN, seed=3))
    for other in TEXTS:
        said(stage.synthesizer, other, stage.voices[1], WIDE, seed=5)
    assert digest(said(stage.synthesizer, text, stage.voices[0], PLAIN, seed=3)) == alone


def test_seed_voice_and_text_each_make_a_difference(stage: Stage) -> None:
    base = said(stage.synthesizer, TEXTS[0], stage.voices[0], PLAIN, seed=3)
    others = [
        said(stage.synthesizer, TEXTS[0], stage.voices[0], PLAIN, seed=4),
        said(stage.synthesizer, TEXTS[0], stage.voices[1], PLAIN, seed=3),
        said(stage.synthesizer, "The ferry leaves at two.", stage.voices[0], PLAIN, seed=3),
    ]
    assert len({digest(one) for one in (base, *others)}) == 4


def test_streamed_is_whole(stage: Stage) -> None:
    for each in stage.synthesizer.cuts(TEXTS[2], phonemes=False):
        chance = torch.Generator().manual_seed(3)
        tokens = list(stage.synthesizer.tokens(each, stage.voices[0], History(), PLAIN, chance))
        mel = stage.synthesizer.mel(tokens, stage.voices[0], PLAIN, chance)
        state = chance.get_state()
        vocoder = stage.synthesizer.parts.vocoder(24_000)
        pieces = list(vocoder.pieces(mel, generator=chance))
        assert len(pieces) > 1
        whole = vocoder.wave(mel, generator=chance.set_state(state))
        assert torch.equal(torch.cat(pieces), whole[0])


@pytest.mark.parametrize("text", TEXTS)
def test_kept_keys_and_values_or_none_the_same_tokens_and_audio(stage: Stage, text: str) -> None:
    kept = said(stage.synthesizer, text, stage.voices[0], replace(PLAIN, kv_cache=True), seed=3)
    anew = said(stage.synthesizer, text, stage.voices[0], replace(PLAIN, kv_cache=False), seed=3)
    assert kept.shape == anew.shape
    # Tokens are the same, or the length would not be; sums in another order differ in the last bits.
    assert torch.allclose(kept, anew, atol=1e-4)


def test_auto_looks_at_the_text_alone(stage: Stage) -> None:
    short, long = "a" * (CACHED_FROM_CHARS - 2), "a" * CACHED_FROM_CHARS  # a full stop is added to both
    for text, cached in ((short, False), (long, True)):
        asked = said(stage.again(), text, stage.voices[0], replace(PLAIN, kv_cache=cached), seed=3)
        auto = said(stage.again(), text, stage.voices[0], PLAIN, seed=3)
        assert digest(auto) == digest(asked)


def test_what_is_held_after_many_utterances_is_what_was_held_after_three(stage: Stage) -> None:
    synthesizer = stage.again()

    def held() -> int:
        gc.collect()
        storages = {
            one.untyped_storage().data_ptr(): one.untyped_storage().nbytes()
            for one in gc.get_objects()
            if type(one) in (torch.Tensor, torch.nn.Parameter)
        }
        return sum(storages.values())

    after: list[int] = []
    for turn in range(12):
        manner = WIDE if turn % 2 else PLAIN
        said(synthesizer, TEXTS[turn % len(TEXTS)], stage.voices[turn % 2], manner, seed=turn)
        after.append(held())
    assert max(after[3:]) <= after[2] + 4096


def test_a_past_carries_over_and_can_be_kept(stage: Stage) -> None:
    first, second = TEXTS[0], TEXTS[1]
    synthesizer = stage.synthesizer
    said(synthesizer, first, stage.voices[0], PLAIN, seed=3, past=History())
    kept = synthesizer.past.to_bytes()
    went_on = digest(said(synthesizer, second, stage.voices[0], PLAIN, seed=3, past=synthesizer.past))
    elsewhere = stage.again()
    again = said(elsewhere, second, stage.voices[0], PLAIN, seed=3, past=History.from_bytes(kept))
    assert digest(again) == went_on
    assert digest(said(elsewhere, second, stage.voices[0], PLAIN, seed=3)) != went_on


def test_what_is_not_spoken_to_its_end_leaves_no_past(stage: Stage) -> None:
    pieces = stage.synthesizer.speak(TEXTS[2], stage.voices[0], seed=3, manner=PLAIN, past=History())
    next(pieces)
    pieces.close()
    assert stage.synthesizer.past == History()


# ------------------------------------------------------------------ faults of the model's own code


def test_a_hundred_changes_of_the_rate_in_one_process(stage: Stage) -> None:
    wanted = {
        manner: digest(said(stage.again(), "Hi.", stage.voices[0], manner, seed=1))
        for manner in (PLAIN, WIDE)
    }
    lm = stage.synthesizer.parts.lm
    for turn in range(100):
        manner = WIDE if turn % 2 else PLAIN
        assert digest(said(stage.synthesizer, "Hi.", stage.voices[0], manner, seed=1)) == wanted[manner]
    assert stage.synthesizer.parts.lm is lm


def test_a_voice_after_another_gives_the_bytes_of_a_fresh_process(stage: Stage) -> None:
    fresh = digest(said(stage.again(), TEXTS[0], stage.voices[1], PLAIN, seed=1))
    for _ in range(3):
        said(stage.synthesizer, TEXTS[0], stage.voices[0], PLAIN, seed=1)
        assert digest(said(stage.synthesizer, TEXTS[0], stage.voices[1], PLAIN, seed=1)) == fresh


def test_long_english_without_marks_is_spoken_whole(stage: Stage) -> None:
    text = " ".join(["internationalization"] * 40)
    with pytest.raises(TextError):  # the model's own splitting dies of it
        list(cuts_as_upstream(stage.synthesizer, text, phonemes=False))
    cuts = stage.synthesizer.cuts(text, phonemes=False)
    assert len(cuts) > 1
    assert sum(cut.text.count("internationalization") for cut in cuts) == 40


@pytest.mark.parametrize(
    "text", [" leading space", "　全角空格开头", "\n\nlines", " ？", "？", "?", "", " ", "...", "😀"]
)
def test_odd_texts_are_spoken(stage: Stage, text: str) -> None:
    samples = said(stage.synthesizer, text, stage.voices[0], PLAIN, seed=1)
    assert samples.numel() > 0
    assert bool(samples.isfinite().all())


def whole_lm(folder: Path) -> tuple[dict[str, torch.Tensor], str]:
    """Take the weights out of their shards, to be written anew; and the name of the head's."""
    state = {
        name: tensor for shard in folder.glob("*.safetensors") for name, tensor in load_file(shard).items()
    }
    for file in folder.glob("model*"):
        file.unlink()
    return state, "lm_head.weight" if "lm_head.weight" in state else "model.embed_tokens.weight"


def test_an_id_of_text_is_never_drawn(tmp_path: Path, stage: Stage) -> None:
    folder = make_small_checkpoint(tmp_path / "ckpt", seed=0)
    state, head = whole_lm(folder / "llm")
    # Text ids score like audio ids now: without a mask some would be drawn.
    first = id_of("<|audio_0|>")
    state[head][:256] = state[head][first : first + 256]
    save_file(state, folder / "llm" / "model.safetensors")
    synthesizer = Synthesizer(parts(folder, None, stage.cache))
    drawn: list[int] = []
    for only_audio in (False, True):
        manner = Manner(cap_fails=False, only_audio=only_audio)
        for seed in range(8):
            chance = torch.Generator().manual_seed(seed)
            (cut,) = synthesizer.cuts(TEXTS[0], phonemes=False)
            tokens = list(synthesizer.tokens(cut, stage.voices[0], History(), manner, chance))
            if only_audio:
                assert all(0 <= token < 32768 for token in tokens)
            else:
                drawn += tokens
    assert min(drawn) < 0, "the weights were to draw text ids where nothing forbids it"


# ------------------------------------------------------------------ refusals


def test_a_cut_that_comes_to_no_end_fails_and_the_next_one_is_whole(tmp_path: Path, stage: Stage) -> None:
    folder = make_small_checkpoint(tmp_path / "ckpt", seed=0)
    state, head = whole_lm(folder / "llm")
    state[head][id_of("<|user|>")] = -state[head][id_of("<|user|>")] * 4
    save_file(state, folder / "llm" / "model.safetensors")
    synthesizer = Synthesizer(parts(folder, None, stage.cache))
    with pytest.raises(CapReached, match="no end"):
        said(synthesizer, TEXTS[0], stage.voices[0], PLAIN, seed=1, past=History())
    assert synthesizer.past == History()
    ends = Manner(cap_fails=False)
    (cut,) = synthesizer.cuts(TEXTS[3], phonemes=False)
    tokens = list(synthesizer.tokens(cut, stage.voices[0], History(), ends, torch.Generator().manual_seed(1)))
    assert len(tokens) == Limits.of(len(cut.ids)).most


def test_phonemes_without_tables_are_refused_with_the_mend(stage: Stage, small_checkpoint: Path) -> None:
    synthesizer = Synthesizer(parts(small_checkpoint, None, stage.cache))
    with pytest.raises(SettingError, match="pronunciation tables"):
        said(synthesizer, TEXTS[1], stage.voices[0], replace(PLAIN, phonemes=True), seed=1)


def test_phonemes_are_heard(stage: Stage) -> None:
    plain = stage.synthesizer.cuts("重庆的朋友。", phonemes=False)
    spelled = stage.synthesizer.cuts("重庆的朋友。", phonemes=True)
    assert plain[0].text == "重庆的朋友。"
    assert spelled[0].text.startswith("<|CH|><|ONG2|><|Q|><|ING4|>的")
    assert len(spelled[0].ids) != len(plain[0].ids)


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_cut_into_something_that_can_be_said(stage: Stage, text: str) -> None:
    cuts = stage.synthesizer.cuts(text, phonemes=False)
    assert cuts
    assert all(cut.ids for cut in cuts)


# ------------------------------------------------------------------ ids instead of texts


def test_cuts_of_ids_are_spoken_without_what_normalises_texts(stage: Stage, small_checkpoint: Path) -> None:
    cuts = stage.synthesizer.cuts(TEXTS[0], phonemes=False)
    silent = replace(stage.voices[0], text="")
    bare = Synthesizer(Parts(Checkpoint(small_checkpoint), None, "fp32"))
    pieces = bare.speak_cuts(cuts, silent, seed=3, manner=PLAIN)
    alone = digest(piece.samples for piece in pieces)
    assert digest(said(stage.synthesizer, TEXTS[0], silent, PLAIN, seed=3)) == alone
    with pytest.raises(SettingError, match="for ids alone"):
        next(bare.speak(TEXTS[0], silent, seed=3, manner=PLAIN))
