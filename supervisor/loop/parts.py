"""The audio of segments on its way to the disk: begun, added to, stored or dropped."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.edge.ledger_values import StoredAudio
from supervisor.errors import DiskFull, SupervisorError
from supervisor.loop.shelf import Shelf

if TYPE_CHECKING:
    from supervisor.edge.audiofile import AudioPart

#: Takes what became of audio.
Tell = Callable[[ev.Stored | ev.StoreFailed], None]

AudioAction = do.OpenAudio | do.AppendAudio | do.DropAudio | do.StoreAudio


class Parts:
    """What is half written in one run."""

    def __init__(self, shelves: Mapping[str, Shelf]) -> None:
        """Begin with nothing.

        Args:
            shelves: By job: where audio lies, and what knows of it once it is whole.
        """
        self._shelves = shelves
        self._parts: dict[tuple[str, str], AudioPart] = {}  # by job and key

    def act(self, action: AudioAction, tell: Tell) -> None:
        """Carry one action out; a disk that takes no more is told, and all that was begun is dropped.

        Args:
            action: What to do.
            tell: Takes what became of it, before this returns.
        """
        try:
            self._act(action, tell)
        except SupervisorError as error:
            self.drop_all()
            tell(ev.StoreFailed(full=isinstance(error, DiskFull), message=str(error)))

    def drop_all(self) -> None:
        """Leave nothing that is half written."""
        for job, key in list(self._parts):
            self._drop(job, key)

    def _act(self, action: AudioAction, tell: Tell) -> None:
        match action:
            case do.OpenAudio():
                begun = self._shelves[action.job].begin_audio(action.key)
                self._parts[action.job, action.key] = begun
            case do.AppendAudio():
                part = self._parts.get((action.job, action.key))
                if part is not None:
                    part.append(action.pcm_s16le)
            case do.DropAudio():
                self._drop(action.job, action.key)
            case do.StoreAudio():
                self._store(action, tell)
            case _:
                assert_never(action)

    def _store(self, action: do.StoreAudio, tell: Tell) -> None:
        job, key, done = action.segment.job, action.segment.key, action.done
        part = self._parts.pop((job, key), None)
        if part is None:
            return  # the disk is full: said already, by the append that failed
        audio = part.commit(done.sample_rate_hz)
        stored = StoredAudio(
            key=key,
            path=self._shelves[job].audio_name(key),
            samples=audio.samples,
            sample_rate_hz=audio.sample_rate_hz,
            sha256=audio.sha256,
            figures=done.figures,
            past=done.past,
        )
        self._shelves[job].done(stored, attempts=action.attempts)
        tell(
            ev.Stored(
                segment=action.segment,
                seconds=audio.samples / audio.sample_rate_hz,
                sha256=audio.sha256,
                attempts=action.attempts,
            )
        )

    def _drop(self, job: str, key: str) -> None:
        part = self._parts.pop((job, key), None)
        if part is not None:
            part.discard()
