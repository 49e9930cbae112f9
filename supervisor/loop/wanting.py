"""What is looked at before a job is taken: files that are to be read, places that are to be written.

For a command line and for a service alike; what they call things differs, what is refused does not.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

from supervisor.edge.disk import FULL_ERRNOS, write_error
from supervisor.errors import InputError, Unwritable, UsageError

AudioFormat = Literal["wav", "flac"]

#: Names below these can mean another file in another process.
OURS_ALONE = ("/dev/", "/proc/")

#: What a file system says, or an older kernel, that makes no file without a name.
_NAMED_ALONE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})

_SUFFIXES: dict[str, AudioFormat] = {".wav": "wav", ".flac": "flac"}


def absolute_in(folder: Path, path: str) -> str:
    """Return a path as it counts from a folder; links stay as they were written."""
    return os.path.abspath(folder / path)  # noqa: PTH100 - pathlib has no abspath that leaves links alone


def output_place(
    text: str,
    folder: Path,
    *,
    called: str,
    held: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> tuple[str, AudioFormat | None]:
    """Return the absolute output, with `/` at its end for a folder, and the format that a file's name says.

    Args:
        text: As it was given.
        folder: Absolute; what is relative counts from it.
        called: What the output is called to whoever gave it: `-o`, `output`.
        held: Holds off whatever would end the process while a file is there for a moment.

    Raises:
        UsageError: If it is neither a .wav or .flac file nor a folder.
        DiskFull: If not even an empty file has room there.
        Unwritable: If its folder cannot be written.
    """
    path = absolute_in(folder, text)
    said = f"{called} {text}"
    if text.endswith("/") or os.path.isdir(path):  # noqa: PTH112 - text may end in a slash, which Path drops
        must_take_a_file(Path(path), said, held)
        return path.rstrip("/") + "/", None
    suffix = _SUFFIXES.get(Path(path).suffix.lower())
    if suffix is None:
        raise UsageError(
            f"{said}: need a file that ends in .wav or .flac, or a folder: one that exists, or a name "
            "that ends in /"
        )
    must_take_a_file(Path(path).parent, said, held)
    return path, suffix


def must_be_readable(path: str, name: str) -> None:
    """Refuse what is no file, and a file that this user may not read.

    Args:
        path: Absolute.
        name: As the user gave it.

    Raises:
        InputError: If it cannot be opened, or is a pipe, a socket or a device.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path would say the same with more words
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            # Not even opened: a pipe would be waited for, and a device may do something.
            raise InputError(f"{name}: is no regular file; save it as one: it is read again and again")
        with open(path, "rb"):  # noqa: PTH123 - Path would say the same with more words
            return
    except OSError as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError) -> InputError:
    """Return what to say of a file that cannot be read."""
    said = error.strerror or str(error)
    return InputError(f"{name}: cannot be read ({said}); check the path and its permissions")


def nearest(place: Path) -> Path:
    """Return what exists of a path: itself, or the folder above it that does."""
    # Not Path.exists, which raises where a folder may not be searched.
    while not os.path.exists(place) and place != place.parent:  # noqa: PTH110 - see above
        place = place.parent
    return place


def must_take_a_file(
    folder: Path, said: str, held: Callable[[], AbstractContextManager[None]] = nullcontext
) -> None:
    """Refuse a folder that takes no file, or cannot be made.

    Args:
        folder: Absolute.
        said: What the output is called to whoever gave it, and as it was given.
        held: As with `output_place`.

    Raises:
        DiskFull: If not even an empty file has room there.
        Unwritable: If it cannot be written.
    """
    # What does not exist yet is created later: its nearest ancestor decides.
    place = nearest(folder)
    if not place.is_dir():
        raise Unwritable(f"{said}: {place} is no folder; choose another output")
    try:
        with held():
            _make_and_remove(place / f".tts-supervisor-probe-{os.getpid()}-{threading.get_native_id()}")
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise write_error(place, error) from error
        seen = error.strerror or str(error)
        raise Unwritable(
            f"{said}: cannot write in {place} ({seen}); choose another output, or mend its permissions"
        ) from error


def _make_and_remove(path: Path) -> None:
    # A real file: permissions alone do not tell of read-only mounts, nor of much to root, and a file
    # system that has none of ours (/proc) says so only when one is made. Where it can be, without a name:
    # then a kill or a power cut leaves nothing beside the user's files.
    try:
        descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NAMED_ALONE:
            raise
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        path.unlink()
    os.close(descriptor)
