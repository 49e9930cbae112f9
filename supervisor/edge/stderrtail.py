"""Keep the last of what a child wrote on stderr, within a bound, and find the stack in it."""

from collections import deque

#: A dump of thirty threads is about 60 lines each of 100 bytes; twice that, and a flood is harmless.
TAIL_LINES = 400

#: Longer lines are cut: a library may write megabytes without a newline.
LINE_BYTES = 4096

_STACK_STARTS = ("Fatal Python error", "Current thread 0x", "Thread 0x", "Stack (most recent call first)")
_STACK_GOES_ON = (*_STACK_STARTS, "  File ", "  <", "  ...", "Python runtime state:", "Extension modules:")


class StderrTail:
    """Bytes in, whole lines out; remembers the last `TAIL_LINES`. One for each process."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._partial = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes as they came and return the lines that they complete, without newlines."""
        *whole, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LINE_BYTES:
            whole.append(self._partial)
            self._partial = b""
        lines = [_text(line) for line in whole]
        self._lines.extend(lines)
        return lines

    def end(self) -> list[str]:
        """Take the end of the stream: a last line without a newline counts too."""
        return self.feed(b"\n") if self._partial else []

    @property
    def text(self) -> str:
        """The last lines, for the crash record."""
        return "\n".join(self._lines)

    @property
    def last_line(self) -> str:
        """The last line that is not blank; empty if there is none."""
        return next((line for line in reversed(self._lines) if line.strip()), "")

    @property
    def stack(self) -> str | None:
        """The last stack that faulthandler wrote, or None."""
        return last_stack(list(self._lines))


def last_stack(lines: list[str]) -> str | None:
    """Return the last stack dump of faulthandler in `lines`, all threads of it, or None."""
    found: list[str] = []
    current: list[str] = []
    for line in [*lines, "the end of the last stack"]:
        if line.startswith(_STACK_STARTS) or (current and (not line or line.startswith(_STACK_GOES_ON))):
            current.append(line)
        elif current:
            found, current = current, []
    return "\n".join(found).strip() or None


def _text(line: bytes) -> str:
    return line[:LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r")
