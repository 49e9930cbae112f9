"""One job from its request to its finished files."""

import asyncio
import json
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import msgspec

from supervisor import errors
from supervisor.config import Config, faults_in_words
from supervisor.config.values import Marks
from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor, Terms
from supervisor.core.lifememory import Marks as MarksOf
from supervisor.core.notes import Note, Notice, Stage
from supervisor.core.slot import SlotTimes
from supervisor.edge import hostmem
from supervisor.edge.clock import monotonic_s
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import FileToDeliver, JobSpec, Silence, job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.sweep import sweep
from supervisor.identity import engine_identity
from supervisor.log import Log
from supervisor.loop.logged import log_note
from supervisor.loop.requests import JobRequest, Outcome
from supervisor.loop.runner import Place, Runner
from supervisor.loop.workers import WorkerFailed, run_worker
from supervisor.policy.watermark import WatermarkLimits
from supervisor.wire.version import VERSION
from supervisor.wire.messages import PROTOCOL_VERSION, Hello

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


def run_job(
    config: Config,
    state: StateFolder,
    request: JobRequest,
    show: Callable[[Note], None],
    log: Log | None = None,
) -> Outcome:
    """Plan, speak and deliver one job; blocks until it is over or parked.

    SIGINT, SIGTERM and SIGHUP end it: once after the segment in hand, twice at once.

    Args:
        config: All of it.
        state: Where everything is kept; owned while this runs.
        request: What is wanted.
        show: Takes notes for people, called on this thread.
        log: Takes events; None = nowhere.

    Raises:
        SupervisorError: With the exit code, for what ends a job before or beside its segments.
    """
    with state.lock():
        job = _Job(config, state, request, show, log)
        try:
            return asyncio.run(job.run())
        finally:
            job.close()


class _Job:
    """The stages of one job and what stops them."""

    def __init__(
        self,
        config: Config,
        state: StateFolder,
        request: JobRequest,
        show: Callable[[Note], None],
        log: Log | None,
    ) -> None:
        self._config = config
        self._state = state
        self._request = request
        self._shown = show
        self._log = log
        self._job = job_id_for(request.output)
        self._ledger = Ledger.open(state.path)
        self._stops = 0
        self._stop_why = ""
        self._runner: Runner | None = None
        self._worker: asyncio.Task[bytes] | None = None

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    async def run(self) -> Outcome:
        """Run all stages."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        for ended in sweep(str(self._state.path)):
            self._event("child.swept", pid=ended.pid)
        try:
            await self._plan()
            finish = await self._speak()
            return await self._conclude(finish)
        except errors.SupervisorError as error:
            self._park(error)
            raise

    # ------------------------------------------------------------------ stages

    async def _plan(self) -> None:
        self._show(Stage(name="planning", detail=", ".join(i.name for i in self._request.inputs)))
        answer = await self._work("supervisor.planning", iter([self._planning_order()]))
        if "error" in answer:
            raise _planning_error(answer["error"])
        self._ledger.return_orphans(self._job)
        self._ledger.set_state(self._job, "running", None)
        self._event("job.planned", job=self._job, segments=self._ledger.job_size(self._job).segments)

    def _planning_order(self) -> bytes:
        request, config = self._request, self._config
        narration = config.narration
        spec = JobSpec(
            job=self._job,
            output=request.output,
            format=request.format,
            sample_rate_hz=request.sample_rate_hz,
            engine=config.engine.name,
            engine_identity=engine_identity(config),
            voice=request.voice,
            seed=request.seed,
            pauses_s={
                "none": 0.0,
                "sentence": narration.pause_sentence_s,
                "paragraph": narration.pause_paragraph_s,
                "heading": narration.pause_heading_s,
            },
            inputs=[i.name for i in request.inputs],
            key=request.key,
        )
        order = {
            "state": str(self._state.path),
            "spec": spec,
            "inputs": request.inputs,
            "segment_chars": narration.segment_chars,
            "fresh": request.fresh,
            "save": True,
        }
        return msgspec.json.encode(order) + b"\n"

    async def _speak(self) -> do.Finish:
        self._show(Stage(name="narrating", detail=""))
        if self._config.engine.faults is not None:
            words = faults_in_words(self._config.engine.faults)
            self._show(Notice(level="warning", name="faults", text=f"faults are rehearsed: {words}"))
        size = self._ledger.job_size(self._job)
        conductor = Conductor(_terms(self._config, self._job, self._request), size, at_s=monotonic_s())
        place = Place(
            state=self._state,
            ledger=self._ledger,
            job=self._job,
            python=self._config.child.python,
            poll_s=self._config.memory.poll_s,
            device=self._config.child.device,
            wall_s=time.time,
            show=self._show,
            overheard=lambda life, line: self._event("child.stderr", "debug", life=life, line=line),
        )
        self._runner = Runner(conductor, place)
        try:
            if self._stops:
                self._runner.tell(ev.StopAsked(at_once=True, why=self._stop_why))
            return await self._runner.run()
        finally:
            self._runner = None

    async def _conclude(self, finish: do.Finish) -> Outcome:
        if finish.ending != "spoken":
            raise _ending_error(finish)
        outputs = await self._deliver()
        self._ledger.prune(self._job)
        view_failed = self._ledger.failures(self._job)
        bad_lines = self._ledger.bad_lines(self._job)
        failed = bool(view_failed or bad_lines)
        self._ledger.set_state(self._job, "done", None)
        view = self._ledger.view(self._job)
        if not self._request.keep:
            self._ledger.remove(self._job)
        return Outcome(
            exit_code=3 if failed else 0,
            view=view,
            outputs=outputs,
            failures=view_failed,
            bad_lines=bad_lines,
            message="",
        )

    async def _deliver(self) -> list[str]:
        outputs: list[str] = []
        for file in self._ledger.files(self._job):
            self._show(Stage(name="delivering", detail=file.path))
            answer = await self._work("supervisor.delivery", self._pieces(file))
            if "error" in answer:
                raise _delivery_error(answer["error"])
            done = answer["ok"]
            self._ledger.delivered(
                self._job, file.path, done["sha256"], done["samples"], done["sample_rate_hz"]
            )
            self._event("job.delivered", job=self._job, path=file.path, sha256=done["sha256"])
            outputs.append(file.path)
        return outputs

    def _pieces(self, file: FileToDeliver) -> Iterator[bytes]:
        yield _line(path=file.path, format=file.format, sample_rate_hz=file.sample_rate_hz, title=file.title)
        for piece in self._ledger.pieces(self._job, file):
            if isinstance(piece, Silence):
                yield _line(silence_s=piece.seconds)
            else:
                yield _line(wav=str(piece.wav), sample_rate_hz=piece.sample_rate_hz, samples=piece.samples)
        yield _line(end=True)

    async def _work(self, module: str, lines: Iterator[bytes]) -> dict[str, Any]:
        """Run a worker and read its answer.

        Raises:
            Interrupted: If a signal came meanwhile.
        """
        if self._stops:
            raise errors.Interrupted(self._stop_why)
        work = run_worker(module, lines, state_marker=str(self._state.path))
        try:
            return json.loads(await self._interruptible(work))
        except WorkerFailed as error:
            raise errors.SupervisorError(f"{error}; run the same command again to go on") from error

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
        if self._worker is not None:
            self._worker.cancel()
        if self._runner is not None:
            self._show(Stage(name="parking", detail="" if self._stops == 1 else "at once"))
            self._runner.tell(ev.StopAsked(at_once=self._stops > 1, why=self._stop_why))

    def _park(self, error: errors.SupervisorError) -> None:
        """Note in the ledger why the job stands still; a full disk may refuse even that."""
        resumable = error.exit_code in (errors.Interrupted.exit_code, errors.DiskFull.exit_code)
        try:
            if self._ledger.view(self._job) is not None:
                self._ledger.set_state(self._job, "parked" if resumable else "failed", str(error))
        except errors.SupervisorError as also:
            self._event("notice", "warning", text=str(also))

    # ------------------------------------------------------------------ telling

    def _show(self, note: Note) -> None:
        if self._log is not None:
            log_note(self._log, note)
        self._shown(note)

    def _event(self, name: str, level: str = "info", **fields: str | int | float | None) -> None:
        if self._log is not None:
            self._log.event(name, "debug" if level == "debug" else "info", **fields)


def _terms(config: Config, job: str, request: JobRequest) -> Terms:
    child = config.child
    return Terms(
        job=job,
        hello=Hello(
            protocol=PROTOCOL_VERSION,
            life=0,
            engine=config.engine.name,
            device=child.device,
            settings=config.engine.settings,
            faults=config.engine.faults,
            voice=request.voice.name,
        ),
        version=VERSION,
        attempts=child.attempts,
        stall_s=child.stall_s,
        times=SlotTimes(
            start_s=child.start_timeout_s,
            release_s=max(child.stall_s, 1.0),
            term_s=child.term_grace_s,
        ),
        host=_marks(config.memory.host),
        device=_marks(config.memory.device),
        host_total_bytes=hostmem.read_host(None).total_bytes,
    )


def _marks(marks: Marks) -> MarksOf:
    def of(total_bytes: int) -> WatermarkLimits:
        hard_bytes = marks.hard.of(total_bytes)
        # One may be a share and the other fixed: on a small machine the hard one then acts first.
        return WatermarkLimits(soft_bytes=min(marks.soft.of(total_bytes), hard_bytes), hard_bytes=hard_bytes)

    return of


def _line(**fields: str | float | bool) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"


_ENDINGS: Final[dict[str, type[errors.SupervisorError]]] = {
    "stopped": errors.Interrupted,
    "full": errors.DiskFull,
    "unwritable": errors.Unwritable,
    "cannot": errors.StateInUse,
    "configuration": errors.ConfigError,
    "gave_up": errors.GaveUp,
    "stuck": errors.ProcessStuck,
}


def _ending_error(finish: do.Finish) -> errors.SupervisorError:
    return _ENDINGS[finish.ending](finish.why)


def _planning_error(error: dict[str, str]) -> errors.SupervisorError:
    kinds = {"bad_input": errors.InputError, "disk_full": errors.DiskFull}
    return kinds.get(error["kind"], errors.SupervisorError)(error["message"])


def _delivery_error(error: dict[str, str]) -> errors.SupervisorError:
    kinds = {"disk_full": errors.DiskFull, "unwritable": errors.Unwritable}
    return kinds.get(error["kind"], errors.SupervisorError)(error["message"])
