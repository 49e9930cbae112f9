"""A narration whose every write is noted; what may be left of it, looked at and started again elsewhere."""

import copy
import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_schema import LedgerError
from supervisor.edge.recordings import RecordingStore
from supervisor.edge.statefolder import StateFolder
from supervisor.verify import verify_job
from tests.processes import diskjournal
from tests.processes.diskjournal import Disk, Loss, Record, Tree
from tests.processes.narration import Narration, Task

#: Kinds of records at which a moment may lie, each as likely as the next: writes are a hundred to one rename.
_KINDS = "owtbsrlumda"

#: It may stand in any state, and says nothing after a power cut.
_OF_THE_LIVING = ("lock", "-shm", "-wal")


class Told(msgspec.Struct, frozen=True):
    """A line of the log, as far as it promises something."""

    event: str
    job: str = ""
    segment: int = -1
    path: str = ""
    sha256: str = ""
    segments: int = 0
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job is noted: `below` holds the state and the output, each in a folder of its own."""

    folder: Path
    library: Path

    @property
    def below(self) -> Path:
        return self.folder / "run"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def task(
        self, text: Path, output: str | None, sets: Mapping[str, str], env: Mapping[str, str] | None = None
    ) -> Task:
        """A task whose state and output are watched; without a name its output is a folder that is there."""
        out = self.below / "out" / (output or "files")
        (self.below if output else out).mkdir(parents=True)
        noted = diskjournal.environment(self.library, self.journal, self.below)
        env = {**(env or {}), **noted}
        return Task(text=text, output=out, state=self.below / "state", sets=sets, env=env)

    def standing(self) -> list[str]:
        """Folders that are there already."""
        return sorted(str(path.relative_to(self.below)) for path in self.below.rglob("*"))

    def restore(self, tree: Tree, state: Path) -> None:
        """Begin anew with what is left of a run: the output in its place, the state where it is wanted."""
        shutil.rmtree(self.below)
        self.below.mkdir()
        tree.write("out", self.below / "out")
        tree.write("state", state)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was tried: moments by loss, and how many different states came of them."""

    moments: Counter[str] = field(default_factory=Counter[str])
    states: set[str] = field(default_factory=set[str])

    def __str__(self) -> str:
        moments, states = sum(self.moments.values()), len(self.states)
        return f"{moments} moments {dict(self.moments)}, {states} different states"


class Calm:
    """How a job ends that nothing disturbs: its finished files, and what lies in its state folder."""

    def __init__(self, task: Task) -> None:
        """Take it down; the job has just ended."""
        self.outputs = _files(task.output.parent)
        self.state = _at_rest(task.state)

    def assert_same_end(self, task: Task) -> None:
        """Run it on what is there: the same bytes, all accounted for, nothing left lying."""
        with Narration(task, level="info") as run:
            assert run.exit_code() == 0, run.tail()
        with closing(Ledger.open(task.state, read_only=True)) as ledger:
            (job,) = ledger.views()
            assert (job.state, job.failed, job.done) == ("done", 0, job.segments)
            verdict = verify_job(ledger, StateFolder(task.state), job.job)
        assert verdict.ok, verdict.problems
        assert _files(task.output.parent) == self.outputs
        assert _at_rest(task.state) == self.state


class Noted:
    """A job that was run to its end under the journal.

    Attributes:
        records: Every call that changed its files, and every word it said.
        calm: How it ended.
    """

    def __init__(self, place: Place, task: Task, before: Disk | None = None) -> None:
        """Run it, and see to it that the journal tells the whole story.

        Args:
            place: Where.
            task: Made by it.
            before: What an earlier run left there; None = nothing.
        """
        self._place = place
        self._task = task
        self._before = before or Disk(place.below, place.standing())
        place.journal.unlink(missing_ok=True)
        with Narration(task) as run:
            assert run.exit_code() == 0, run.tail()
        self.records = diskjournal.read(place.journal)
        self._said = list(_told(self.records))
        self.calm = Calm(task)
        assert_whole(place.below, self._disk().take(self.records))

    def again_after_a_kill(self, moment: int) -> "Noted":
        """Let all its processes be killed at a moment, and run it to its end once more."""
        before = self._disk().take(self.records[:moment]).killed()
        self._place.restore(before.after(Loss.NONE, random.Random(0)), self._task.state)
        before.found()
        return Noted(self._place, self._task, before)

    def _disk(self) -> Disk:
        return copy.deepcopy(self._before)

    # ------------------------------------------------------------------ moments

    def moments(self, count: int, chance: random.Random) -> list[int]:
        """Draw how many records stand before a power cut."""
        kinds = sorted({record.kind for record in self.records} & set(_KINDS))
        by_kind = {kind: [n for n, each in enumerate(self.records, 1) if each.kind == kind] for kind in kinds}
        return [chance.choice(by_kind[chance.choice(kinds)]) for _ in range(count)]

    def left(self, moment: int, loss: Loss, chance: random.Random) -> Tree:
        """What a power cut at a moment leaves."""
        return self._disk().take(self.records[:moment]).after(loss, chance)

    # ------------------------------------------------------------------ looking

    def unlawful(self, tree: Tree, moment: int) -> list[str]:
        """What the ledger calls done and is not there, and what was told and is not in the ledger.

        Args:
            tree: What is left.
            moment: Of the power cut.
        """
        place = self._place.folder / "looked_at"
        tree.write("state", place)
        said = [told for at, told in self._said if at <= moment]
        problems = list(self._problems(tree, place, said))
        shutil.rmtree(place, ignore_errors=True)
        return [f"after {moment} records: {problem}" for problem in problems]

    def unlawful_anywhere(self, losses: Sequence[Loss], chance: random.Random) -> list[str]:
        """The same of all moments that promise more than the one before: an fsync is over, or a word is out.

        Where something is wrong, the rest is left out.
        """
        disk = self._disk()
        for moment, record in enumerate(self.records, 1):
            disk.take([record])
            if record.kind in "sa":
                for loss in losses:
                    if problems := self.unlawful(disk.after(loss, chance), moment):
                        return problems
        return []

    def _problems(self, tree: Tree, state: Path, said: Sequence[Told]) -> Iterator[str]:
        planned = [told for told in said if told.event == "job.planned"]
        try:
            ledger = Ledger.open(state, read_only=True)
        except LedgerError as error:
            # Tables come with the first transaction: before it, there may be no file, or an empty one.
            if planned or "nothing was narrated" not in str(error):
                yield f"no ledger: {error}"
            return
        with closing(ledger):
            yield from self._lies(ledger, tree, state)
            for told in said:
                yield from _broken_promise(told, ledger, tree, self._place.below)

    def _lies(self, ledger: Ledger, tree: Tree, state: Path) -> Iterator[str]:
        for view in ledger.views():
            for segment in ledger.segments(view.job):
                audio = _sha256(tree.files.get(f"state/{segment.path}"))
                if segment.state == "done" and audio != segment.sha256:
                    yield f"segment {segment.number} is done, and its audio is not there"
            for delivery in ledger.deliveries(view.job):
                if _sha256(_finished(tree, delivery.path, self._place.below)) != delivery.sha256:
                    yield f"{delivery.path} is delivered, and is not there"
            voices = [chapter.voice for chapter in ledger.stored_chapters(view.job)]
            for sha256 in {voice.reference_sha256 for voice in voices if voice.reference_sha256}:
                if not RecordingStore(state).has(sha256):
                    yield f"the recording {sha256} is planned, and is not there"

    # ------------------------------------------------------------------ going on

    def assert_goes_on(self, tree: Tree, elsewhere: Path) -> None:
        """Start what is left in another state folder; the output's path, which names the job, is the same."""
        self._place.restore(tree, elsewhere)
        self.calm.assert_same_end(unwatched(self._task, elsewhere))
        shutil.rmtree(elsewhere)


def assert_whole(below: Path, disk: Disk) -> None:
    """What the journal makes of a folder is what is there: no call was missed."""
    made = disk.after(Loss.NONE, random.Random(0)).files
    assert {name: _sha256(content) for name, content in made.items()} == _files(below)


def digest(tree: Tree) -> str:
    """Tell states apart."""
    whole = hashlib.sha256(json.dumps(sorted(tree.folders)).encode())
    for name, content in sorted(tree.files.items()):
        if not name.endswith("-shm"):
            whole.update(json.dumps([name, _sha256(content)]).encode())
    return whole.hexdigest()


def _broken_promise(told: Told, ledger: Ledger, tree: Tree, below: Path) -> Iterator[str]:
    match told.event:
        case "job.planned":
            view = ledger.view(told.job)
            if view is None or view.segments != told.segments:
                yield f"{told} was told, and there is {view}"
        case "segment.done":
            (segment,) = ledger.segments(told.job, told.segment, told.segment + 1)
            if segment.state != "done":
                yield f"{told} was told, and it is {segment.state}"
        case "job.delivered":
            if _sha256(_finished(tree, told.path, below)) != told.sha256:
                yield f"{told} was told, and it is not there"
            if told.path not in {each.path for each in ledger.deliveries(told.job)}:
                yield f"{told} was told, and the ledger does not know"
        case "run.ended":
            states = [view.state for view in ledger.views()]
            if told.exit_code == 0 and states != ["done"]:
                yield f"{told} was told, and the job is {states}"
        case _:
            pass


def _told(records: Sequence[Record]) -> Iterator[tuple[int, Told]]:
    """Yield the whole lines of the log that were out, each with the number of records up to it."""
    rests: dict[tuple[int, int], bytes] = {}
    for number, record in enumerate(records, 1):
        if record.kind != "a":
            continue
        voice = (record.pid, record.offset)
        *lines, rests[voice] = (rests.get(voice, b"") + record.content).split(b"\n")
        for line in lines:
            if line.startswith(b'{"at"'):
                yield number, msgspec.json.decode(line, type=Told)


def _finished(tree: Tree, path: str, below: Path) -> bytes | None:
    return tree.files.get(str(Path(path).relative_to(below)))


def _files(folder: Path) -> dict[str, str]:
    """The files below a folder with their SHA-256."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(found.items())}


def _at_rest(state: Path) -> set[str]:
    """The files of a state folder that say something to whoever starts on it."""
    return {name for name in _files(state) if not name.endswith(_OF_THE_LIVING)}


def _sha256(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def unwatched(task: Task, state: Path) -> Task:
    """The same task on another state folder, with nothing noted."""
    watched = ("LD_PRELOAD", "DISK_JOURNAL", "DISK_JOURNAL_BELOW")
    env = {name: value for name, value in task.env.items() if name not in watched}
    return replace(task, state=state, env=env)
