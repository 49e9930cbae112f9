"""A service manager that listens: what a service says to systemd, on a socket of the test's own."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

#: Machines that run tests do other things as well.
_PATIENCE_S: Final = 60.0


class ServiceManager:
    """Bound from its making to the end of its block.

    Attributes:
        env: To be added to the environment of the service.
        lines: All that was said so far, line by line.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.env = {"NOTIFY_SOCKET": str(path)}
        self.lines: list[str] = []

    def __enter__(self) -> "ServiceManager":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def status(self, wanted: Callable[[str], bool], limit_s: float = _PATIENCE_S) -> str:
        """Wait for a status line that is wanted, said from now on, and return it."""
        until_s = time.monotonic() + limit_s
        seen: list[str] = []
        while (left_s := until_s - time.monotonic()) > 0:
            for line in self._hear(left_s):
                name, _, text = line.partition("=")
                if name == "STATUS":
                    seen.append(text)
                    if wanted(text):
                        return text
        raise AssertionError("no such status line; the last ones:\n" + "\n".join(seen[-5:]))

    def count(self, line: str) -> int:
        """How often a line was said so far; what waits in the socket is read first."""
        self._socket.setblocking(False)
        try:
            while True:
                self._hear(None)
        except BlockingIOError:
            return self.lines.count(line)
        finally:
            self._socket.setblocking(True)

    def last_status(self) -> str:
        """The status line that was said last, by a service that has ended."""
        self.count("")
        return [line for line in self.lines if line.startswith("STATUS=")][-1].partition("=")[2]

    def _hear(self, limit_s: float | None) -> list[str]:
        if limit_s is not None:
            self._socket.settimeout(limit_s)
        try:
            said = self._socket.recv(4096).decode().splitlines()
        except TimeoutError:
            return []
        self.lines += said
        return said
