"""Give events to the systemd journal with fields of their own: its native protocol, in a few lines.

One datagram an event to journald's socket: `NAME=value` and a line end for a field, or, for a value with a
line end in it, `NAME`, a line end, the length as 64 bits, little-endian, the value and a line end. Only where
standard error leads to the journal: whoever leads it elsewhere wants to read it there.

Nothing here waits: what journald does not take at once, or what is too long for a datagram, goes
to standard error as a line, which journald reads as well.
"""

import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

from supervisor.log import Entry, Field, Level

_SOCKET: Final = "/run/systemd/journal/socket"

#: By syslog(3), which the journal keeps to.
PRIORITIES: Final[dict[Level, int]] = {"debug": 7, "info": 6, "warning": 4, "error": 3}

_LENGTH: Final = struct.Struct("<Q")


class JournalSocket:
    """The way to journald; called with an event, it says whether that was taken.

    Args:
        path: Of journald's socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def __call__(self, entry: Entry) -> bool:
        """Give an event; never raises, never waits."""
        try:
            self._socket.sendto(encode(entry), self._path)
        except OSError:  # gone, busy, or closed; or the event is too long for a datagram
            return False
        return True

    def close(self) -> None:
        """Take no more. Idempotent."""
        self._socket.close()


def journal_of(environ: Mapping[str, str], *, path: str = _SOCKET, fd: int = 2) -> JournalSocket | None:
    """Return what takes events for the journal; None where standard error does not lead there.

    Args:
        environ: `JOURNAL_STREAM` is the device and inode of what systemd made standard error.
        path: Of journald's socket.
        fd: What is looked at.
    """
    if not environ.get("JOURNAL_STREAM") or environ["JOURNAL_STREAM"] != _device_and_inode(fd):
        return None
    try:
        return JournalSocket(path)
    except OSError:  # no descriptors left
        return None


def encode(entry: Entry) -> bytes:
    """Return the datagram of an event: `MESSAGE` for people, and a field `TTS_…` for each of its own."""
    own = {f"TTS_{name.upper()}": _text(value) for name, value in entry.fields.items() if value is not None}
    fields = {
        "MESSAGE": entry.message,
        "PRIORITY": str(PRIORITIES[entry.level]),
        "SYSLOG_IDENTIFIER": "tts-supervisor",
        "TTS_EVENT": entry.event,
        **own,
    }
    return b"".join(_field(name, value) for name, value in fields.items())


def _field(name: str, text: str) -> bytes:
    value = text.encode("utf-8", "backslashreplace")
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode("ascii"), value)
    return b"%s\n%s%s\n" % (name.encode("ascii"), _LENGTH.pack(len(value)), value)


def _text(value: Field) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _device_and_inode(fd: int) -> str:
    try:
        seen = os.fstat(fd)
    except OSError:
        return ""
    return f"{seen.st_dev}:{seen.st_ino}"
