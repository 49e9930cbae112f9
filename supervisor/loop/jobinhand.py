"""One submitted job from its planning to its delivery, while a service has it in hand."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from supervisor import errors
from supervisor.config import Config
from supervisor.core.notes import Notice
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_wanted import StoredSubmission
from supervisor.edge.statefolder import StateFolder
from supervisor.identity import engine_identity
from supervisor.log import Log
from supervisor.loop.health import Ailment, utc
from supervisor.loop.requestqueue import EngineChanged, Floor
from supervisor.loop.room import ROOM_BYTES, full
from supervisor.loop.stages import Stages
from supervisor.loop.submitted import request_of
from supervisor.loop.telling import Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the jobs of a service share.

    Attributes:
        config: Returns all of it, as it is now.
        state: The state folder, owned.
        ledger: In it.
        floor: Where segments are spoken.
        telling: Takes notes.
        log: Takes events.
        folder: That relative paths of clients are relative to.
    """

    config: Callable[[], Config]
    state: StateFolder
    ledger: Ledger
    floor: Floor
    telling: Telling
    log: Log
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WantOfRoom:
    """Why a job is parked that found no room.

    Attributes:
        folder: On the disk that was full.
        needed_bytes: Free there before it is tried again.
        why: What was seen, and what mends it.
        ailment: The same for those who ask for the whole service: it names the job.
    """

    folder: Path
    needed_bytes: int
    why: str
    ailment: Ailment


class InHand:
    """A job from its planning to its delivery.

    Attributes:
        task: Brings it to its end.
        is_planned: Whether the planner is through with it.
        delivers: Whether its files are written: that is not broken off.
        lacked_room: If that was its end; else None.
        failure: What kept it from its end; None where it came to it.
    """

    def __init__(self, desk: Desk, stored: StoredSubmission) -> None:
        """Take a job in hand; nothing happens before `begin`.

        Args:
            desk: What it shares with others.
            stored: What was submitted.
        """
        self._desk = desk
        self._stored = stored
        self._job = stored.job
        self._stages: Stages | None = None
        self._config = desk.config()  # that it is planned under
        self._why = ""
        self._has_one_voice = False
        self._voiceless = ""
        self.is_planned = False
        self.delivers = False
        self.lacked_room: WantOfRoom | None = None
        self.failure: errors.SupervisorError | None = None
        self.task: asyncio.Task[None] = asyncio.ensure_future(asyncio.sleep(0))

    def begin(self, planned: Callable[[], None], over: Callable[[str], None]) -> None:
        """Begin.

        Args:
            planned: Called when the next job may be planned.
            over: Called at the end, whatever it is.
        """
        self.task = asyncio.ensure_future(self._bring(planned))
        self.task.add_done_callback(lambda _: over(self._job))

    def halt(self, why: str) -> None:
        """Break it off at the next boundary; what is spoken is kept."""
        self._why = self._why or why
        if self._stages is not None:
            self._stages.halt(self._why)

    async def _bring(self, planned: Callable[[], None]) -> None:
        try:
            await self._through(planned)
        except errors.DiskFull as error:
            self.lacked_room = want = self._want(error)
            await self._end(errors.DiskFull(want.why))
        except errors.SupervisorError as error:
            await self._end(error)
        except Exception as error:  # noqa: BLE001 - house rule 6: here, and it ends the job
            await self._end(errors.SupervisorError(f"{type(error).__name__}: {error}; please report it"))
        finally:
            self.is_planned = True

    @property
    def _folder(self) -> Path:
        """On the disk that was full: that of the files where these are written, else that of the state."""
        if not self.delivers:
            return self._desk.state.path
        output = Path(self._stored.output)
        return output if output.is_dir() else output.parent

    def _want(self, error: errors.DiskFull) -> WantOfRoom:
        ailment = full(str(error), utc(time.time()), stops=False, needed_bytes=error.needed_bytes)
        return WantOfRoom(
            folder=self._folder,
            needed_bytes=max(ROOM_BYTES, error.needed_bytes),
            why=f"{ailment.words}; {ailment.mend}",
            ailment=msgspec.structs.replace(ailment, words=f"job {self._job} waits: {ailment.words}"),
        )

    async def _through(self, planned: Callable[[], None]) -> None:
        desk = self._desk
        stages = await self._plan(planned)
        while not await self._spoken(stages):
            stages = await self._plan(planned)
        self._go_on()
        self.delivers = True
        outcome = await stages.deliver()
        desk.log.event("job.state", job=self._job, state="done", failed=len(outcome.failures))

    async def _plan(self, planned: Callable[[], None]) -> Stages:
        desk = self._desk
        self._go_on()
        self._config = desk.config()
        request = request_of(desk.ledger, self._stored)
        self._has_one_voice = not any(each.name.lower().endswith(".jsonl") for each in request.inputs)
        self._stages = stages = Stages(
            config=self._config,
            state=desk.state,
            ledger=desk.ledger,
            request=request,
            job=self._job,
            show=partial(desk.telling.show_of, self._job),
            log=desk.log,
        )
        await stages.plan()
        self.is_planned = True
        planned()
        self._go_on()
        return stages

    async def _spoken(self, stages: Stages) -> bool:
        """Have it spoken; False where it must be planned anew: another engine speaks from now on."""
        now = self._desk.config()
        if now is not self._config and engine_identity(now) != engine_identity(self._config):
            return False
        self._desk.state.must_take_audio(self._job)  # else the first segment would end the service
        try:
            await self._desk.floor.take_in(stages.shelf(self._gave_up), ahead=False)
        except EngineChanged:
            return False
        if self._voiceless:
            raise errors.UsageError(self._voiceless)
        return True

    def _gave_up(self, kind: str, why: str) -> None:
        """Break off a job whose one voice there is not: what came of it would be silence."""
        if kind == "voice_not_found" and self._has_one_voice and not self._voiceless:
            self._voiceless = why
            self._desk.floor.withdraw(self._job)

    def _go_on(self) -> None:
        if self._why:
            raise errors.Interrupted(self._why)

    async def _end(self, error: errors.SupervisorError) -> None:
        """Note why it did not come to its end: parked where it will go on, else failed."""
        self.failure = error
        try:
            await self._note_end(error)
        except errors.DiskFull as also:  # the ledger cannot even say so: the next look, or service, finds it
            self.lacked_room = self.lacked_room or self._want(also)
            self._desk.telling.show(Notice(level="error", name="ledger", text=f"job {self._job}: {also}"))
        if not isinstance(error, errors.Interrupted):
            self._desk.telling.show(Notice(level="error", name="job", text=f"job {self._job}: {error}"))
        self._desk.log.event("job.state", job=self._job, state="parked or failed", why=str(error))

    async def _note_end(self, error: errors.SupervisorError) -> None:
        if self._stages is not None and self._stages.is_planned:
            await self._stages.park(error)
        elif isinstance(error, errors.Interrupted | errors.TryLater):
            self._desk.ledger.set_state(self._job, "parked", str(error))
        else:
            self._desk.ledger.set_state(self._job, "failed", str(error))
