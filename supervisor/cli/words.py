"""Writing to people and programs: the one place that touches standard output."""

import json
import sys

from supervisor.log import to_stderr


def tell(line: str) -> None:
    """Write one line to people, on standard error; if nobody reads it, it is gone."""
    to_stderr(line)


def emit(line: str) -> None:
    """Write one line of results on standard output.

    Raises:
        BrokenPipeError: If its reader has left.
    """
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


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
