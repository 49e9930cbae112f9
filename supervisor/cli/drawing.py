"""Have traces drawn by the plotting process: matplotlib never comes into this one."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from supervisor.cli.parser import Arguments
from supervisor.edge.launch import environment_for
from supervisor.edge.tracelines import STANDARD_INPUT
from supervisor.errors import DiskFull, InputError, SupervisorError, Unwritable, UsageError

#: What a picture's name may end in.
SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A trace.

    Attributes:
        name: As it was given.
        path: Where it is read.
        fd: Descriptor that the path speaks of, to be passed on; None = the path is good in any process.
    """

    name: str
    path: str
    fd: int | None = None


_KINDS = {UsageError.exit_code: UsageError, DiskFull.exit_code: DiskFull}


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""
    exit_code: int = 0


def must_be_drawable(output: str) -> None:
    """Refuse what cannot become a picture, before any work.

    Raises:
        UsageError: If the name ends in none of `SUFFIXES`.
        Unwritable: If its folder is not there.
    """
    path = Path(output)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output}: a picture's name ends in {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise Unwritable(f"{output} is a folder; name a file")
    if not path.parent.is_dir():
        raise Unwritable(f"{output}: there is no folder {path.parent}; make it, or name another file")


def sources(names: list[str], opened: ExitStack, *, again: bool) -> list[Source]:
    """Return the traces.

    Args:
        names: As given.
        opened: Closes what is kept of them.
        again: Whether they are read more than once, or by another process: what comes through a
            pipe is then kept in a nameless file.

    Raises:
        UsageError: If `-` stands twice.
        InputError: If one is not there, or cannot be read.
    """
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("'-' stands for standard input, which can be read only once")
    for name in names:
        _must_be_there(name)
    return [
        _kept(name, opened) if again and not _is_file(name) else Source(name=name, path=name)
        for name in names
    ]


def _must_be_there(name: str) -> None:
    try:
        mode = 0 if name == STANDARD_INPUT else os.stat(name).st_mode  # noqa: PTH116 - Path would say the same with more words
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); check the name") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{name} is a folder; name the traces in it")


def _is_file(name: str) -> bool:
    # /dev/stdin and /dev/fd/63 are others in another process, be they files or not.
    return name != STANDARD_INPUT and Path(name).is_file() and not name.startswith(("/dev/", "/proc/"))


def _kept(name: str, opened: ExitStack) -> Source:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's stack closes it
    opened.callback(file.close)
    source = 0 if name == STANDARD_INPUT else name
    with open(source, "rb", closefd=source != 0) as stream:
        shutil.copyfileobj(stream, file)
    file.flush()
    return Source(name=name, path=f"/dev/fd/{file.fileno()}", fd=file.fileno())


def draw(args: Arguments, traces: list[Source], output: str) -> None:
    """Draw traces into one picture.

    Raises:
        SupervisorError: With the exit code that the reason has.
    """
    order = {
        "traces": [{"name": each.name, "path": each.path} for each in traces],
        "output": output,
        "config": None if args.config is None else str(args.config),
        "sets": args.sets,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "supervisor.plotting"],
        input=msgspec.json.encode(order),
        stdout=subprocess.PIPE,
        env=environment_for(sys.executable, "", {}),
        pass_fds=[each.fd for each in traces if each.fd is not None],
        start_new_session=True,  # Ctrl-C comes to us alone; it ends with us
        check=False,
    )
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except msgspec.MsgspecError as error:
        raise SupervisorError(
            f"the plotting process ended without an answer (status {done.returncode}): what it wrote on "
            "standard error says why"
        ) from error
    if answer.error:
        raise _KINDS.get(answer.exit_code, SupervisorError)(answer.error)
