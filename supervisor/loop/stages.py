"""The stages of one job beside its narration: plan, deliver, conclude, park.

Heavy work is done by short-lived processes, one at a time for one job.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

import msgspec

from supervisor import errors
from supervisor.config import Config
from supervisor.core.notes import Note, Notice, Stage
from supervisor.core.tallies import JobSize
from supervisor.edge.ledger import Ledger
from supervisor.edge.recordings import prune_recordings
from supervisor.edge.statefolder import StateFolder
from supervisor.log import Log
from supervisor.loop.answers import DeliveryAnswer, PlanAnswer, worker_error
from supervisor.loop.conclusion import conclude, park, write_results
from supervisor.loop.orders import delivery_order, planning_order
from supervisor.loop.recutting import Wish, recut
from supervisor.loop.requests import JobRequest, Outcome
from supervisor.loop.shelf import GivenUp, LedgerShelf, unheard
from supervisor.loop.voicing import with_a_word_on_cloning
from supervisor.loop.workers import WorkerFailed, run_worker_to_the_end
from supervisor.narration.degrading import Recut


class Stages:
    """One job's.

    Attributes:
        job: Its id.
        is_planned: Whether this run has planned it.
    """

    def __init__(  # noqa: PLR0913 - what a job is made of, said once and by name
        self,
        *,
        config: Config,
        state: StateFolder,
        ledger: Ledger,
        request: JobRequest,
        job: str,
        show: Callable[[Note], None],
        log: Log,
    ) -> None:
        """Make them; nothing is done yet.

        Args:
            config: All of it.
            state: Where everything is kept.
            ledger: In it.
            request: What is wanted.
            job: Id.
            show: Takes notes for people.
            log: Takes events.
        """
        self.job = job
        self.is_planned = False
        self._config = config
        self._state = state
        self._ledger = ledger
        self._request = request
        self._show = show
        self._log = log
        self._halted = ""
        self._worker: asyncio.Task[bytes] | None = None

    def halt(self, why: str) -> None:
        """Begin no more stages; the one under way is broken off, its process ended."""
        self._halted = why
        if self._worker is not None:
            self._worker.cancel()

    async def plan(self) -> JobSize:
        """Cut the texts; the plan is in the ledger when this returns.

        Raises:
            SupervisorError: If an input cannot be read or spoken, or the plan not be kept.
            Interrupted: If it was halted.
        """
        self._show(Stage(name="planning", detail=", ".join(i.name for i in self._request.inputs)))
        order = planning_order(self._config, self._state.path, self._request)
        line = await self._work("supervisor.planning", lambda: iter([order]))
        answer = msgspec.json.decode(line, type=PlanAnswer)
        if answer.ok is None:
            raise worker_error(answer.error)
        self.is_planned = True
        for text in answer.ok.notices:
            self._show(Notice(level="info", name="plan", text=text))
        self._ledger.return_orphans(self.job)
        self._ledger.set_state(self.job, "running", None)
        size = self._ledger.job_size(self.job)
        self._log.event("job.planned", job=self.job, segments=size.segments, over=size.over)
        self._show(Stage(name="narrating", detail=""))
        return size

    def shelf(self, given_up: GivenUp = unheard) -> LedgerShelf:
        """Return where the segments are; the job is planned.

        Args:
            given_up: See `LedgerShelf`.
        """
        engine = self._config.engine.name
        worded = partial(with_a_word_on_cloning, engine, self._state.path)
        return LedgerShelf(self._state, self._ledger, self.job, self._recut, worded=worded, given_up=given_up)

    async def deliver(self) -> Outcome:
        """Write the finished files, and say what came of the job.

        Raises:
            SupervisorError: If a file cannot be written.
            Interrupted: If it was halted.
        """
        outputs: list[str] = []
        for file in self._ledger.files(self.job):
            self._show(Stage(name="delivering", detail=file.path))
            order = partial(delivery_order, self._ledger, self.job, file)
            line = await self._work("supervisor.delivery", order)
            answer = msgspec.json.decode(line, type=DeliveryAnswer)
            if answer.ok is None:
                raise worker_error(answer.error)
            done = answer.ok
            self._ledger.delivered(self.job, file.path, done.sha256, done.samples, done.sample_rate_hz)
            self._log.event("job.delivered", job=self.job, path=file.path, sha256=done.sha256)
            outputs.append(file.path)
        outcome = conclude(self._ledger, self.job, outputs, keep=self._request.keep, show=self._show)
        prune_recordings(self._state.path)
        await self._write_results()
        return outcome

    async def park(self, error: errors.SupervisorError) -> None:
        """Note why the job stands still, unless this run had no plan: then an earlier run's word stands."""
        if self.is_planned:
            if also := park(self._ledger, self.job, error):
                self._log.event("notice", "warning", text=also)
            await self._write_results()

    # ------------------------------------------------------------------ processes

    async def _write_results(self) -> None:
        if self._request.keep and self._request.has_lines:
            await write_results(self._state.path, self.job, self._show)

    async def _recut(self, chapter: int, why: str) -> Recut:
        wish = Wish(job=self.job, chapter=chapter, why=why, at_s=time.time())
        return await recut(self._config, self._state.path, wish, self._warn)

    async def _work(self, module: str, lines: Callable[[], Iterator[bytes]]) -> bytes:
        """Run a worker to its answer; one that was killed is started again."""
        if self._halted:
            raise errors.Interrupted(self._halted)
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
            raise errors.Interrupted(self._halted) from None
        finally:
            self._worker = None

    def _warn(self, text: str) -> None:
        self._show(Notice(level="warning", name="worker", text=text))
