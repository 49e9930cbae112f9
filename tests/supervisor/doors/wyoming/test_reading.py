"""A text becomes pieces with silence between them, and what is told at its end."""

from dataclasses import replace

import pytest
from wyoming.event import Event

from supervisor.doors.wyoming.reading import SLICE_CHARS, End, Piece, Reading, slices
from supervisor.loop.service import CannotAsk
from tests.supervisor.doors.wyoming.doors import MANNER

TEXT = "One. Two.\n\nThree."


def test_sentences_of_a_stream_are_audio_each_with_the_narrations_pauses() -> None:
    reading = Reading("ada", MANNER, is_stream=True)
    *pieces, end = [*reading.feed(TEXT), *reading.finish()]
    assert pieces == [
        Piece(text="One.", voice="ada", silence_s=0.0),
        Piece(text="Two.", voice="ada", silence_s=0.25),
        Piece(text="Three.", voice="ada", silence_s=0.5),
    ]
    assert isinstance(end, Event)
    assert end.type == "synthesize-stopped"


def test_sentences_of_a_whole_text_are_one_audio_with_the_silence_that_is_configured() -> None:
    reading = Reading(None, replace(MANNER, sentence_silence_s=0.75), is_stream=False)
    *pieces, end = [*reading.feed(TEXT), *reading.finish()]
    assert pieces == [
        Piece(text=text, voice=None, silence_s=silence_s, closes=False)
        for text, silence_s in (("One.", 0.0), ("Two.", 0.75), ("Three.", 0.75))
    ]
    assert end is End.OF_AUDIO


def test_nothing_to_speak_in_all_of_it_is_refused() -> None:
    reading = Reading(None, MANNER, is_stream=True)
    assert reading.feed("... ! ") == []
    with pytest.raises(CannotAsk, match="nothing to speak"):
        reading.finish()


def test_slices_are_the_text() -> None:
    text = "x" * (2 * SLICE_CHARS + 5)
    assert [len(piece) for piece in slices(text)] == [SLICE_CHARS, SLICE_CHARS, 5]
    assert "".join(slices(text)) == text
    assert list(slices("")) == []
