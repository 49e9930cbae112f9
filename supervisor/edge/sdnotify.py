"""Tell the service manager how we are: the protocol of sd_notify(3), in a few lines of our own.

One datagram a message, lines of `NAME=value`, to the unix socket that `$NOTIFY_SOCKET` names. Nothing here
raises or waits: a service manager that is gone or busy must not hold up the work. What it does not
take is said by `tell`'s answer; whoever sent what matters sends it again.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

#: For us alone: a process of ours that spoke there would speak in our name.
_VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

#: systemd reads one page of a message and drops what is longer (NOTIFY_BUFFER_MAX); the rest is for names.
LONGEST_STATUS_BYTES: Final = 2048

_MICRO: Final = 1_000_000


class Notifier:
    """The way to the service manager; without one, all is silence.

    Attributes:
        watchdog_s: Seconds within which it wants a sign of life, each time; None = it wants none.
    """

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        """Open the way.

        Args:
            address: A path, or `@` and an abstract name; anything else is nobody.
            watchdog_s: As the attribute.
        """
        self._address = _usable(address)
        self._socket = _datagrams() if self._address else None
        self.watchdog_s = watchdog_s if self.is_heard else None

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> "Notifier":
        """Return the way that the environment names, and take it out: no other process inherits it."""
        given = {name: environ.pop(name, "") for name in _VARIABLES}
        return cls(given["NOTIFY_SOCKET"], watchdog_s=_watchdog_s(given))

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager to speak to."""
        return self._socket is not None

    def ready(self) -> bool:
        """Say that the service works (again)."""
        return self.tell("READY=1")

    def reloading(self, at_s: float) -> bool:
        """Say that the configuration is read anew; `ready` ends it.

        Args:
            at_s: Of CLOCK_MONOTONIC: by it systemd tells this reload's end from an older one's.
        """
        return self.tell("RELOADING=1", f"MONOTONIC_USEC={int(at_s * _MICRO)}")

    def stopping(self) -> bool:
        """Say that the service is on its way out."""
        return self.tell("STOPPING=1")

    def alive(self) -> bool:
        """Feed the watchdog."""
        return self.tell("WATCHDOG=1")

    def extend(self, seconds: float) -> bool:
        """Ask that the present start, stop or run may take so much longer, from now on."""
        return self.tell(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICRO)}")

    def status(self, text: str) -> bool:
        """Say in one line how it stands: `systemctl status` shows it."""
        return self.tell(f"STATUS={one_line(text)}")

    def tell(self, *lines: str) -> bool:
        """Send one message; return whether it was taken. Never raises, never waits."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:  # gone, or its queue is full
            return False
        return True

    def close(self) -> None:
        """Say no more. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def one_line(text: str) -> str:
    """Return a text that fits into one line of a message; what cannot be UTF-8 becomes `?`."""
    flat = " ".join(text.split()).encode("utf-8", "replace")
    return flat[:LONGEST_STATUS_BYTES].decode("utf-8", "ignore")


def _usable(address: str) -> bytes:
    if address.startswith("@") and len(address) > 1:
        return b"\0" + os.fsencode(address[1:])
    return os.fsencode(address) if address.startswith("/") else b""


def _datagrams() -> socket.socket | None:
    try:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:  # no descriptors left: the work matters more
        return None
    opened.setblocking(False)
    return opened


def _watchdog_s(given: MutableMapping[str, str]) -> float | None:
    of_whom = given["WATCHDOG_PID"] or str(os.getpid())  # inherited from who was meant, if another's
    period_us = given["WATCHDOG_USEC"]
    if of_whom != str(os.getpid()) or not (period_us.isascii() and period_us.isdecimal()):
        return None
    return int(period_us) / _MICRO or None
