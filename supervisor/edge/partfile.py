"""The unfinished file beside a finished one's place: one process at a time writes it.

Two that wrote the same name at once would mix their bytes in it: runs on two state folders know nothing of
each other. So the unfinished file is locked while it is written (flock(2): the lock ends with the process
that holds it, however it ends). What a killed process left is written over.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from supervisor.errors import TryLater

#: What file systems say that know no locks: there is nothing to be done, and nobody else to be seen.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def open_alone(part: Path, target: Path) -> int:
    """Open an unfinished file, empty, for this process alone; closing its descriptor gives it free.

    Args:
        part: The file.
        target: What it will be, for the message.

    Returns:
        A descriptor to read and write with.

    Raises:
        TryLater: If another process writes it.
        OSError: If it cannot be opened.
    """
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if _is_ours(descriptor, part, target):
                os.ftruncate(descriptor, 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # of whoever had it before: it has its name by now, or is gone


def _is_ours(descriptor: int, part: Path, target: Path) -> bool:
    """Lock what was opened; False if it is no longer the unfinished file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TryLater(
            f"{target} is being written by another process, as by a run on another state folder; wait for "
            "it, or choose another output"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), part.stat())
    return False
