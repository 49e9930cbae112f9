"""A floor without a child: whatever is taken in is spoken here, segment by segment, when a test says so."""

import asyncio
from array import array
from typing import TYPE_CHECKING

from supervisor.config import Config, Given, load_config
from supervisor.core.segments import WaitingSegment
from supervisor.edge.ledger_values import StoredAudio
from supervisor.loop.shelf import Shelf
from supervisor.wire.messages import Figures

if TYPE_CHECKING:
    from collections.abc import Callable

RATE_HZ = 8000

#: What a segment with this in it fails of.
MUTE = "xyzzy"


def config(**settings: object) -> Config:
    """The scripted engine; keys with `__` for each dot."""
    sets: dict[str, object] = {"engine.name": "scripted", "engine.scripted.seconds_per_char": 0.01}
    sets |= {key.replace("__", "."): value for key, value in settings.items()}
    given = [Given(key=key, value=value, origin="test") for key, value in sets.items()]
    return load_config(options=given, environ={})


def pcm_of(segment: WaitingSegment) -> bytes:
    """Ten samples for each character, that depend on the text and the seed."""
    ground = segment.seed % 997
    return array(
        "h", [(ground + 31 * ord(char) + n) % 3000 for char in segment.text for n in range(10)]
    ).tobytes()


def speak_on(shelf: Shelf, segment: WaitingSegment) -> None:
    """Take one segment from its shelf to its end, as the runner does."""
    shelf.claim(segment.key)
    if MUTE in segment.text:
        shelf.set_aside(segment.key, "quality", "it is silent")
        return
    part = shelf.begin_audio(segment.key)
    pcm = pcm_of(segment)
    part.append(pcm)
    audio = part.commit(RATE_HZ)
    figures = Figures(
        seconds=len(pcm) / 2 / RATE_HZ,
        peak=0.1,
        clipped_share=0.0,
        longest_silence_s=0.0,
        tail_silence_s=0.0,
        level_jump_db=0.0,
    )
    stored = StoredAudio(
        key=segment.key,
        path=shelf.audio_name(segment.key),
        samples=audio.samples,
        sample_rate_hz=audio.sample_rate_hz,
        sha256=audio.sha256,
        figures=figures,
    )
    shelf.done(stored, attempts=segment.attempts + 1)


class OwnFloor:
    """See the module.

    Attributes:
        taken: Ids in the order in which they came.
        heard: Job and text of each segment, as it was spoken.
        open: Whether segments are spoken at once; else each waits for `step`.
        refuses: What whatever comes in ends with; None = it is spoken.
    """

    def __init__(self, *, is_open: bool = True) -> None:
        self.taken: list[str] = []
        self.heard: list[tuple[str, str]] = []
        self.open = is_open
        self.refuses: Exception | None = None
        self.withdrawn: list[str] = []
        self._here: dict[str, tuple[Shelf, asyncio.Future[None]]] = {}
        self.on_heard: Callable[[str, str], None] = lambda _job, _text: None

    @property
    def here(self) -> list[str]:
        """What is not over."""
        return list(self._here)

    def take_in(self, shelf: Shelf, *, ahead: bool) -> asyncio.Future[None]:
        """See `Floor`."""
        del ahead
        loop = asyncio.get_running_loop()
        end: asyncio.Future[None] = loop.create_future()
        self.taken.append(shelf.job)
        if self.refuses is not None:
            end.set_exception(self.refuses)
            return end
        self._here[shelf.job] = shelf, end
        if self.open:
            loop.call_soon(self._go_on, shelf.job)
        return end

    def withdraw(self, job: str) -> None:
        """See `Floor`."""
        self.withdrawn.append(job)
        self._over(job)

    def step(self) -> bool:
        """Speak one segment of whoever came first; False: nobody is here."""
        for job in list(self._here):
            self._one(job)
            return True
        return False

    def open_up(self) -> None:
        """Speak all that is here and all that comes."""
        self.open = True
        for job in list(self._here):
            asyncio.get_running_loop().call_soon(self._go_on, job)

    def _go_on(self, job: str) -> None:
        if self._one(job):
            asyncio.get_running_loop().call_soon(self._go_on, job)

    def _one(self, job: str) -> bool:
        if job not in self._here:
            return False
        shelf, _ = self._here[job]
        waiting = shelf.waiting(-1, 1)
        if waiting:
            speak_on(shelf, waiting[0])
            self.heard.append((job, waiting[0].text))
            self.on_heard(job, waiting[0].text)
        if job in self._here and not shelf.waiting(-1, 1):
            self._over(job)
        return job in self._here

    def _over(self, job: str) -> None:
        if job in self._here:
            _, end = self._here.pop(job)
            if not end.done():
                end.set_result(None)


async def settled(turns: int = 20) -> None:
    """Let everything that is ready happen."""
    for _ in range(turns):
        await asyncio.sleep(0)
