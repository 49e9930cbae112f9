"""What a run did to files, call by call, and what a power cut at any moment of it may have left of them.

diskjournal.c, preloaded, notes the calls. Here they are put together to the state of a disk of which nothing
is known but what POSIX and Linux's manual pages promise:

- what was written to a file is there after an fsync of that file that began later; before it, any sectors of
  it, in any order, may be there or not, and the file may have its new length with zeros in it;
- a name (made, renamed, linked, unlinked) is there after an fsync of its folder; before it, it may be there
  or not. A rename is one step: never both names, never none. An fsync of the file says nothing of its name.

Real file systems promise more (`JOURNALLED`: names in the order in which they came). A program that survives
`TORN` and `BARE` needs none of that.
"""

import copy
import itertools
import random
import struct
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_HEAD = struct.Struct("=IIIIQQqIIII")

#: A disk writes a sector whole or not at all; SQLite and ext4 build on it too.
_SECTOR_BYTES = 512

_FLAG_CREATE, _FLAG_TRUNCATE = 0o100, 0o1000  # O_CREAT, O_TRUNC of Linux


class Loss(Enum):
    """What a power cut takes.

    Attributes:
        NONE: Nothing: the files as they are, as a copy of a running job has them.
        BARE: All that was not fsynced.
        JOURNALLED: Names from some moment on; of data that was not fsynced any sectors.
        TORN: Any names and any sectors that were not fsynced.
    """

    NONE = "none"
    BARE = "bare"
    JOURNALLED = "journalled"
    TORN = "torn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call that a process made. `kind` is a letter of diskjournal.c's `enum kind`."""

    kind: str
    pid: int
    tid: int
    inode: tuple[int, int]
    offset: int
    path: str
    other: str
    content: bytes


@dataclass(slots=True, kw_only=True, eq=False)
class File:
    """A file: its changes in their order, and how many of them are on disk for good.

    A change is an offset with bytes, or a new length with None.
    """

    inode: tuple[int, int]
    changes: list[tuple[int, bytes | None]] = field(default_factory=list[tuple[int, bytes | None]])
    synced: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Folder:
    """A folder, by a number that no other has; what it holds is told by the steps."""

    number: int


Place = tuple[int, str]  # the number of a folder, and a name in it
Node = File | Folder


@dataclass(slots=True, kw_only=True)
class Step:
    """A change of names: one that is taken away, one that is put, or both at once."""

    node: Node
    take: Place | None = None
    put: Place | None = None
    waits_for: set[int] = field(default_factory=set[int])


@dataclass(frozen=True, slots=True)
class Tree:
    """Files and folders by their paths below the folder that was watched."""

    files: dict[str, bytes]
    folders: set[str]

    def write(self, path: str, place: Path) -> None:
        """Make a real file or folder of what lies below a path; nothing if nothing does."""
        for name in sorted(self.folders):
            if name == path or name.startswith(f"{path}/"):
                (place / name[len(path) + 1 :]).mkdir(parents=True)
        for name, content in self.files.items():
            if name.startswith(f"{path}/"):
                (place / name[len(path) + 1 :]).write_bytes(content)


def build(folder: Path) -> Path:
    """Compile the library and return its path."""
    library = folder / "diskjournal.so"
    source = Path(__file__).with_suffix(".c")
    words = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-std=gnu11"]
    subprocess.run([*words, "-o", str(library), str(source), "-ldl"], check=True)
    return library


def environment(library: Path, journal: Path, below: Path) -> dict[str, str]:
    """What a process is started with whose calls are to be noted.

    Args:
        library: As `build` made it.
        journal: Records are added to it.
        below: The folder whose files are watched; it is there before, and is not itself at stake.
    """
    return {"LD_PRELOAD": str(library), "DISK_JOURNAL": str(journal), "DISK_JOURNAL_BELOW": str(below)}


def read(journal: Path) -> list[Record]:
    """Return the records in their order."""
    return list(_records(memoryview(journal.read_bytes())))


def _records(rest: memoryview) -> Iterator[Record]:
    while rest:
        length, kind, pid, tid, device, inode, offset, *lengths, _ = _HEAD.unpack_from(rest)
        parts: list[bytes] = []
        at = _HEAD.size
        for part in lengths:
            parts.append(bytes(rest[at : at + part]))
            at += part
        assert at == length
        yield Record(
            kind=chr(kind),
            pid=pid,
            tid=tid,
            inode=(device, inode),
            offset=offset,
            path=parts[0].decode(),
            other=parts[1].decode(),
            content=parts[2],
        )
        rest = rest[length:]


class Disk:
    """The watched folder as the records have made it.

    Args:
        below: That folder.
        standing: Paths below it of folders that were there before, for good; each after those it lies in.
    """

    def __init__(self, below: Path, standing: Sequence[str] = ()) -> None:
        self._below = str(below)
        self._root = Folder(number=0)
        self._numbers = itertools.count(1)
        self._now: dict[Place, Node] = {}
        self._files: dict[tuple[int, int], File] = {}
        self._steps: list[Step] = []
        self._begun: dict[tuple[int, str], tuple[Node, int]] = {}
        for path in standing:
            self._make_folder(self._place(f"{below}/{path}"))
            self._steps[-1].waits_for.clear()

    # ------------------------------------------------------------------ what happened

    def take(self, records: Sequence[Record]) -> "Disk":
        """Let the next records happen.

        Raises:
            AssertionError: If a call is among them of which the journal does not tell enough.
        """
        for record in records:
            self._take(record)
        return self

    def _take(self, record: Record) -> None:
        match record.kind:
            case "o":
                self._open(record)
            case "w":
                self._files[record.inode].changes.append((record.offset, record.content))
            case "t":
                self._files[record.inode].changes.append((record.offset, None))
            case "b" | "s":
                self._sync(record)
            case "r" | "l":
                node = self._now[self._place(record.path)]
                take = self._place(record.path) if record.kind == "r" else None
                self._step(node, take, self._place(record.other))
            case "m":
                self._make_folder(self._place(record.path))
            case "u" | "d":
                place = self._place(record.path)
                self._step(self._now[place], place, None)
            case "a":
                pass
            case "p":
                assert record.path.endswith("-shm"), f"{record.path} is written through memory"
            case _:
                raise AssertionError(f"the journal does not know what {record.other} does to {record.path}")

    def _open(self, record: Record) -> None:
        place = self._place(record.path)
        there = self._now.get(place)
        if not isinstance(there, File) or there.inode != record.inode:
            assert record.offset & _FLAG_CREATE, f"{record.path} was there before the journal began"
            there = self._files[record.inode] = File(inode=record.inode)
            self._step(there, None, place)
        elif record.offset & _FLAG_TRUNCATE:
            there.changes.append((0, None))

    def _make_folder(self, place: Place) -> None:
        self._step(Folder(number=next(self._numbers)), None, place)

    def _sync(self, record: Record) -> None:
        """What was done before an fsync began is on disk when it has ended."""
        asked = (record.tid, record.path)
        if record.kind == "b":
            node = self._synced(record)
            self._begun[asked] = (node, len(node.changes) if isinstance(node, File) else len(self._steps))
            return
        node, up_to = self._begun.pop(asked)
        if isinstance(node, File):
            node.synced = max(node.synced, up_to)
        else:
            for step in self._steps[:up_to]:
                step.waits_for.discard(node.number)

    def _synced(self, record: Record) -> Node:
        # By its name first: a new folder may have the number of a file that is gone.
        try:
            there = self._now_at(record.path)
        except KeyError:
            there = None
        return there if isinstance(there, Folder) else self._files[record.inode]

    def _step(self, node: Node, take: Place | None, put: Place | None) -> None:
        for_folders = {place[0] for place in (take, put) if place is not None}
        self._steps.append(Step(node=node, take=take, put=put, waits_for=for_folders))
        _apply(self._steps[-1], self._now)

    def _place(self, path: str) -> Place:
        above, _, name = path.rpartition("/")
        folder = self._now_at(above)
        assert isinstance(folder, Folder)
        return folder.number, name

    def _now_at(self, path: str) -> Node:
        node: Node = self._root
        for name in path[len(self._below) :].split("/"):
            if name:
                assert isinstance(node, Folder)
                node = self._now[node.number, name]
        return node

    # ------------------------------------------------------------------ what is left

    def killed(self) -> "Disk":
        """Return the disk as it is when all processes are killed now: nothing is lost, nothing more is sure.

        What `after` with `Loss.NONE` gives is to be written below the folder that is watched; the next
        records are then of processes that found it so.
        """
        disk = copy.deepcopy(self)
        disk._begun.clear()
        return disk

    def found(self) -> None:
        """Learn the files' present numbers, after they were written anew."""
        for path, node in self._nodes(self._now):
            if isinstance(node, File):
                status = Path(self._below, path).stat()
                node.inode = (status.st_dev, status.st_ino)
                self._files[node.inode] = node

    def after(self, loss: Loss, chance: random.Random) -> Tree:
        """Return what a power cut now leaves, by chance where the disk is free to choose."""
        names: dict[Place, Node] = {}
        for step in self._kept_steps(loss, chance):
            _apply(step, names)
        nodes = self._nodes(names)
        files = {path: _content(node, loss, chance) for path, node in nodes if isinstance(node, File)}
        return Tree(files, {path for path, node in nodes if isinstance(node, Folder)})

    def _nodes(self, names: dict[Place, Node]) -> list[tuple[str, Node]]:
        """Return what can be reached, by its path below the folder that is watched."""
        inside: dict[int, list[tuple[str, Node]]] = {}
        for (folder, name), node in names.items():
            inside.setdefault(folder, []).append((name, node))
        found: list[tuple[str, Node]] = []
        waiting: list[tuple[str, Folder]] = [("", self._root)]
        while waiting:
            above, folder = waiting.pop()
            for name, node in sorted(inside.get(folder.number, []), key=lambda each: each[0]):
                path = f"{above}/{name}".lstrip("/")
                found.append((path, node))
                if isinstance(node, Folder):
                    waiting.append((path, node))
        return found

    def _kept_steps(self, loss: Loss, chance: random.Random) -> list[Step]:
        if loss is Loss.NONE:
            return self._steps
        sure = [index for index, step in enumerate(self._steps) if not step.waits_for]
        if loss is Loss.JOURNALLED:
            return self._steps[: chance.randint(sure[-1] + 1 if sure else 0, len(self._steps))]
        share = 0.0 if loss is Loss.BARE else chance.choice((0.1, 0.5, 0.9))
        return [step for step in self._steps if not step.waits_for or chance.random() < share]


def _apply(step: Step, names: dict[Place, Node]) -> None:
    if step.take is not None and names.get(step.take) is step.node:
        del names[step.take]
    if step.put is not None:
        names[step.put] = step.node


def _content(file: File, loss: Loss, chance: random.Random) -> bytes:
    everything = bytearray()
    for change in file.changes[: file.synced] if loss is not Loss.NONE else file.changes:
        _write(everything, *change)
    if loss in (Loss.NONE, Loss.BARE):
        return bytes(everything)
    share = chance.choice((0.0, 0.5, 0.9, 1.0))
    length = len(everything)
    for offset, content in file.changes[file.synced :]:
        length = offset if content is None else max(length, offset + len(content))
        for piece in _sectors(offset, content):
            if chance.random() < share:
                _write(everything, *piece)
    if len(everything) < length and chance.random() < 0.5:
        _write(everything, length, None)
    return bytes(everything)


def _sectors(offset: int, content: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    """Cut a change into what a disk writes at once."""
    while content and len(content) > (whole := _SECTOR_BYTES - offset % _SECTOR_BYTES):
        yield offset, content[:whole]
        offset, content = offset + whole, content[whole:]
    yield offset, content


def _write(into: bytearray, offset: int, content: bytes | None) -> None:
    if content is None:
        del into[offset:]
    into.extend(bytes(max(0, offset - len(into))))
    if content is not None:
        into[offset : offset + len(content)] = content
