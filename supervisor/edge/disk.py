"""What to say when the operating system refuses to write: disk full, or not allowed."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from supervisor.errors import DiskFull, Unwritable

#: ENOSPC is a full file system, EDQUOT a full quota: both pass when somebody makes room.
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})

_A_FILE = "a file stands where a folder should be: choose another folder"

_MENDS = {
    errno.EEXIST: _A_FILE,
    errno.ENOTDIR: _A_FILE,
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "look after the disk, or choose another folder",
    errno.EFBIG: "choose a folder on a file system that takes larger files, or raise the limit (ulimit -f)",
}


def write_error(folder: Path, error: OSError, *, needed_bytes: int = 0) -> DiskFull | Unwritable:
    """Return what a refused write means, with the folder, the figures and the mend.

    Args:
        folder: Where the write went.
        error: What the system said.
        needed_bytes: Bytes that were to be written; 0 = not known.
    """
    if error.errno in FULL_ERRNOS:
        return DiskFull(_full_message(folder, error, needed_bytes), needed_bytes=needed_bytes)
    mend = _MENDS.get(error.errno or 0, "make the folder writable for this user, or choose another")
    return Unwritable(f"cannot write in {folder}: {error.strerror or error}; {mend}")


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename is on disk only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, each durable before the next; nothing happens where it exists.

    Raises:
        DiskFull: If there is no room for it.
        Unwritable: If it cannot be created, or is not a folder.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(exist_ok=True)
            fsync_folder(place.parent)
        folder.mkdir(exist_ok=True)  # says so where a file stands
    except OSError as error:
        raise write_error(folder, error) from error


def settle(*folders: Path) -> None:
    """Make durable what stands in folders already; what is not there, or not ours to read, is passed over.

    A process that was killed between making a name and the fsync of its folder leaves a name that everybody
    sees and that a power cut takes away, with all that was put below it meanwhile.

    Raises:
        DiskFull: If there is no room for it.
        Unwritable: If the system refuses.
    """
    for folder in folders:
        try:
            fsync_folder(folder)
        except (FileNotFoundError, PermissionError):
            continue
        except OSError as error:
            raise write_error(folder, error) from error


def write_whole(path: Path, pieces: Iterable[bytes], *, anew: bool = False, alone: bool = False) -> None:
    """Put a file under its name when it is whole and on disk; a kill leaves at most a `.NAME.PID.part`.

    Args:
        path: The finished file's; its folder is created.
        pieces: What it holds.
        anew: There must be no such file yet.
        alone: No other process writes it: `.NAME.part`, over what a killed one left.

    Raises:
        FileExistsError: If there is one, with `anew`; nothing has changed.
        DiskFull: If there is no room; nothing has changed.
        Unwritable: If the system refuses; nothing has changed.
    """
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.part" if alone else f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if anew:
            os.link(part, path)  # unlike a rename it replaces nothing
        else:
            part.replace(path)
        fsync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise write_error(path.parent, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _full_message(folder: Path, error: OSError, needed_bytes: int) -> str:
    what = "the quota is used up" if error.errno == errno.EDQUOT else "the disk is full"
    wanted = f", {needed_bytes} bytes to write" if needed_bytes else ""
    return (
        f"{what} in {folder} ({free_bytes(folder)} bytes free{wanted}); "
        "make room and run the same command (or send the request) again: what is finished stays"
    )


def free_bytes(folder: Path) -> int:
    """Return how much room there is, quotas aside; 0 where the folder is not there."""
    try:
        room = os.statvfs(folder)
    except OSError:  # the folder itself could not be made: nothing to measure
        return 0
    return room.f_bavail * room.f_frsize
