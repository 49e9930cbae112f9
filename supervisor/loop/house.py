"""A service that stays: requests and jobs in, speech and files out, until it is stopped."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from supervisor import errors
from supervisor.config import Config, faults_in_words
from supervisor.config.reload import told_values
from supervisor.core.notes import Note, Notice, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import JobView
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.sweep import sweep
from supervisor.log import Level, Log
from supervisor.loop.answers import ending_error
from supervisor.loop.company import Closer, Company
from supervisor.loop.health import Ailment, ending_with, refused, utc
from supervisor.loop.introduction import Introduction
from supervisor.loop.jobinhand import Desk
from supervisor.loop.jobqueue import JobQueue
from supervisor.loop.place import Place, nurseries_of
from supervisor.loop.requestqueue import RequestQueue
from supervisor.loop.runner import Runner
from supervisor.loop.service import CannotAsk, GivenBack, Status
from supervisor.loop.serving import Facts, JobService
from supervisor.loop.showcase import Showcase
from supervisor.loop.speaking import (
    Discovered,
    OnAudio,
    Settings,
    Speech,
    SpeechRequest,
    Submission,
    TakenIn,
    Watched,
)
from supervisor.loop.studio import Studio
from supervisor.loop.telling import Telling
from supervisor.loop.terms import conductors_of, terms_of

#: A loop that is busy may be late by some milliseconds; by so much it stands still.
_LATE_S: Final = 5.0

#: Longest line of a door that speaks JSON.
_LINE_BYTES: Final = 1024 * 1024


#: Opens all doors of a service at once.
OpenDoors = Callable[["House"], Awaitable[Closer]]


class House:
    """One service: what `Service` says, behind every door."""

    def __init__(  # noqa: PLR0913 - what a service is made of, said once and by name
        self,
        *,
        config: Config,
        state: StateFolder,
        ledger: Ledger,
        log: Log,
        show: Callable[[Note], None],
        open_doors: OpenDoors,
    ) -> None:
        """Make it; nothing happens before `run`.

        Args:
            config: All of it.
            state: The state folder, owned.
            ledger: In it.
            log: Takes events.
            show: Takes notes for people.
            open_doors: Opens what others may ask through.
        """
        self._telling = Telling(log, show)
        self._show = self._telling.show
        self._studio = Studio(config, self._make_runner, state.path, self._show)
        self._state = state
        self._ledger = ledger
        self._log = log
        self._stop_why = ""
        self._refused: Ailment | None = None
        self._doors: Closer | None = None
        self._parked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = RequestQueue(lambda: self._studio.config, state.path, self._studio)
        self._jobs = JobQueue(
            Desk(
                config=lambda: self._studio.config,
                state=state,
                ledger=ledger,
                floor=self._studio,
                telling=self._telling,
                log=log,
                folder=Path.cwd(),
            )
        )
        facts = Facts(
            job="",
            output="",
            pid=os.getpid(),
            wall_s=time.time,
            stays=True,
            waiting=lambda: self._requests.waiting,
            in_hand=lambda: self._jobs.in_hand,
            ails=self._ails,
        )
        self._standing = JobService(facts)
        self._company = Company(config, self, [], job="", log=log)
        self._telling.also(self._company.note)
        self._introduction = Introduction(lambda: self._studio.config, lambda: self._studio.runner)
        self._telling.also(self._introduction.note)
        self._open_doors = open_doors

    # ------------------------------------------------------------------ its life

    async def run(self) -> None:
        """Serve until it is stopped.

        Raises:
            SupervisorError: With the exit code, for whatever else ends it. All work is parked then.
        """
        self._sweep()
        faults = self._studio.config.engine.faults
        if faults is not None:
            words = faults_in_words(faults)
            self._show(Notice(level="warning", name="faults", text=f"faults are rehearsed: {words}"))
        try:
            await self._company.enter(self._show)
            self._doors = await self._open_doors(self)
            self._jobs.begin()
            finish = await self._studio.run()
            if not self._stop_why:
                raise ending_error(ending_with(finish, self._standing.health()))
            self._telling.stopped()
        except errors.SupervisorError as error:
            self.stop(str(error))
            self._telling.failed(error, self.status())
            self._company.failed(error)
            raise
        finally:
            self.stop("the service is over")
            await self._park()
            if self._doors is not None:
                await self._doors.close()
            await self._company.leave()

    def stop(self, why: str, *, at_once: bool = False) -> None:
        """Park the work and end: after the segment in hand, or at once."""
        first, self._stop_why = not self._stop_why, self._stop_why or why
        if first:
            self._show(Stage(name="parking", detail=why))
            self._requests.close()
            self._jobs.close(why)
        self._introduction.over()
        self._studio.stop(why, at_once=at_once)

    def reload(self, config: Config) -> None:
        """Go on under another configuration from the next segment boundary; nothing while it stops."""
        if not self._stop_why:
            self._studio.reload(config)

    def note_reload(self, why: str) -> None:
        """Note that the configuration was read anew: why it was refused; empty where it is right."""
        self._refused = refused(why, utc(time.time())) if why else None

    @property
    def config(self) -> Config:
        """That it works under from the next segment boundary on."""
        return self._studio.promised

    def overdue(self, at_s: float) -> str | None:
        """Say what should have been done long ago; None if nothing: an idle service is on time."""
        runner = self._studio.runner
        if runner is None or at_s <= runner.conductor.next_deadline_s + _LATE_S:
            return None
        return f"the conductor's next look is {at_s - runner.conductor.next_deadline_s:.0f} s late"

    async def _park(self) -> None:
        """Let whoever waits know; returns when all jobs are parked."""
        self._studio.close()
        await self._jobs.closed()
        if not self._parked.done():
            self._parked.set_result(None)

    def _ails(self) -> list[Ailment]:
        """Return what is full (all, or else each job), and a reload that was refused."""
        full = self._studio.room.ailments or self._jobs.ailments
        return full if self._refused is None else [*full, self._refused]

    def _sweep(self) -> None:
        for swept in sweep(str(self._state.path)):
            self._event("child.swept", "warning", pid=swept.pid, command=swept.command, gone=swept.gone)

    def _make_runner(self, config: Config, lives: int) -> Runner:
        terms = terms_of(config, job="", voice=None, lives=lives)
        conductors = conductors_of(terms, None, config.child.devices)
        place = Place(
            state=self._state,
            ledger=self._ledger,
            job="",
            nurseries=nurseries_of(
                config,
                terms.hello,
                state_marker=str(self._state.path),
                notice=self._show,
                overheard=lambda line: self._event("child.stderr", "debug", life=0, line=line),
            ),
            poll_s=config.memory.poll_s,
            devices=config.child.devices,
            wall_s=time.time,
            show=self._show,
            overheard=lambda life, line: self._event("child.stderr", "debug", life=life, line=line),
            traces=self._telling.sights.tapped(
                self._company.traces, config.child.devices, [one.counsel for one in conductors]
            ),
        )
        runner = Runner(conductors, place)
        self._standing.attend(runner)
        return runner

    # ------------------------------------------------------------------ what doors ask

    def discover(self) -> Discovered:  # noqa: D102 -- as in Service, here and below
        return self._introduction.known()

    async def introduce(self) -> Discovered:  # noqa: D102 -- likewise
        return await self._introduction.heard()

    def status(self) -> Status:  # noqa: D102 -- likewise
        return self._standing.status()

    async def clean(self) -> GivenBack:  # noqa: D102 -- likewise
        return await self._telling.sights.of_broom("clean", self._standing.clean())

    async def recycle(self) -> GivenBack:  # noqa: D102 -- likewise
        return await self._telling.sights.of_broom("recycle", self._standing.recycle())

    async def synthesize(  # noqa: D102 -- likewise
        self, request: SpeechRequest, on_audio: OnAudio | None = None, *, caller: str = ""
    ) -> Speech:
        return await self._requests.speak(request, on_audio, caller)

    async def submit(self, submission: Submission) -> TakenIn:  # noqa: D102 -- likewise
        self._must_be_open()
        return await self._jobs.submit(submission)

    def job(self, job: str) -> JobView:  # noqa: D102 -- likewise
        return self._jobs.view(job)

    def jobs(self) -> list[JobView]:  # noqa: D102 -- likewise
        return self._jobs.views()

    async def cancel(self, job: str) -> JobView:  # noqa: D102 -- likewise
        self._must_be_open()
        return await self._jobs.cancel(job)

    async def retry(self, job: str) -> JobView:  # noqa: D102 -- likewise
        self._must_be_open()
        return await self._jobs.retry(job)

    async def pause(self, job: str) -> JobView:  # noqa: D102 -- likewise
        self._must_be_open()
        return await self._jobs.pause(job)

    async def resume(self, job: str) -> JobView:  # noqa: D102 -- likewise
        self._must_be_open()
        return await self._jobs.resume(job)

    async def watch(self, job: str, told: Callable[[Note], None]) -> Watched:  # noqa: D102 -- likewise
        return await self._jobs.watch(job, told)

    def settings(self) -> Settings:  # noqa: D102 -- likewise
        return Settings(state=str(self._state.path), values=told_values(self._studio.promised))

    def listen(self, told: Callable[[Note], None]) -> Callable[[], None]:  # noqa: D102 -- likewise
        return self._telling.listen(told)

    @property
    def on_show(self) -> Showcase:  # noqa: D102 -- likewise
        return Showcase(self._telling.sights, self._ledger)

    async def shutdown(self) -> None:  # noqa: D102 -- likewise
        self.stop("asked to shut down")
        await asyncio.shield(self._parked)

    def _must_be_open(self) -> None:
        if self._stop_why:
            raise CannotAsk("the service ends", kind="shutting_down", retryable=True)

    def note(self, note: Note) -> None:
        """Take what people are told."""
        self._standing.note(note)

    def _event(self, name: str, level: Level = "info", **fields: str | int | float | None) -> None:
        self._log.event(name, level, **fields)
