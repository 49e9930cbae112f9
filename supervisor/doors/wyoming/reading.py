"""What a text becomes before it is asked for: pieces to be spoken, and what is told between them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from wyoming.event import Event
from wyoming.tts import SynthesizeStopped

from supervisor.doors.wyoming.asked import refused
from supervisor.doors.wyoming.sentences import Sentence, Sentences

#: Of a text that is looked at in one turn of the loop: some milliseconds at worst.
SLICE_CHARS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How texts are spoken for this door.

    Attributes:
        sample_rate_hz: Of all audio; None = the engine's own.
        sentence_silence_s: Each sentence is spoken by itself, with so much silence before the next one; None
            = a text that comes whole is spoken whole, and sentences of a stream keep the narration's pauses.
        pause_sentence_s: The narration's, between sentences.
        pause_paragraph_s: The narration's, between paragraphs.
    """

    sample_rate_hz: int | None
    sentence_silence_s: float | None
    pause_sentence_s: float
    pause_paragraph_s: float

    def pause_s(self, sentence: Sentence) -> float:
        """Return the silence before a sentence that is not the first."""
        if self.sentence_silence_s is not None:
            return self.sentence_silence_s
        return self.pause_paragraph_s if sentence.begins_paragraph else self.pause_sentence_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text that is spoken at once.

    Attributes:
        text: As it is asked for.
        voice: Name; None = the service's own.
        silence_s: Before it.
        closes: Whether its audio ends with it: `audio-stop`.
    """

    text: str
    voice: str | None
    silence_s: float = 0.0
    closes: bool = True


class End(Enum):
    """Ends the audio of all pieces before it."""

    OF_AUDIO = "audio-stop"


#: What is done in turn: a piece is spoken, audio is ended, an event is told.
Order = Piece | End | Event


class Reading:
    """Makes a text that comes in pieces into orders: sentence by sentence.

    Args:
        voice: Name; None = the service's own.
        manner: Of this door.
        is_stream: Whether each sentence is audio of its own and the end is told; else all of it is one.
    """

    def __init__(self, voice: str | None, manner: Manner, *, is_stream: bool) -> None:
        self._voice = voice
        self._manner = manner
        self._is_stream = is_stream
        self._sentences = Sentences()
        self._has_begun = False

    def feed(self, text: str) -> list[Order]:
        """Take a piece of the text."""
        return [self._piece(sentence) for sentence in self._sentences.feed(text)]

    def finish(self) -> list[Order]:
        """Take its end.

        Raises:
            CannotAsk: `bad_input` where there was nothing to speak in all of it.
        """
        last = self._sentences.finish()
        orders: list[Order] = [] if last is None else [self._piece(last)]
        if not self._has_begun:
            raise refused("text: nothing to speak in it; give it letters or digits")
        return [*orders, SynthesizeStopped().event() if self._is_stream else End.OF_AUDIO]

    def _piece(self, sentence: Sentence) -> Piece:
        silence_s = self._manner.pause_s(sentence) if self._has_begun else 0.0
        self._has_begun = True
        text = sentence.text.strip()
        return Piece(text=text, voice=self._voice, silence_s=silence_s, closes=self._is_stream)


def slices(text: str) -> Iterator[str]:
    """Cut a text where it is as long as may be looked at in one turn."""
    return (text[at : at + SLICE_CHARS] for at in range(0, len(text), SLICE_CHARS))
