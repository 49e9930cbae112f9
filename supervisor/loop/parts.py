"""The audio of segments on its way to the disk: begun, added to, stored or dropped."""

from collections.abc import Callable
from typing import assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import StoredAudio
from supervisor.edge.statefolder import StateFolder, audio_name
from supervisor.errors import DiskFull, SupervisorError

AudioAction = do.OpenAudio | do.AppendAudio | do.DropAudio | do.StoreAudio


class Parts:
    """What is half written of one job."""

    def __init__(
        self, state: StateFolder, ledger: Ledger, job: str, tell: Callable[[ev.Event], None]
    ) -> None:
        """Begin with nothing.

        Args:
            state: Where the audio lies.
            ledger: Knows of it once it is whole.
            job: Id.
            tell: Takes `Stored` and `StoreFailed`.
        """
        self._state = state
        self._ledger = ledger
        self._job = job
        self._tell = tell
        self._parts: dict[str, AudioPart] = {}

    def act(self, action: AudioAction) -> None:
        """Carry one action out; a disk that takes no more is told, and all that was begun is dropped."""
        try:
            self._act(action)
        except SupervisorError as error:
            self.drop_all()
            self._tell(ev.StoreFailed(full=isinstance(error, DiskFull), message=str(error)))

    def drop_all(self) -> None:
        """Leave nothing that is half written."""
        for key in list(self._parts):
            self._drop(key)

    def _act(self, action: AudioAction) -> None:
        match action:
            case do.OpenAudio():
                self._parts[action.key] = AudioPart(self._state.audio_path(self._job, action.key))
            case do.AppendAudio():
                part = self._parts.get(action.key)
                if part is not None:
                    part.append(action.pcm_s16le)
            case do.DropAudio():
                self._drop(action.key)
            case do.StoreAudio():
                self._store(action)
            case _:
                assert_never(action)

    def _store(self, action: do.StoreAudio) -> None:
        key, done = action.segment.key, action.done
        part = self._parts.pop(key, None)
        if part is None:
            return  # the disk is full: said already, by the append that failed
        audio = part.commit(done.sample_rate_hz)
        stored = StoredAudio(
            key=key,
            path=audio_name(self._job, key),
            samples=audio.samples,
            sample_rate_hz=audio.sample_rate_hz,
            sha256=audio.sha256,
            figures=done.figures,
            past=done.past,
        )
        self._ledger.done(self._job, stored, attempts=action.attempts)
        self._tell(
            ev.Stored(
                segment=action.segment,
                seconds=audio.samples / audio.sample_rate_hz,
                sha256=audio.sha256,
                attempts=action.attempts,
            )
        )

    def _drop(self, key: str) -> None:
        part = self._parts.pop(key, None)
        if part is not None:
            part.discard()
