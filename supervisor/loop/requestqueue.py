"""Requests of all clients: each has its turn, is spoken, and leaves a file or its samples."""

import asyncio
import itertools
import shutil
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from supervisor.config import Config
from supervisor.edge.disk import make_folder
from supervisor.errors import DiskFull
from supervisor.loop.asking import Places
from supervisor.loop.cutting import cut_text
from supervisor.loop.service import CannotAsk
from supervisor.loop.shelf import Shelf
from supervisor.loop.speaking import OnAudio, Speech, SpeechRequest
from supervisor.loop.speechfile import SpeechFile, Wanted
from supervisor.loop.turns import Turns, shutting_down
from supervisor.loop.utterance import FOLDER_NAME, Utterance
from supervisor.loop.voicing import with_a_word_on_cloning

#: Files that nobody named a place for are kept so long, and so many of them.
KEPT_S: Final = 3600.0
MOST_KEPT: Final = 1000

#: Ids of jobs begin with another letter.
_PREFIX: Final = "r"


class EngineChanged(CannotAsk):
    """What is spoken of it would not go with the rest: another engine, or other settings, speak now."""

    def __init__(self) -> None:
        super().__init__("the engine changed while this was spoken; ask again", kind="busy", retryable=True)


class Floor(Protocol):
    """Where segments are spoken."""

    def take_in(self, shelf: Shelf, *, ahead: bool) -> asyncio.Future[None]:
        """Have them spoken; the future is done when nothing more is written of them.

        It fails with `DiskFull` where there is no room for them, with `EngineChanged` where they must be
        spoken anew from the first.
        """
        ...

    def withdraw(self, job: str) -> None:
        """Have no more of them spoken."""
        ...


class RequestQueue:
    """One service's."""

    def __init__(
        self, config: Callable[[], Config], state: Path, floor: Floor, folder: Path | None = None
    ) -> None:
        """Begin with nobody; what an earlier service left is deleted.

        Args:
            config: Returns all of it, as it is now.
            state: The state folder, real path.
            floor: Where segments are spoken.
            folder: That relative paths of clients are relative to; None = this process's own.
        """
        self._config = config
        self._state = state
        self._floor = floor
        self._places = Places(state=state, folder=Path.cwd() if folder is None else folder)
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._turns = Turns(lambda: config().queue)
        self._kept: deque[tuple[float, str]] = deque()  # until when, and names, oldest first
        self._timer: asyncio.TimerHandle | None = None
        self._spoken: set[Utterance] = set()
        self._making: set[Path] = set()  # files that are written now
        self._closed = False
        shutil.rmtree(state / FOLDER_NAME, ignore_errors=True)
        make_folder(state / FOLDER_NAME)

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return self._turns.waiting

    @property
    def running(self) -> int:
        """Requests that have their turn."""
        return self._turns.running

    def close(self) -> None:
        """Take no more; whoever waits is told."""
        self._closed = True
        self._turns.close()
        for utterance in self._spoken:
            utterance.fail(shutting_down())
        if self._timer is not None:
            self._timer.cancel()

    async def speak(self, request: SpeechRequest, on_audio: OnAudio | None, caller: str = "") -> Speech:
        """Speak a request; see `Service.synthesize`."""
        if request.deadline_s is None:
            return await self._speak(request, on_audio, caller)
        try:
            async with asyncio.timeout(request.deadline_s):
                return await self._speak(request, on_audio, caller)
        except TimeoutError:
            message = f"deadline_s: not spoken within {request.deadline_s:g} s"
            raise CannotAsk(message, kind="cancelled", retryable=True) from None

    async def _speak(self, request: SpeechRequest, on_audio: OnAudio | None, caller: str) -> Speech:
        job = f"{_PREFIX}{next(self._numbers)}"
        wanted = self._places.wanted(self._config(), request, job)
        cut = cut_text(self._config(), self._state, job, request)
        async with self._turns.take(caller) as turn:
            while True:
                utterance = Utterance(job, cut.segments, self._state, worded=self._in_the_users_words)
                file = SpeechFile(wanted, cut.pauses_s, on_audio)
                try:
                    async with self._on_the_floor(utterance):
                        async for spoken in utterance.pieces():
                            file.take(spoken)
                        turn.end()  # the next is spoken while the file is made
                        return await self._made(wanted, file)
                except EngineChanged:
                    # What was sent is never taken back; of a file only progress was told.
                    if on_audio is not None and request.audio == "inline":
                        raise

    async def _made(self, wanted: Wanted, file: SpeechFile) -> Speech:
        if wanted.path is None:
            return await file.end()
        if wanted.path in self._making:
            message = f"output_file: {wanted.path} is being written for another request; try again"
            raise CannotAsk(message, kind="busy", retryable=True)
        self._making.add(wanted.path)
        try:
            speech = await file.end()
        except BaseException:
            if not wanted.keeps:
                wanted.path.unlink(missing_ok=True)
            raise
        finally:
            self._making.discard(wanted.path)
        if not wanted.keeps:
            self._keep(wanted.path.name)
        return speech

    def _in_the_users_words(self, text: str) -> str:
        return with_a_word_on_cloning(self._config().engine.name, self._state, text)

    # ------------------------------------------------------------------ the floor

    @asynccontextmanager
    async def _on_the_floor(self, utterance: Utterance) -> AsyncGenerator[None]:
        """Have an utterance spoken; whoever leaves before its end takes the rest of it back."""
        if self._closed:  # since it was called
            raise shutting_down()
        over = self._floor.take_in(utterance, ahead=True)
        over.add_done_callback(lambda ended: utterance.fail(_why_over(ended)))
        self._spoken.add(utterance)
        try:
            yield
        finally:
            self._spoken.discard(utterance)
            if over.done():
                utterance.remove_files()
            else:
                # Its files go when nothing more is written of them.
                over.add_done_callback(lambda _: utterance.remove_files())
                self._floor.withdraw(utterance.job)

    # ------------------------------------------------------------------ files

    def _keep(self, name: str) -> None:
        self._kept.append((self._loop.time() + KEPT_S, name))
        if len(self._kept) > MOST_KEPT:
            self._delete_oldest()
        if self._timer is None:
            self._forget()

    def _delete_oldest(self) -> None:
        _, name = self._kept.popleft()
        (self._state / FOLDER_NAME / name).unlink(missing_ok=True)

    def _forget(self) -> None:
        """Delete what was kept for long enough; come again for the next."""
        while self._kept and self._kept[0][0] <= self._loop.time():
            self._delete_oldest()
        self._timer = self._loop.call_at(self._kept[0][0], self._forget) if self._kept else None


def _why_over(ended: asyncio.Future[None]) -> CannotAsk:
    """Return why what was not spoken by then will not be."""
    error = ended.exception()
    if isinstance(error, EngineChanged):
        return error
    if isinstance(error, DiskFull):
        return CannotAsk(str(error), kind="disk_full", retryable=True)
    return shutting_down()


def is_request(job: str) -> bool:
    """Say whether an id is that of a request, not of a job in the ledger."""
    return job.startswith(_PREFIX)
