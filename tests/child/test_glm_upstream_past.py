"""The history as bytes: what was written down is what is read."""

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from child.engine import EngineError
from child.glm_upstream_past import Cache, past_of, remember

ids = st.lists(st.integers(0, 98303), max_size=40)
spoken = st.lists(st.tuples(st.text(max_size=20), ids, ids), max_size=6)
Spoken = list[tuple[str, list[int], list[int]]]


def prompt() -> Cache:
    return Cache(texts=["prompt."], text_tokens=[torch.tensor([[1, 2]])], speech_tokens=[[7, 8, 9]])


def grown(pieces: Spoken, *, dtype: torch.dtype = torch.int32) -> Cache:
    cache = prompt()
    for text, words, speech in pieces:
        cache.texts.append(text)
        cache.text_tokens.append(torch.tensor([words], dtype=dtype))
        cache.speech_tokens.append(speech)
    return cache


def shown(cache: Cache) -> list[object]:
    tensors = [item for item in cache.text_tokens if isinstance(item, torch.Tensor)]
    assert len(tensors) == len(cache.text_tokens)
    words = [(item.dtype, item.device, item.shape, [int(each) for each in item[0]]) for item in tensors]
    return [cache.texts, words, cache.speech_tokens]


@given(spoken, st.sampled_from([torch.int32, torch.int64]))
def test_another_process_goes_on_with_the_same_lists(pieces: Spoken, dtype: torch.dtype) -> None:
    before = grown(pieces, dtype=dtype)
    after = prompt()
    remember(after, past_of(before))
    assert shown(after) == shown(before)


def test_nothing_before_is_nothing_to_remember() -> None:
    cache = prompt()
    remember(cache, b"")
    assert shown(cache) == shown(prompt())


def test_the_prompt_is_no_part_of_it_and_comes_with_the_voice() -> None:
    other = Cache(texts=["other."], text_tokens=[torch.tensor([[5]])], speech_tokens=[[6]])
    remember(other, past_of(grown([("said.", [3], [4])])))
    assert other.texts == ["other.", "said."]


def test_texts_whose_tokens_were_dropped_are_dropped_as_well() -> None:
    cache = grown([(f"{number}.", [number], [number]) for number in range(5)])
    del cache.text_tokens[1:4], cache.speech_tokens[1:4]
    after = prompt()
    remember(after, past_of(cache))
    assert after.texts == ["prompt.", "3.", "4."]


def test_what_upstream_lets_stand_is_small() -> None:
    # 750 speech tokens, and the longest that one short text may add: 20 for each of 60 tokens.
    pieces: Spoken = [("字" * 60, [98303] * 60, [32767] * 1200), ("字" * 750, [98303] * 750, [32767] * 750)]
    assert len(past_of(grown(pieces))) < 32 * 1024


def test_a_history_that_only_grows_is_told_with_the_mend() -> None:
    with pytest.raises(EngineError, match=r"has grown to \d+ bytes.*history = false"):
        past_of(grown([("字", [98303], [32767] * 1200) for _ in range(60)]))


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xc1",
        msgspec.msgpack.encode([1, ["a"], [], []])[:-1],
        msgspec.msgpack.encode([2, [], [], []]),
        msgspec.msgpack.encode(
            [1, [], [{"dtype": "int32", "shape": [9], "device": "cpu", "body": b"1234"}], []]
        ),
        msgspec.msgpack.encode([1, [], [{"dtype": "bool", "shape": [1], "device": "cpu", "body": b"1"}], []]),
    ],
)
def test_what_is_no_history_is_told_with_the_mend(damaged: bytes) -> None:
    with pytest.raises(EngineError, match="--fresh"):
        remember(prompt(), damaged)


def test_a_kind_that_cannot_be_carried_over_is_told_with_the_mend() -> None:
    cache = grown([("said.", [3], [4])])
    cache.speech_tokens[1] = {4}
    with pytest.raises(EngineError, match=r"a set in its history.*history = false"):
        past_of(cache)
