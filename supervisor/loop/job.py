"""One job from its request to its finished files: plan, speak, deliver."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from supervisor import errors
from supervisor.config import Config, faults_in_words
from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.core.notes import Note, Notice, Stage
from supervisor.core.tallies import JobSize
from supervisor.edge.clock import monotonic_s
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.recordings import prune_recordings
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.sweep import sweep
from supervisor.log import Level, Log
from supervisor.loop.answers import DeliveryAnswer, PlanAnswer, ending_error, worker_error
from supervisor.loop.company import Company, Door
from supervisor.loop.conclusion import conclude, park, write_results
from supervisor.loop.logged import log_note
from supervisor.loop.orders import delivery_order, planning_order
from supervisor.loop.place import Place, nursery_of
from supervisor.loop.recutting import Wish, recut
from supervisor.loop.requests import JobRequest, Outcome
from supervisor.loop.runner import Runner
from supervisor.loop.serving import Facts, JobService
from supervisor.loop.signals import stops_told
from supervisor.loop.terms import terms_of
from supervisor.loop.voicing import in_the_users_words, is_cloned, told_of
from supervisor.loop.workers import WorkerFailed, run_worker_to_the_end
from supervisor.narration.degrading import Recut
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
    """The stages of one job, and what stops them."""

    _config: Config
    _state: StateFolder
    _ledger: Ledger
    _request: JobRequest
    _shown: Callable[[Note], None]
    _log: Log
    _job: str
    _door: Door | None
    _service: JobService = field(init=False)
    _company: Company = field(init=False)
    _is_planned: bool = False
    _stops: int = 0
    _stop_why: str = ""
    _runner: Runner | None = None
    _worker: asyncio.Task[bytes] | None = None

    def __post_init__(self) -> None:
        facts = Facts(
            job=self._job,
            output=self._request.output,
            device=self._config.child.device,
            pid=os.getpid(),
            wall_s=time.time,
        )
        self._service = JobService(facts)
        self._company = Company(self._config, self._service, self._door, job=self._job, log=self._log)

    async def run(self) -> Outcome:
        """Run all stages."""
        with stops_told(self._stop):
            self._sweep()
            try:
                await self._company.enter(self._show)
                finish = await self._plan_and_speak()
                if finish.ending != "spoken":
                    why = in_the_users_words(self._ledger, self._job, finish.why)
                    raise ending_error(replace(finish, why=why))
                return await self._conclude(await self._deliver())
            except errors.SupervisorError as error:
                await self._park(error)
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
            size = await self._plan()
            return await self._make_runner(size).run()
        runner = self._make_runner(None)
        speaking = asyncio.ensure_future(runner.run())
        try:
            size = await self._plan()
        except BaseException:
            runner.tell(ev.StopAsked(at_once=True, why="there is no plan"))
            await asyncio.gather(speaking, return_exceptions=True)
            raise
        runner.tell(ev.Planned(size=size))
        return await speaking

    def _seems_done(self) -> bool:
        return not self._request.fresh and self._ledger.is_all_spoken(self._job)

    async def _plan(self) -> JobSize:
        self._show(Stage(name="planning", detail=", ".join(i.name for i in self._request.inputs)))
        order = planning_order(self._config, self._state.path, self._request)
        line = await self._work("supervisor.planning", lambda: iter([order]))
        answer = msgspec.json.decode(line, type=PlanAnswer)
        if answer.ok is None:
            raise worker_error(answer.error)
        self._is_planned = True
        for text in answer.ok.notices:
            self._show(Notice(level="info", name="plan", text=text))
        self._ledger.return_orphans(self._job)
        self._ledger.set_state(self._job, "running", None)
        size = self._ledger.job_size(self._job)
        self._event("job.planned", job=self._job, segments=size.segments, over=size.over)
        self._show(Stage(name="narrating", detail=""))
        return size

    def _make_runner(self, size: JobSize | None) -> Runner:
        if self._config.engine.faults is not None:
            words = faults_in_words(self._config.engine.faults)
            self._show(Notice(level="warning", name="faults", text=f"faults are rehearsed: {words}"))
        voice, reference = told_of(self._ledger, self._request, is_planned=size is not None)
        terms = terms_of(self._config, job=self._job, voice=voice, reference=reference)
        place = self._place(terms.hello)
        self._runner = Runner(Conductor(terms, size, at_s=monotonic_s()), place)
        self._service.attend(self._runner)
        return self._runner

    def _place(self, hello: Hello) -> Place:
        return Place(
            state=self._state,
            ledger=self._ledger,
            job=self._job,
            recut=self._recut,
            nursery=nursery_of(
                self._config,
                hello,
                state_marker=str(self._state.path),
                notice=self._show,
                overheard=lambda line: self._event("child.stderr", "debug", life=0, line=line),
            ),
            poll_s=self._config.memory.poll_s,
            device=self._config.child.device,
            wall_s=time.time,
            show=self._show,
            overheard=lambda life, line: self._event("child.stderr", "debug", life=life, line=line),
            trace=self._company.trace,
        )

    async def _recut(self, chapter: int, why: str) -> Recut:
        wish = Wish(job=self._job, chapter=chapter, why=why, at_s=time.time())
        return await recut(self._config, self._state.path, wish, self._warn)

    async def _deliver(self) -> list[str]:
        outputs: list[str] = []
        for file in self._ledger.files(self._job):
            self._show(Stage(name="delivering", detail=file.path))
            order = partial(delivery_order, self._ledger, self._job, file)
            line = await self._work("supervisor.delivery", order)
            answer = msgspec.json.decode(line, type=DeliveryAnswer)
            if answer.ok is None:
                raise worker_error(answer.error)
            done = answer.ok
            self._ledger.delivered(self._job, file.path, done.sha256, done.samples, done.sample_rate_hz)
            self._event("job.delivered", job=self._job, path=file.path, sha256=done.sha256)
            outputs.append(file.path)
        return outputs

    async def _conclude(self, outputs: list[str]) -> Outcome:
        outcome = conclude(self._ledger, self._job, outputs, keep=self._request.keep, show=self._show)
        prune_recordings(self._state.path)
        await self._write_results()
        return outcome

    async def _work(self, module: str, lines: Callable[[], Iterator[bytes]]) -> bytes:
        """Run a worker to its answer; one that was killed is started again.

        Raises:
            Interrupted: If a signal came meanwhile.
        """
        if self._stops:
            raise errors.Interrupted(self._stop_why)
        marker = str(self._state.path)
        work = run_worker_to_the_end(module, lines, state_marker=marker, told=self._warn)
        try:
            return await self._interruptible(work)
        except WorkerFailed as error:
            kind = errors.TryLater if error.by_signal else errors.SupervisorError
            raise kind(f"{error}; run the same command again to go on") from error

    async def _interruptible(self, work: Coroutine[None, None, bytes]) -> bytes:
        self._worker = asyncio.ensure_future(work)
        try:
            return await self._worker
        except asyncio.CancelledError:
            raise errors.Interrupted(self._stop_why) from None
        finally:
            self._worker = None

    # ------------------------------------------------------------------ stops

    def _stop(self, number: int) -> None:
        self._stops += 1
        name = signal.Signals(number).name
        self._event("signal.taken", signal=name, count=self._stops)
        self._stop_why = f"stopped by {name}; run the same command again to go on"
        self._show(Stage(name="parking", detail="" if self._stops == 1 else "at once"))
        if self._worker is not None:
            self._worker.cancel()
        if self._runner is not None:
            self._runner.tell(ev.StopAsked(at_once=self._stops > 1, why=self._stop_why))

    async def _park(self, error: errors.SupervisorError) -> None:
        """Note why the job stands still, unless this run had no plan: then an earlier run's word stands."""
        if self._is_planned:
            if also := park(self._ledger, self._job, error):
                self._event("notice", "warning", text=also)
            await self._write_results()

    async def _write_results(self) -> None:
        if self._request.keep and self._request.has_lines:
            await write_results(self._state.path, self._job, self._show)

    # ------------------------------------------------------------------ telling

    def _show(self, note: Note) -> None:
        log_note(self._log, note)
        self._company.note(note)
        self._shown(note)

    def _warn(self, text: str) -> None:
        self._show(Notice(level="warning", name="worker", text=text))

    def _event(self, name: str, level: Level = "info", **fields: str | int | float | None) -> None:
        self._log.event(name, level, **fields)
