"""What people and programs see of a run: a bar, plain lines, or JSON lines."""

import os
import sys
import time
from typing import Protocol

from supervisor.core.notes import Note
from supervisor.log import to_stderr


class Display(Protocol):
    """Shows the notes of one run."""

    def show(self, note: Note) -> None:
        """Show one note; never raises because nobody reads."""
        ...

    def close(self) -> None:
        """Give the terminal back; may be called twice."""
        ...


def make_display(*, json: bool, stderr_is_terminal: bool, term: str | None = None) -> Display:
    """Choose how to show a run.

    Args:
        json: JSON lines on standard output, whatever standard error is.
        stderr_is_terminal: A bar, unless the terminal cannot move its cursor.
        term: As in `TERM`; default the environment's.
    """
    term = os.environ.get("TERM", "") if term is None else term
    if json:
        from supervisor.display.jsonlines import JsonLines  # noqa: PLC0415 - one of three is needed

        return JsonLines(sys.stdout, to_stderr)
    if stderr_is_terminal and term not in ("dumb", ""):
        from supervisor.display.bar import Bar  # noqa: PLC0415 - imports rich

        return Bar(sys.stderr, os.environ)
    from supervisor.display.plain import PlainLines  # noqa: PLC0415 - one of three is needed

    return PlainLines(to_stderr, time.monotonic)
