"""One request while it is spoken: its segments in memory, its audio in passing files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec

from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import JobSize
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.ledger_values import StoredAudio
from supervisor.loop.service import CannotAsk, ErrorKind
from supervisor.narration.degrading import Recut

#: Below the state folder.
FOLDER_NAME: Final = "requests"

#: What a segment failed of, as a client is told, and whether the same request may fare better.
_KINDS: Final[dict[str, tuple[ErrorKind, bool]]] = {
    "oom": ("oom", True),
    "child_hung": ("child_hung", True),
    "quality": ("quality_failed", False),
    "bad_input": ("bad_input", False),
    "voice_not_found": ("voice_not_found", False),
}


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of a request that is spoken: its file, and how many hand-outs it took."""

    audio: StoredAudio
    attempts: int


class Utterance:
    """The shelf of one request. Nothing of it is durable: whoever waits for it asks again."""

    def __init__(
        self,
        job: str,
        segments: tuple[WaitingSegment, ...],
        state: Path,
        *,
        worded: Callable[[str], str] = str,
    ) -> None:
        """Make it.

        Args:
            job: Id of the request; a file's name.
            segments: In speaking order; keys are their numbers.
            state: The state folder.
            worded: Returns what is told of why a segment failed.
        """
        self._job = job
        self._worded = worded
        self._state = state
        self._waiting = {segment.key: segment for segment in segments}
        self._order = [segment.key for segment in segments]
        self._spoken: dict[str, Spoken] = {}
        self._failure: CannotAsk | None = None
        self._changed = asyncio.Event()

    # ------------------------------------------------------------------ for whoever asked

    async def pieces(self) -> AsyncIterator[Spoken]:
        """Yield the segments in order, each when it is spoken.

        Raises:
            CannotAsk: If one of them cannot be spoken.
        """
        for key in self._order:
            while key not in self._spoken:
                if self._failure is not None:
                    raise self._failure
                self._changed.clear()
                await self._changed.wait()
            yield self._spoken[key]

    def fail(self, failure: CannotAsk) -> None:
        """Let whoever waits know that what is not spoken will not be; the first reason stands."""
        if self._failure is None:
            self._failure = failure
            self._changed.set()

    def remove_files(self) -> None:
        """Delete what was spoken."""
        for spoken in self._spoken.values():
            (self._state / spoken.audio.path).unlink(missing_ok=True)

    # ------------------------------------------------------------------ for the runner

    @property
    def job(self) -> str:  # noqa: D102 -- as in Shelf, here and below
        return self._job

    def waiting(self, after: int, limit: int) -> list[WaitingSegment]:  # noqa: D102 -- likewise
        return [segment for segment in self._waiting.values() if segment.number > after][:limit]

    def size(self) -> JobSize:  # noqa: D102 -- likewise
        chars = sum(len(segment.text) for segment in self._waiting.values())
        over = len(self._order) - len(self._waiting)
        return JobSize(
            job=self._job, segments=len(self._order), over=over, chars_left=chars, audio_s=0.0, titles=()
        )

    def begin_audio(self, key: str) -> AudioPart:  # noqa: D102 -- likewise
        return AudioPart(self._state / self.audio_name(key), durable=False)

    def audio_name(self, key: str) -> str:  # noqa: D102 -- likewise
        return f"{FOLDER_NAME}/{self._job}-{key}.wav"

    def claim(self, key: str) -> None:  # noqa: D102 -- likewise
        segment = self._waiting[key]
        self._waiting[key] = msgspec.structs.replace(segment, attempts=segment.attempts + 1)

    def unclaim(self, key: str, *, killed: bool) -> None:  # noqa: D102 -- likewise
        segment = self._waiting[key]
        self._waiting[key] = msgspec.structs.replace(
            segment, attempts=segment.attempts - 1, killed=segment.killed + killed
        )

    def charge(self, key: str) -> None:
        """Let a hand-out count: it was counted when it was claimed."""

    def set_aside(self, key: str, kind: str, message: str) -> None:  # noqa: D102 -- likewise
        del self._waiting[key]
        told, retryable = _KINDS.get(kind, ("child_crashed", True))
        self.fail(CannotAsk(self._worded(message), kind=told, retryable=retryable))

    def done(self, stored: StoredAudio, attempts: int) -> None:  # noqa: D102 -- likewise
        del self._waiting[stored.key]
        self._spoken[stored.key] = Spoken(audio=stored, attempts=attempts)
        self._changed.set()

    def set_paused(self, why: str) -> None:
        """Nothing is noted of a request that waits: `status` has the reason."""

    async def recut(self, chapter: int, why: str) -> Recut:
        """Leave it as it is: its bytes are those that were asked for."""
        return Recut(chapter=chapter, why=f"{why}: a request is spoken as it was asked for")
