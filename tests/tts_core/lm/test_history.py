"""The past as a value: what is kept of it, beside upstream's list, and through bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_core.errors import SettingError
from tts_core.lm.generation import Prompt
from tts_core.lm.history import History


def item(text: int, speech: int) -> Prompt:
    return Prompt(text=tuple(range(text)), speech=tuple(range(speech)))


ITEMS = st.builds(item, st.integers(0, 60), st.integers(0, 400))
FIRST = Prompt(text=(1, 2, 3), speech=(10, 20, 30, 40, 50, 60))


class UpstreamLists:
    """The lists of the model's own script, which lose items for good when a prompt is made."""

    def __init__(self, first: Prompt) -> None:
        self.items = [first]

    def prompt(self, text_tokens: int) -> Prompt:
        speech = sum(len(item.speech) for item in self.items)
        text = sum(len(item.text) for item in self.items)
        estimate = int(speech / (text or 1) * text_tokens)
        while sum(len(item.speech) for item in self.items) + estimate > 750 and len(self.items) > 1:
            del self.items[1]
        return Prompt(
            text=sum((item.text for item in self.items), ()),
            speech=sum((item.speech for item in self.items), ()),
        )


@given(ITEMS, st.lists(ITEMS, max_size=12))
def test_it_is_upstream_s_list_over_a_whole_chapter(first: Prompt, segments: list[Prompt]) -> None:
    lists, past = UpstreamLists(first), History()
    for segment in segments:
        expected = lists.prompt(len(segment.text))
        assert past.prompt(first, len(segment.text)) == expected
        lists.items.append(segment)
        past = past.after(first, segment.text, segment.speech)
        assert (first, *past.items) == tuple(lists.items)


def test_without_a_past_the_prompt_is_the_voice_s_however_long() -> None:
    assert History().prompt(FIRST, 10**6) == FIRST


def test_the_oldest_goes_first_and_the_voice_never() -> None:
    past = History().after(FIRST, (4,), tuple(range(300))).after(FIRST, (5,), tuple(range(400)))
    # 706 tokens of 5 text tokens; 44 are free, so one text token of 141 is too many.
    assert past.prompt(FIRST, 1) == Prompt(text=(1, 2, 3, 5), speech=(*FIRST.speech, *range(400)))
    assert past.prompt(FIRST, 10) == FIRST


def test_asking_for_a_prompt_changes_nothing() -> None:
    past = History().after(FIRST, (4,), tuple(range(700)))
    assert past.prompt(FIRST, 50) == FIRST
    assert len(past.items) == 1


@given(st.lists(ITEMS, max_size=6))
def test_through_bytes_it_is_the_same_and_the_bytes_are(items: list[Prompt]) -> None:
    past = History(items=tuple(items))
    assert History.from_bytes(past.to_bytes()) == past
    assert History.from_bytes(past.to_bytes()).to_bytes() == past.to_bytes()


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"not a history",
        History().to_bytes()[:-1],
        msgspec.msgpack.encode([2, []]),
        msgspec.msgpack.encode([1, [[[1], [-2]]]]),
        msgspec.msgpack.encode([1, [[[1], ["a"]]]]),
        msgspec.msgpack.encode([1, [], "more"]),
    ],
)
def test_bytes_that_are_no_history_are_refused(kept: bytes) -> None:
    with pytest.raises(SettingError, match="speak the chapter anew"):
        History.from_bytes(kept)
