"""A service that stays, whole and small: it speaks, keeps jobs and ends, all in memory and at once.

A second implementation of what doors may ask, for their tests: its audio is made of the text alone, its jobs
are of sentences, and a test may hold it between two of them.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.core.notes import ChildState, Note, Progress, SegmentSpoken, Stage
from supervisor.edge.ledger_values import HELD, JobState, JobView
from supervisor.loop.health import Ailment
from supervisor.loop.service import CannotAsk, ChildStatus, ErrorKind, GivenBack, NothingToAsk, Status, Totals
from supervisor.loop.sights import Heard, Sight, Sights
from supervisor.loop.speaking import (
    Discovered,
    GivenInput,
    Limits,
    OnAudio,
    Settings,
    Speech,
    SpeechRequest,
    Submission,
    TakenIn,
    Watched,
)
from supervisor.wire.messages import Voice

RATE_HZ = 24_000
#: 50 ms a character.
CHAR_SAMPLES = 1200

MOST_CHARS = 5000

#: Words that cannot be spoken, and why.
POISON: dict[str, tuple[ErrorKind, bool]] = {
    "enormous": ("oom", True),
    "crashing": ("child_crashed", True),
    "hanging": ("child_hung", True),
    "mumbled": ("quality_failed", False),
    "overfull": ("disk_full", True),
}


def sentences(text: str) -> list[str]:
    return [part.strip() for part in text.split(".") if part.strip()]


def samples_of(text: str, seed: int = 0) -> bytes:
    """The audio of a sentence: a pattern that only it and its seed have."""
    pattern = hashlib.sha256(f"{seed} {text}".encode()).digest()
    return (pattern * (len(text) * CHAR_SAMPLES * 2 // 32 + 1))[: len(text) * CHAR_SAMPLES * 2]


def audio_of(text: str, seed: int = 0) -> bytes:
    return b"".join(samples_of(part, seed) for part in sentences(text))


@dataclass(slots=True)
class _Job:
    submission: Submission
    state: JobState = "queued"
    done: int = 0
    error: str | None = None
    work: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class MemoryService:
    """See above.

    Attributes:
        folder: Where files are written.
        may_go: Cleared: nothing is spoken until it is set again.
        max_waiting: Requests that may wait.
        broken: What every call raises, to see what a bug does.
        health: What ails it.
        now: Requests that are spoken or wait.
        asked: Calls so far, by name.
        callers: Who asked for speech so far.
        speaks: Called before each sentence.
        voices: That it tells of; none = no child was ready yet.
        audio: What there is to hear of jobs.
        sights: What who looks on is shown.
    """

    folder: Path
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    max_waiting: int = 1000
    broken: Exception | None = None
    health: list[Ailment] = field(default_factory=list[Ailment])
    now: int = 0
    asked: list[str] = field(default_factory=list[str])
    callers: list[str] = field(default_factory=list[str])
    speaks: Callable[[], None] = lambda: None
    voices: list[str] = field(default_factory=lambda: ["ada", "bob"])
    audio: dict[str, Heard] = field(default_factory=dict[str, Heard])
    sights: Sights = field(default_factory=Sights)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _jobs: dict[str, _Job] = field(default_factory=dict[str, _Job])
    _listeners: list[Callable[[Note], None]] = field(default_factory=list[Callable[[Note], None]])
    _life: int = 1
    _speaking: "set[asyncio.Task[object]]" = field(default_factory=set["asyncio.Task[object]"])
    _is_shut: bool = False

    # ------------------------------------------------------------------ what it is

    def discover(self) -> Discovered:
        self._note("discover")
        voices = [Voice(name=name, language="en", sample_rate_hz=RATE_HZ) for name in self.voices]
        limits = Limits(
            line_bytes=1 << 20, text_chars=MOST_CHARS, max_waiting=self.max_waiting, max_running=1
        )
        return Discovered(
            name="tts-supervisor",
            version="0.1.0",
            engine="memory",
            voices=voices,
            sample_rates=[RATE_HZ],
            formats=["wav", "flac"],
            limits=limits,
        )

    async def introduce(self) -> Discovered:
        return self.discover()

    def status(self) -> Status:
        self._note("status")
        memory = {"host_private": 1 << 20}
        child = ChildStatus(pid=1, life=self._life, ready=True, device="cpu", segments=0, memory=memory)
        return Status(
            state="paused" if self.health else "idle",
            why=self.health[0].words if self.health else "",
            ready=not any(one.stops for one in self.health),
            health=self.health,
            child=child,
            queue=self.now,
            lives=[],
            totals=Totals(),
        )

    async def clean(self) -> GivenBack:
        self._note("clean")
        await self.may_go.wait()
        if self._is_shut:
            raise NothingToAsk("no child runs now; try again when one does")
        return GivenBack(before_bytes=9, after_bytes=4, took_s=0.25)

    async def recycle(self) -> GivenBack:
        self._note("recycle")
        await self.may_go.wait()
        self._life += 1
        self._tell(
            ChildState(
                life=self._life, state="ready", why="asked for", signal=None, memory={"host_private": 4}
            )
        )
        return GivenBack(before_bytes=9, after_bytes=4, took_s=0.25)

    # ------------------------------------------------------------------ speech

    async def synthesize(
        self, request: SpeechRequest, on_audio: OnAudio | None = None, *, caller: str = ""
    ) -> Speech:
        self._note("synthesize")
        self.callers.append(caller)
        if request.voice not in (None, "ada", "bob"):
            raise CannotAsk(
                f"no voice {request.voice!r}; there are ada, bob", kind="voice_not_found", retryable=False
            )
        if len(request.text) > MOST_CHARS:
            raise CannotAsk(
                f"the text is longer than {MOST_CHARS}; use a job", kind="bad_input", retryable=False
            )
        if self.now > self.max_waiting:
            raise CannotAsk(f"{self.now} requests wait already; try again", kind="busy", retryable=True)
        self.now += 1
        task = asyncio.current_task()
        assert task is not None
        self._speaking.add(task)
        try:
            async with asyncio.timeout(request.deadline_s), self._turn:
                return await self._spoken(request, on_audio)
        except TimeoutError:
            late = f"not spoken within {request.deadline_s} s"
            raise CannotAsk(late, kind="cancelled", retryable=True) from None
        finally:
            self.now -= 1
            self._speaking.discard(task)
            del task  # a failure's traceback would know whom it is the failure of

    async def _spoken(self, request: SpeechRequest, on_audio: OnAudio | None) -> Speech:
        whole = b""
        rate_hz = request.sample_rate or RATE_HZ
        for part in sentences(request.text):
            await self.may_go.wait()
            self._check(part)
            self.speaks()
            pcm = samples_of(part, request.seed)
            if on_audio is not None:
                on_audio(pcm, rate_hz)
            whole += pcm
            await asyncio.sleep(0)
        path = self._file(request, whole)
        sha256 = hashlib.sha256(whole).hexdigest()
        seconds = len(whole) / 2 / rate_hz
        return Speech(
            seconds=seconds, sample_rate=rate_hz, sha256=sha256, attempts=1, checks={"peak": 0.5}, path=path
        )

    def _check(self, part: str) -> None:
        if self._is_shut:
            raise CannotAsk("the service ends; ask the next one", kind="shutting_down", retryable=True)
        for word, (kind, retryable) in POISON.items():
            if word in part:
                raise CannotAsk(
                    f"{word!r} cannot be spoken ({kind}); leave it out", kind=kind, retryable=retryable
                )

    def _file(self, request: SpeechRequest, whole: bytes) -> str | None:
        if request.output_file is None and request.audio == "inline":
            return None
        path = self.folder / (request.output_file or "speech.wav")
        path.write_bytes(whole)
        return str(path)

    # ------------------------------------------------------------------ jobs

    def settings(self) -> Settings:
        self._note("settings")
        return Settings(state=str(self.folder), values={"engine.name": '"memory"'})

    async def submit(self, submission: Submission) -> TakenIn:
        self._note("submit")
        for identity, job in self._jobs.items():
            if submission.key is not None and job.submission.key == submission.key:
                return TakenIn(job=identity)
        for name in submission.inputs or ():
            if isinstance(name, str) and not (self.folder / name).is_file():
                raise CannotAsk(
                    f"cannot read {name}: there is no such file", kind="bad_input", retryable=False
                )
        for identity, job in self._jobs.items():
            if job.submission == submission and job.state in ("queued", "running"):
                return TakenIn(job=identity, is_new=False)
        identity = "j" + hashlib.sha256(submission.output.encode()).hexdigest()[:12]
        await asyncio.sleep(0)  # the write to the disk
        job = self._jobs[identity] = _Job(submission)
        job.work = asyncio.create_task(self._narrate(identity, job))
        self.sights.moved(identity)
        return TakenIn(job=identity)

    def job(self, job: str) -> JobView:
        self._note("job")
        if job not in self._jobs:
            raise CannotAsk(
                f"there is no job {job!r}; `jobs/list` has them", kind="bad_input", retryable=False
            )
        return self._view(job)

    def jobs(self) -> list[JobView]:
        self._note("jobs")
        return [self._view(identity) for identity in self._jobs]

    async def cancel(self, job: str) -> JobView:
        self.job(job)
        kept = self._jobs[job]
        if kept.state in ("queued", "running"):
            kept.state = "cancelled"
            if kept.work is not None:
                kept.work.cancel()
            self.sights.moved(job)
        return self._view(job)

    async def pause(self, job: str) -> JobView:
        self.job(job)
        kept = self._jobs[job]
        if kept.state not in ("queued", "running", "paused"):
            raise CannotAsk(f"job {job} is {kept.state}", kind="bad_input", retryable=False)
        if kept.work is not None:
            kept.work.cancel()
        kept.state, kept.error = "paused", HELD
        return self._view(job)

    def stand_still(self, job: str) -> None:
        """Have a job wait for memory, which nobody is told."""
        self._jobs[job].state = "paused"

    async def resume(self, job: str) -> JobView:
        self.job(job)
        self._jobs[job].error = None
        return await self.retry(job) if self._jobs[job].state == "paused" else self._view(job)

    async def watch(self, job: str, told: Callable[[Note], None]) -> Watched:
        self.job(job)
        told(Stage(name="narrating", detail=""))
        unlisten = self.listen(lambda note: None if getattr(note, "job", job) != job else told(note))
        try:
            await asyncio.gather(*filter(None, [self._jobs[job].work]), return_exceptions=True)
        finally:
            unlisten()
        return Watched(job=self._view(job), exit_code=0 if self._jobs[job].state == "done" else 1)

    async def retry(self, job: str) -> JobView:
        self.job(job)
        kept = self._jobs[job]
        kept.state = "queued"
        kept.work = asyncio.create_task(self._narrate(job, kept))
        return self._view(job)

    async def _narrate(self, identity: str, job: _Job) -> None:
        parts = self._parts(job)
        for number in range(job.done, len(parts)):
            await self.may_go.wait()
            job.state = "running"
            pcm = samples_of(parts[number], job.submission.seed)
            job.done = number + 1
            sha256 = hashlib.sha256(pcm).hexdigest()
            seconds = len(pcm) / 2 / RATE_HZ
            self._tell(
                SegmentSpoken(job=identity, segment=number, seconds=seconds, sha256=sha256, attempts=1)
            )
            self._tell(self._progress(identity, job, parts))
            self.sights.moved(identity)
            await asyncio.sleep(0)
        job.state = "done"
        self.sights.moved(identity)

    def _progress(self, identity: str, job: _Job, parts: list[str]) -> Progress:
        seconds = sum(len(part) for part in parts[: job.done]) * CHAR_SAMPLES / RATE_HZ
        return Progress(
            job=identity,
            segment=job.done,
            segments=len(parts),
            chapter=1,
            chapters=1,
            title="",
            audio_seconds=seconds,
            wall_seconds=0.5,
            speed=None,
            eta_seconds=None,
            recycles=0,
            deaths=0,
        )

    def _parts(self, job: _Job) -> list[str]:
        texts = [self._text(one) for one in job.submission.inputs or ()]
        return sentences(". ".join(texts) if texts else job.submission.text or "")

    def _text(self, one: str | GivenInput) -> str:
        return (self.folder / one).read_text("utf-8") if isinstance(one, str) else one.text or ""

    def _view(self, identity: str) -> JobView:
        job = self._jobs[identity]
        parts = self._parts(job)
        seconds = sum(len(part) for part in parts[: job.done]) * CHAR_SAMPLES / RATE_HZ
        return JobView(
            job=identity,
            state=job.state,
            segments=len(parts),
            done=job.done,
            failed=0,
            seconds=seconds,
            outputs=[job.submission.output] if job.state == "done" else [],
            error=job.error,
        )

    # ------------------------------------------------------------------ the rest

    def listen(self, told: Callable[[Note], None]) -> Callable[[], None]:
        self._listeners.append(told)
        return lambda: self._listeners.remove(told)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def on_show(self) -> "MemoryService":
        return self

    def look_on(self, told: Callable[[Sight], None]) -> Callable[[], None]:
        return self.sights.look_on(told)

    def output(self, job: str) -> str | None:
        return self._jobs[job].submission.output if job in self._jobs else None

    def heard(self, job: str) -> Heard:
        return self.audio.get(job, Heard(files=[], pieces=[]))

    async def shutdown(self) -> None:
        self._note("shutdown")
        self._is_shut = True
        self.may_go.set()
        for job in self._jobs.values():
            if job.work is not None and not job.work.done():
                job.state = "parked"
                job.work.cancel()
        if self._speaking:
            await asyncio.wait(self._speaking)

    def tell(self, note: Note) -> None:
        self._tell(note)

    def _tell(self, note: Note) -> None:
        for told in [*self._listeners]:
            told(note)

    def _note(self, name: str) -> None:
        self.asked.append(name)
        if self.broken is not None:
            raise self.broken


@asynccontextmanager
async def memory_service(folder: Path) -> AsyncGenerator[MemoryService]:
    """A service that speaks at once, until it is held; what it began is ended."""
    service = MemoryService(folder)
    service.may_go.set()
    try:
        yield service
    finally:
        for job in service._jobs.values():  # pyright: ignore[reportPrivateUsage] - its own file
            if job.work is not None:
                job.work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await job.work
