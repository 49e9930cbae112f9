"""`demo`: the same story twice, once on a bad day; the files must be the same."""

import hashlib
import os
import signal
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from supervisor.cli.door import control_door
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration
from supervisor.cli.words import emit, tell
from supervisor.config import Config, Given, Marks, Size
from supervisor.core.notes import ChildState, Note, SegmentSpoken, SegmentTrouble
from supervisor.display.words import clock, count, size
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import Interrupted, SupervisorError
from supervisor.log import Log
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.messages import FaultPlan

_STORY = "the-night-ferry.md"

#: Kept by the child after every segment: a replacement every dozen segments or so, which is
#: often enough to watch and seldom enough to stay under a minute on a slow machine. The hard mark
#: lies so near that a child reaches it before it could be warm: then no life has to be that long.
_LEAK_BYTES = 10 * 2**20
_SOFT_OVER_BYTES = 130 * 2**20
_HARD_OVER_BYTES = 180 * 2**20

#: A child is killed after it has spoken so many segments of the run.
_KILLS_AFTER = (5, 25, 60)


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Watches a run: prints what befalls the child, and kills it when its time has come.

    Attributes:
        kills_after: Segments spoken in the run at which the child is killed.
        started_s: Monotonic.
        pids: Of the children that may be at work, by life: at a hand-over there are two.
    """

    kills_after: tuple[int, ...]
    started_s: float = field(default_factory=time.monotonic)
    pids: dict[int, int] = field(default_factory=dict[int, int])
    spoken: int = 0
    kills: int = 0
    recycles: int = 0
    most_private_bytes: int = 0
    least_private_bytes: int = 2**63

    def show(self, note: Note) -> None:
        """Take a note of the run."""
        match note:
            case ChildState():
                self._child(note)
            case SegmentSpoken():
                self.spoken += 1
                if self.spoken in self.kills_after:
                    self._kill()
            case SegmentTrouble():
                self._say(f"segment {note.segment + 1} will be spoken again: {note.message}")
            case _:
                pass

    def _child(self, note: ChildState) -> None:
        private_bytes = note.memory.get("host_private")
        if private_bytes is not None:
            self.most_private_bytes = max(self.most_private_bytes, private_bytes)
            self.least_private_bytes = min(self.least_private_bytes, private_bytes)
        if note.state == "ready" and note.pid is not None:
            self.pids[note.life] = note.pid
        elif note.state in ("leaving", "dying", "gone"):
            self.pids.pop(note.life, None)
        if note.state != "gone":
            return
        if not note.planned:
            self._say(f"child {note.life} died: {note.why}")
        elif note.recycled:
            self.recycles += 1
            self._say(f"child {note.life} replaced: {note.why}")

    def _kill(self) -> None:
        if not self.pids:
            return
        pid = self.pids[min(self.pids)]  # a successor has nothing in hand yet
        self.kills += 1
        self._say(f"SIGKILL to the child, pid {pid}, in the middle of a segment")
        # Not reaped yet, so the number is still its own: notes and reaping are on one thread.
        os.kill(pid, signal.SIGKILL)

    def _say(self, line: str) -> None:
        emit(f"  {time.monotonic() - self.started_s:5.1f} s  {line}")


def story() -> Path:
    """Return the shipped example: inside the package, or in the checkout.

    Raises:
        SupervisorError: If it is in neither.
    """
    package = Path(__file__).parents[1]
    for folder in (package, package.parent):
        path = folder / "examples" / _STORY
        if path.is_file():
            return path
    raise SupervisorError(f"examples/{_STORY} is not beside the package; install tts-supervisor again")


def demo(args: Arguments) -> int:
    """Narrate the story twice; return 1 if the files differ."""
    wanted = [Given(key="engine.name", value="espeak", origin="demo")]
    config = configuration(args, extra=wanted)
    quiet = replace(config, engine=replace(config.engine, faults=None))
    with tempfile.TemporaryDirectory(prefix="tts-supervisor-demo-") as folder:
        try:
            return _demo(quiet, Path(folder), args.socket)
        except Interrupted as error:
            # There is nothing to go on with: the folder goes.
            raise SupervisorError("stopped") from error


def _demo(config: Config, folder: Path, socket: Path | None) -> int:
    emit("1. Undisturbed.")
    calm = _Watch(kills_after=())
    first = _narrate(config, folder / "undisturbed", calm, socket)
    soft_bytes = calm.least_private_bytes + _SOFT_OVER_BYTES
    hard_bytes = calm.least_private_bytes + _HARD_OVER_BYTES
    emit(
        f"2. A bad day: the child leaks {size(_LEAK_BYTES)} with every segment, and the marks are at "
        f"{size(soft_bytes)} and {size(hard_bytes)}; {len(_KILLS_AFTER)} times it is killed in its work."
    )
    busy = _Watch(kills_after=_KILLS_AFTER)
    second = _narrate(_bad_day(config, soft_bytes, hard_bytes), folder / "bad-day", busy, socket)
    emit(f"undisturbed  {first}")
    befell = f"{count(busy.recycles, 'recycle', 'recycles')}, {count(busy.kills, 'kill', 'kills')}"
    emit(f"bad day      {second}  {befell}")
    if first != second:
        emit("The files differ. That must not be: please report it.")
        return SupervisorError.exit_code
    emit("The same SHA-256: not one sample differs.")
    return 0


def _bad_day(config: Config, soft_bytes: int, hard_bytes: int) -> Config:
    marks = Marks(soft=Size.parse(f"{soft_bytes}B"), hard=Size.parse(f"{hard_bytes}B"))
    memory = replace(config.memory, host=marks)
    engine = replace(config.engine, faults=FaultPlan(leak_bytes=_LEAK_BYTES))
    return replace(config, engine=engine, memory=memory)


def _narrate(config: Config, folder: Path, watch: _Watch, socket: Path | None) -> str:
    from supervisor.loop import run_job  # noqa: PLC0415 - asyncio: after all that can be refused

    folder.mkdir()
    path = story()
    request = JobRequest(
        output=str(folder / "story.flac"),
        format="flac",
        sample_rate_hz=None,
        voice=VoiceSpec(),
        seed=0,
        inputs=[InputSpec(path=str(path), name=_STORY)],
    )
    # What happens is told by the watch, line by line; the log would tell it twice.
    log = Log(format="text", level="error")
    state = StateFolder(folder / "state")
    door = control_door(state, socket, log, tell)
    outcome = run_job(config, state, request, watch.show, log, door=door)
    if outcome.exit_code != 0 or outcome.view is None:
        raise SupervisorError(f"the narration ended with exit code {outcome.exit_code}: {outcome.message}")
    took_s = time.monotonic() - watch.started_s
    emit(
        f"  {took_s:5.1f} s  {outcome.view.segments} segments, {clock(outcome.view.seconds)} of audio, "
        f"{outcome.view.seconds / took_s:.0f} times as fast as it is spoken"
    )
    with open(request.output, "rb") as file:  # noqa: PTH123 - hashlib wants a file
        return hashlib.file_digest(file, "sha256").hexdigest()
