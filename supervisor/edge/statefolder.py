"""The state folder: one owner at a time, and where everything in it lies.

    ledger.sqlite3          jobs, segments, what became of them
    lock                    held by flock(2) while a process owns the folder; its pid inside, then a
                            service's control socket
    audio/JOB/KEY.wav       a finished segment
    audio/JOB/KEY.wav.part  one that was being written
    crash/                  what dead children left to read

The lock ends with the process that holds it, however it ends: there is never a stale one.
Looking (`jobs list`, `jobs verify`) needs no lock.
"""

import errno
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from supervisor.edge.audiofile import PART_SUFFIX
from supervisor.edge.disk import make_folder, settle, write_error
from supervisor.errors import StateInUse, Unwritable

#: Below the XDG state folder.
FOLDER_NAME = "tts-supervisor"


def default_state_path(environ: Mapping[str, str]) -> Path:
    """Return where the state lies unless `--state` says otherwise.

    Args:
        environ: `STATE_DIRECTORY` is the folder itself, made by systemd for a service (the first, where there
            are more). `XDG_STATE_HOME` counts when it is an absolute path, as its standard wants.
    """
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given.startswith("/"):
        return Path(given)
    configured = environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".local" / "state"
    return base / FOLDER_NAME


class StateLock:
    """Ownership of a state folder; `release` it or leave the `with` block."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the folder back; again, nothing happens."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "StateLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class StateFolder:
    """Names of what lies in a state folder. Making one touches no disk."""

    def __init__(self, path: Path) -> None:
        #: Without symbolic links: it marks our processes, so it must have one spelling.
        self.path = Path(os.path.realpath(path))

    @property
    def crash_folder(self) -> Path:
        """Where stack dumps and last words of children are kept."""
        return self.path / "crash"

    def audio_path(self, job: str, key: str) -> Path:
        """Return where a finished segment lies."""
        return self.path / audio_name(job, key)

    def part_path(self, job: str, key: str) -> Path:
        """Return where a segment lies while it is being written."""
        finished = self.audio_path(job, key)
        return finished.with_name(finished.name + PART_SUFFIX)

    def lock(self) -> StateLock:
        """Own the folder until the lock is released or this process ends. Creates the folder.

        Raises:
            StateInUse: If another process owns it; the message names its pid.
            DiskFull: If there is no room for it.
            Unwritable: If the folder cannot be created or written, or is another user's: what root left in it
                could not be written by its owner.
        """
        make_folder(self.path)
        self._must_be_ours()
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise write_error(self.path, error) from error
        try:
            self._take(descriptor)
            # Of an owner before us that was killed: folders and recordings that what we write is to lie in.
            settle(self.path.parent, self.path, self.path / "audio", self.path / "recordings")
        except BaseException:
            os.close(descriptor)
            raise
        return StateLock(descriptor)

    def must_take_audio(self, job: str) -> None:
        """Make the folder of a job's segments, or say why nothing can be written there.

        Raises:
            DiskFull: If there is no room for it.
            Unwritable: If it cannot be created or written.
        """
        folder = self.audio_path(job, "any").parent
        make_folder(folder)
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise write_error(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _must_be_ours(self) -> None:
        owner = self.path.stat().st_uid
        if os.geteuid() == 0 and owner != 0:
            raise Unwritable(
                f"the state folder {self.path} belongs to user {owner}, who could not write what root leaves "
                f"there; run this as that user (`sudo -u '#{owner}' …`), or start its service, which does "
                "the work, or choose another folder with --state"
            )

    def owner_pid(self) -> int | None:
        """Return who owns the folder now, or None: nobody, or the kernel does not tell.

        Reads the kernel's table of locks: trying the lock instead would turn a real owner away.
        """
        try:
            here = (self.path / "lock").stat()
            table = Path("/proc/locks").read_text(encoding="ascii")
        except OSError:
            return None
        place = f"{os.major(here.st_dev):02x}:{os.minor(here.st_dev):02x}:{here.st_ino}"
        held = [row.split() for row in table.splitlines()]
        pids = [row[4] for row in held if row[1] == "FLOCK" and row[5] == place]
        return int(pids[0]) if pids else None

    def note_door(self, socket: Path) -> None:
        """Note where the owner's control socket lies; for the owner alone.

        Raises:
            DiskFull: If there is no room for it.
            Unwritable: If it cannot be written.
        """
        try:
            (self.path / "lock").write_bytes(b"%d\n%b\n" % (os.getpid(), os.fsencode(socket)))
        except OSError as error:
            raise write_error(self.path, error) from error

    def noted_door(self) -> Path | None:
        """Return where the last owner noted its control socket; it may be gone. None: it noted none."""
        try:
            lines = (self.path / "lock").read_bytes().split(b"\n")
        except OSError:
            return None
        return Path(os.fsdecode(lines[1])) if len(lines) > 1 and lines[1].startswith(b"/") else None

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").partition("\n")[0].strip()
            who = f"process {pid}" if pid else "another process"
            raise StateInUse(
                f"the state folder {self.path} is in use by {who}; "
                "wait until it is done, or choose another folder with --state"
            ) from error
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError as error:
            raise write_error(self.path, error) from error


def audio_name(job: str, key: str) -> str:
    """Return a finished segment's path below the state folder, as the ledger keeps it."""
    return f"audio/{job}/{key}.wav"
