"""The runtime folder: where a service's control socket lies, and how it comes and goes.

    $RUNTIME_DIRECTORY/1f0c3a5b7d9e.sock                 in a systemd service; root asks /run/tts-supervisor
    $XDG_RUNTIME_DIR/tts-supervisor/1f0c3a5b7d9e.sock    if that is a folder of ours
    /run/user/UID/tts-supervisor/1f0c3a5b7d9e.sock       else, if that is
    $TMPDIR/tts-supervisor-UID/1f0c3a5b7d9e.sock         else; /tmp where TMPDIR is none

The name is taken from the state folder's real path, which has one owner at a time. A place whose
path is too long for a socket is passed over. Nobody but its owner may enter the last folder.
"""

import contextlib
import hashlib
import os
import select
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.errors import SupervisorError, TryLater, Unwritable, UsageError

FOLDER_NAME: Final = "tts-supervisor"

#: RuntimeDirectory= of the machine's service. Only root makes folders in /run: whose it is need not be asked.
SYSTEM_FOLDER: Final = Path("/run") / FOLDER_NAME

#: sun_path of sockaddr_un holds 108 bytes, the last of them NUL.
LONGEST_PATH_BYTES: Final = 107

#: Connections that wait to be taken: a bit more than a door holds at once.
_BACKLOG = 64

_UCRED = struct.Struct("3i")  # struct ucred: pid, uid, gid


class NoService(SupervisorError):
    """Nobody listens: there is no service, or it listens elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end of a unix socket, by the kernel's word."""

    pid: int
    uid: int


class ControlSocket:
    """A listening socket and its file.

    Attributes:
        path: Where it lies.
        socket: Listens, never blocks.
    """

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.path = path
        self.socket = listener
        self._file = _identity(path)

    def close(self) -> None:
        """Stop listening and remove the file, unless another's lies there by now. Idempotent."""
        self.socket.close()
        if self._file is not None and _identity(self.path) == self._file:
            self.path.unlink(missing_ok=True)
        self._file = None


def socket_places(state: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return where the control socket of a state folder may lie, best first.

    Args:
        state: The state folder, without symbolic links.
        environ: `RUNTIME_DIRECTORY`, `XDG_RUNTIME_DIR` and `TMPDIR` count where they are absolute paths.
    """
    places = dict.fromkeys(folder / _name(state) for folder in _folders(environ))
    return [place for place in places if len(os.fsencode(place)) <= LONGEST_PATH_BYTES]


def open_control_socket(state: Path, environ: Mapping[str, str], given: Path | None) -> ControlSocket:
    """Listen where the control socket of a state folder belongs, or where it is `given`.

    A socket that nobody listens on any more is replaced.

    Raises:
        UsageError: If what is given cannot be a socket's path.
        TryLater: If another service listens there.
        Unwritable: If no socket can be made.
    """
    if given is not None:
        _must_be_short_enough(given)
        _make_folder_of(given)
        return _listen(given)
    refusals: list[str] = []
    for place in socket_places(state, environ):
        try:
            make_private(place.parent)
            return _listen(place)
        except Unwritable as error:
            refusals.append(str(error))
    raise Unwritable("; ".join(refusals) or "no folder is near enough to the root for a socket; see --socket")


def connect(state: Path, environ: Mapping[str, str], given: Path | None, *, limit_s: float) -> socket.socket:
    """Return a connection to the service of a state folder, or to the one that listens at `given`.

    Args:
        state: The state folder, without symbolic links.
        environ: As for `socket_places`.
        given: The one place to look at.
        limit_s: Of every wait of the connection.

    Raises:
        NoService: If there is none.
        TryLater: If it takes no more connections.
        UsageError: If what is given cannot be a socket's path.
    """
    if given is not None:
        _must_be_short_enough(given)
        places = [given]
    else:
        places = [place for place in socket_places(state, environ) if _is_ours(place.parent, follow=False)]
        places += [SYSTEM_FOLDER / _name(state)] if os.geteuid() == 0 else []
    for place in places:
        connection = _connected(place, limit_s)
        if connection is not None:
            return connection
    raise NoService(_nobody(state, given, socket_places(state, environ)))


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end."""
    pid, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Peer(pid=pid, uid=uid)


def hung_up(fd: int) -> bool:
    """Say whether the other end of a socket is closed, rather than only done with its say."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def make_private(folder: Path) -> None:
    """Make a folder that only we can enter, or make sure of one that is there.

    Raises:
        Unwritable: If it is a link, no folder, another's, or cannot be made.
    """
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        seen = folder.lstat()
        if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid():
            if stat.S_IMODE(seen.st_mode) != 0o700:  # noqa: PLR2004 - rwx for the owner alone
                folder.chmod(0o700)
            return
    except OSError as error:
        raise Unwritable(f"cannot make {folder} ({error.strerror}); choose a place with --socket") from error
    what = f"belongs to user {seen.st_uid}" if stat.S_ISDIR(seen.st_mode) else "is no folder"
    raise Unwritable(
        f"{folder} {what}: no place for a control socket; remove it, or choose one with --socket"
    )


def _name(state: Path) -> str:
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:12] + ".sock"


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    made_for_us = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if made_for_us.startswith("/") and _is_ours(Path(made_for_us)):
        yield Path(made_for_us)
    for base in (environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        if base.startswith("/") and _is_ours(Path(base)):
            yield Path(base) / FOLDER_NAME
    for base in (environ.get("TMPDIR", ""), "/tmp"):  # noqa: S108 - the folder in it is ours alone, or is not used
        if base.startswith("/"):
            yield Path(base) / f"{FOLDER_NAME}-{os.geteuid()}"


def _is_ours(folder: Path, *, follow: bool = True) -> bool:
    # XDG_RUNTIME_DIR of another user is left in the environment by `su` and `sudo`.
    try:
        seen = folder.stat(follow_symlinks=follow)
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()


def _must_be_short_enough(path: Path) -> None:
    length_bytes = len(os.fsencode(path))
    if length_bytes > LONGEST_PATH_BYTES:
        raise UsageError(
            f"--socket {path}: is {length_bytes} bytes long, and a socket's path may have "
            f"{LONGEST_PATH_BYTES}; choose a shorter one"
        )


def _make_folder_of(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(
            f"--socket {path}: its folder cannot be made ({error.strerror}); choose another place"
        ) from error


def _listen(path: Path) -> ControlSocket:
    try:
        _clear_the_way(path)
        listener = _bound(path)
    except OSError as error:
        raise Unwritable(
            f"no control socket can be made at {path} ({error.strerror}); choose another place with --socket"
        ) from error
    return ControlSocket(path, listener)


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The file gets the socket's own mode less the umask: there is no moment at which others may open it.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(os.fspath(path))
        path.chmod(0o600)  # a umask may have taken from the owner
        listener.setblocking(False)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _clear_the_way(path: Path) -> None:
    """Remove a socket that its service left when it was killed."""
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(seen.st_mode):
        raise UsageError(f"--socket {path}: something that is no socket is there; choose another place")
    listening = _listening(path)
    if listening is not None:
        raise TryLater(
            f"the control socket {path} is in use by process {listening.pid}; wait until it is done, or "
            "choose another with --socket"
        )
    path.unlink(missing_ok=True)


def _listening(path: Path) -> Peer | None:
    """Return who listens at a socket; None if it is left over."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.setblocking(False)
        try:
            knock.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except BlockingIOError:
            return Peer(pid=0, uid=-1)  # one that takes no more now: alive, and the kernel names nobody
        return peer_of(knock)


def _connected(path: Path, limit_s: float) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(limit_s)
    try:
        connection.connect(os.fspath(path))
    except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError):
        connection.close()
        return None
    except (BlockingIOError, TimeoutError) as error:
        connection.close()
        raise TryLater(f"the service at {path} takes no more connections now; try again") from error
    except OSError as error:
        connection.close()
        raise NoService(
            f"the control socket {path} cannot be opened ({error.strerror}); ask as its service's own user"
        ) from error
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.lstat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def _nobody(state: Path, given: Path | None, places: list[Path]) -> str:
    where = given or next(iter(places), "any place")
    of = "" if given else f" for the state folder {state}"
    mend = "it is there while narrate, say or demo runs; give that one's --state, or its --socket"
    return f"no service listens at {where}{of}; {mend}"
