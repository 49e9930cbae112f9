"""What was spoken before, as a value: the next segment's prompt is made of it, and it can be kept.

Upstream calls it the cache ("use KV cache" in its pages). It is no key-value cache: those are made
anew for each segment. As a value it can be stored beside the segment that it was the past of, so that
the same segment spoken again, in another process, has the same past; and a segment that failed never
gets into it.
"""

from dataclasses import dataclass

import msgspec

from tts_core.errors import SettingError
from tts_core.lm.generation import Prompt

#: Speech tokens of the prompt and the estimated segment together: 30 s at 25 a second.
MOST_SPEECH_TOKENS = 750

_VERSION = 1


class _Kept(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    items: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The segments since the beginning of the chapter or line; the voice's own prompt is not among them.

    Attributes:
        items: For each its text ids and its speech tokens, oldest first.
    """

    items: tuple[Prompt, ...] = ()

    def prompt(self, first: Prompt, text_tokens: int) -> Prompt:
        """Return what the next segment is to continue.

        Args:
            first: The voice's own text and speech; always kept.
            text_tokens: Of the next segment.

        Returns:
            `first` and the history in one, without its oldest items where they would be too long.
        """
        items = (first, *self.kept(first, text_tokens).items)
        return Prompt(
            text=tuple(one for item in items for one in item.text),
            speech=tuple(one for item in items for one in item.speech),
        )

    def kept(self, first: Prompt, text_tokens: int) -> "History":
        """Return what is left of it for a segment of `text_tokens`.

        The segment's length is estimated from the pace of all that was said; items go, oldest
        first, while that and all speech before are more than 750 tokens. What is gone stays gone.
        """
        items = (first, *self.items)
        text = sum(len(item.text) for item in items)
        speech = sum(len(item.speech) for item in items)
        estimate = int(speech / (text or 1) * text_tokens)
        at = 1
        while at < len(items) and speech + estimate > MOST_SPEECH_TOKENS:
            speech -= len(items[at].speech)
            at += 1
        return History(items=items[at:])

    def after(self, first: Prompt, text_ids: tuple[int, ...], speech: tuple[int, ...]) -> "History":
        """Return the history after a segment: what was left for it, and the segment.

        Args:
            first: The voice's, as for `prompt`.
            text_ids: Of the segment.
            speech: Its speech tokens, raw.
        """
        left = self.kept(first, len(text_ids)).items
        return History(items=(*left, Prompt(text=text_ids, speech=speech)))

    def to_bytes(self) -> bytes:
        """Return it in MessagePack, the same bytes for the same history."""
        items = tuple((item.text, item.speech) for item in self.items)
        return msgspec.msgpack.encode(_Kept(version=_VERSION, items=items))

    @classmethod
    def from_bytes(cls, kept: bytes) -> "History":
        """Return what `to_bytes` was given.

        Raises:
            SettingError: If that is not what these bytes are.
        """
        try:
            found = msgspec.msgpack.decode(kept, type=_Kept)
        except msgspec.DecodeError as error:
            raise SettingError(
                f"{len(kept)} bytes are no history ({error}): speak the chapter anew"
            ) from None
        numbers = (one for item in found.items for part in item for one in part)
        if found.version != _VERSION or any(one < 0 for one in numbers):
            raise SettingError(
                f"a history of version {found.version}, where {_VERSION} is known, or with negative ids:"
                " speak the chapter anew"
            )
        return cls(items=tuple(Prompt(text=text, speech=speech) for text, speech in found.items))
