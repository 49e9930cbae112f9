"""The stages of a checkpoint: what is loaded when, and what of a voice is told to the language model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.tts_core.speaking import parts, voice_of
from tts_core.checkpoint import Checkpoint
from tts_core.errors import SettingError
from tts_core.parts import CAPACITY_TOKENS, Parts, Tables
from tts_core.voice.voice import Voice


@pytest.fixture(scope="module")
def opened(small_checkpoint: Path, small_configs: Path, text_cache: Path) -> Parts:
    return parts(small_checkpoint, small_configs, text_cache)


@pytest.fixture(scope="module")
def voice(small_checkpoint: Path, small_reference: Path) -> Voice:
    return voice_of(small_checkpoint, small_reference, "It's 7 o'clock.")


def test_model_and_flow_have_the_type_that_is_asked_for_and_lie_on_the_cpu(
    small_checkpoint: Path, text_cache: Path, opened: Parts
) -> None:
    tables = Tables(configs=None, lexicon=None, cache=text_cache)
    halved = Parts(Checkpoint(small_checkpoint), tables, "bf16")
    assert (opened.lm.dtype, halved.lm.dtype) == (torch.float32, torch.bfloat16)
    assert (opened.precision, halved.precision) == ("fp32", "bf16")
    assert opened.device == opened.flow.device == torch.device("cpu")
    assert halved.flow.held_bytes < opened.flow.held_bytes


def test_a_vocoder_is_loaded_when_its_rate_is_spoken_and_once(opened: Parts) -> None:
    both = [opened.vocoder(rate_hz) for rate_hz in (24_000, 32_000)]
    assert both[0] is not both[1]
    assert [opened.vocoder(rate_hz) for rate_hz in (24_000, 32_000)] == both
    opened.move(torch.device("cpu"))
    assert opened.vocoder(24_000) is both[0]


def test_keys_and_values_have_one_room_and_what_needs_more_a_passing_one(
    small_checkpoint: Path, text_cache: Path
) -> None:
    fresh = parts(small_checkpoint, None, text_cache)
    assert fresh.cache_bytes() == 0
    room = fresh.cache(10)
    assert fresh.cache(CAPACITY_TOKENS) is room
    held = fresh.cache_bytes()
    assert held == room.held_bytes > 0
    larger = fresh.cache(CAPACITY_TOKENS + 1)
    assert larger is not room
    assert larger.capacity_tokens > CAPACITY_TOKENS
    assert fresh.cache_bytes() == held
    fresh.get_ready()  # of use on a card alone
    assert fresh.cache(1) is room


def test_the_model_is_told_a_voice_s_text_as_it_is_read_and_its_tokens(opened: Parts, voice: Voice) -> None:
    prompt = opened.prompt_of(voice)
    heard = opened.front.normalise(voice.text) + " "
    assert prompt.text == tuple(opened.tokenizer.encode(heard))
    assert prompt.speech == tuple(voice.speech[0].tolist())
    assert opened.prompt_of(voice) is prompt
    silent = replace(voice, text="")
    assert opened.prompt_of(silent).text == ()
    assert opened.prompt_of(voice) == prompt


def test_phonemes_are_spelled_where_they_are_wanted_and_there_are_tables(
    opened: Parts, small_checkpoint: Path, text_cache: Path
) -> None:
    text = "我们去重庆。"
    assert opened.phonemes(wanted=False)(text) == text
    assert "<|CH|><|ONG2|>" in opened.phonemes(wanted=True)(text)
    without = parts(small_checkpoint, None, text_cache)
    assert without.phonemes(wanted=False)(text) == text
    with pytest.raises(SettingError, match=r"G2P_replace_dict\.jsonl.*engine\.glm\.configs"):
        without.phonemes(wanted=True)
