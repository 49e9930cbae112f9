"""One job from its request to its finished files: plan, speak, deliver."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from supervisor import errors
from supervisor.config import Config, faults_in_words
from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.notes import Note, Notice, Stage
from supervisor.core.tallies import JobSize
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.sweep import sweep
from supervisor.log import Level, Log
from supervisor.loop.answers import ending_error
from supervisor.loop.company import Company, Door
from supervisor.loop.health import ending_with
from supervisor.loop.logged import log_note
from supervisor.loop.place import Place, nurseries_of
from supervisor.loop.requests import JobRequest, Outcome
from supervisor.loop.runner import Runner
from supervisor.loop.serving import Facts, JobService
from supervisor.loop.signals import stops_told
from supervisor.loop.stages import Stages
from supervisor.loop.terms import conductors_of, terms_of
from supervisor.loop.voicing import in_the_users_words, is_cloned, told_of, with_a_word_on_cloning
from supervisor.wire.messages import Hello


def run_job(  # noqa: PLR0913 - the last one may be left out, and the others are what a job is
    config: Config,
    state: StateFolder,
    request: JobRequest,
    show: Callable[[Note], None],
    log: Log,
    *,
    door: Door | None = None,
) -> Outcome:
    """Plan, speak and deliver one job; blocks until it is over or parked.

    SIGINT, SIGTERM and SIGHUP end it: once after the segment in hand, twice at once.

    Args:
        config: All of it.
        state: Where everything is kept; owned while this runs.
        request: What is wanted.
        show: Takes notes for people, called on this thread.
        log: Takes events.
        door: Opens what others may ask through while the job runs; None = nobody can.

    Raises:
        SupervisorError: With the exit code, for whatever ends a job before all its segments
            are done or set aside. What is finished stays.
    """
    with state.lock():
        ledger = Ledger.open(state.path)
        try:
            ledger.park_abandoned()
            job = _Job(
                _config=config,
                _state=state,
                _ledger=ledger,
                _request=request,
                _shown=show,
                _log=log,
                _job=job_id_for(request.output),
                _door=door,
            )
            return asyncio.run(job.run())
        finally:
            ledger.close()


@dataclass(slots=True, kw_only=True)
class _Job:
    """One job, and what stops it."""

    _config: Config
    _state: StateFolder
    _ledger: Ledger
    _request: JobRequest
    _shown: Callable[[Note], None]
    _log: Log
    _job: str
    _door: Door | None
    _stages: Stages = field(init=False)
    _service: JobService = field(init=False)
    _company: Company = field(init=False)
    _stops: int = 0
    _runner: Runner | None = None

    def __post_init__(self) -> None:
        self._stages = Stages(
            config=self._config,
            state=self._state,
            ledger=self._ledger,
            request=self._request,
            job=self._job,
            show=self._show,
            log=self._log,
        )
        facts = Facts(
            job=self._job,
            output=self._request.output,
            pid=os.getpid(),
            wall_s=time.time,
        )
        self._service = JobService(facts)
        doors = [] if self._door is None else [self._door]
        self._company = Company(self._config, self._service, doors, job=self._job, log=self._log)

    async def run(self) -> Outcome:
        """Run all stages."""
        with stops_told(self._stop):
            self._sweep()
            try:
                await self._company.enter(self._show)
                finish = await self._plan_and_speak()
                if finish.ending != "spoken":
                    why = in_the_users_words(self._ledger, self._job, finish.why)
                    why = with_a_word_on_cloning(self._config.engine.name, self._state.path, why)
                    raise ending_error(ending_with(replace(finish, why=why), self._service.health()))
                return await self._stages.deliver()
            except errors.SupervisorError as error:
                await self._stages.park(error)
                self._company.failed(error)
                raise
            finally:
                await self._company.leave()

    def _sweep(self) -> None:
        for swept in sweep(str(self._state.path)):
            self._event("child.swept", "warning", pid=swept.pid, command=swept.command, gone=swept.gone)

    # ------------------------------------------------------------------ stages

    async def _plan_and_speak(self) -> do.Finish:
        """Plan while the first child starts; without one where an earlier run left nothing to speak."""
        if self._seems_done() or is_cloned(self._config, self._ledger, self._request):
            size = await self._stages.plan()
            return await self._make_runner(size).run()
        runner = self._make_runner(None)
        speaking = asyncio.ensure_future(runner.run())
        try:
            await self._stages.plan()
        except BaseException:
            runner.tell(ev.StopAsked(at_once=True, why="there is no plan"))
            await asyncio.gather(speaking, return_exceptions=True)
            raise
        runner.take_in(self._stages.shelf())
        return await speaking

    def _seems_done(self) -> bool:
        return not self._request.fresh and self._ledger.is_all_spoken(self._job)

    def _make_runner(self, size: JobSize | None) -> Runner:
        if self._config.engine.faults is not None:
            words = faults_in_words(self._config.engine.faults)
            self._show(Notice(level="warning", name="faults", text=f"faults are rehearsed: {words}"))
        voice, reference = told_of(self._ledger, self._request, is_planned=size is not None)
        terms = terms_of(self._config, job=self._job, voice=voice, reference=reference)
        place = self._place(terms.hello)
        shelf = None if size is None else self._stages.shelf()
        self._runner = Runner(conductors_of(terms, size, self._config.child.devices), place, shelf)
        self._service.attend(self._runner)
        return self._runner

    def _place(self, hello: Hello) -> Place:
        return Place(
            state=self._state,
            ledger=self._ledger,
            job=self._job,
            nurseries=nurseries_of(
                self._config,
                hello,
                state_marker=str(self._state.path),
                notice=self._show,
                overheard=lambda line: self._event("child.stderr", "debug", life=0, line=line),
            ),
            poll_s=self._config.memory.poll_s,
            devices=self._config.child.devices,
            wall_s=time.time,
            show=self._show,
            overheard=lambda life, line: self._event("child.stderr", "debug", life=life, line=line),
            traces=self._company.traces,
        )

    # ------------------------------------------------------------------ stops

    def _stop(self, number: int) -> None:
        self._stops += 1
        name = signal.Signals(number).name
        self._event("signal.taken", signal=name, count=self._stops)
        why = f"stopped by {name}; run the same command again to go on"
        self._show(Stage(name="parking", detail="" if self._stops == 1 else "at once"))
        self._stages.halt(why)
        if self._runner is not None:
            self._runner.tell(ev.StopAsked(at_once=self._stops > 1, why=why))

    # ------------------------------------------------------------------ telling

    def _show(self, note: Note) -> None:
        log_note(self._log, note)
        self._company.note(note)
        self._shown(note)

    def _event(self, name: str, level: Level = "info", **fields: str | int | float | None) -> None:
        self._log.event(name, level, **fields)
