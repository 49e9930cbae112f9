"""Writing to people and programs: the one place that touches standard output."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager

from supervisor.errors import DiskFull, SupervisorError
from supervisor.log import to_stderr


def tell(line: str) -> None:
    """Write one line to people, on standard error; if nobody reads it, it is gone."""
    to_stderr(line)


def emit(line: str) -> None:
    """Write one line of results on standard output.

    Raises:
        BrokenPipeError: If its reader has left.
        SupervisorError: If it cannot be written.
    """
    with result_written():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


@contextmanager
def result_written() -> Generator[None]:
    """Name standard output in what the system says of it: nobody would know which file is meant.

    Raises:
        BrokenPipeError: If its reader has left.
        DiskFull: If what it leads to is full.
        SupervisorError: If it cannot be written for another reason.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from supervisor.edge.disk import FULL_ERRNOS  # noqa: PLC0415 - only when something went wrong

        kind = DiskFull if error.errno in FULL_ERRNOS else SupervisorError
        raise kind(
            f"standard output cannot be written ({error.strerror or error}); lead it elsewhere, or make room"
        ) from error


def emit_json(value: object) -> None:
    """Write one line of JSON on standard output; ASCII, so that no locale and no odd name breaks it."""
    emit(json.dumps(value, separators=(",", ":")))


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Align columns with two spaces between; the last column as it is."""
    from supervisor.display.words import cells  # noqa: PLC0415 - only for people

    if not rows:
        return []
    widths = [max(cells(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
