"""Read recorded traces: plain or gzip, from a file, a pipe or standard input, line by line."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, Final, cast

from supervisor.core.traces import DamagedLine, Record, decode
from supervisor.errors import InputError

#: A line of a trace has some hundred bytes: what is longer is another kind of file.
MOST_LINE_BYTES: Final = 2**20

STANDARD_INPUT: Final = "-"

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_READ_BYTES: Final = 2**18


def read_trace(
    path: str, *, name: str = "", told: Callable[[str], None] = lambda _: None
) -> Iterator[Record]:
    """Return the records of a trace, in constant memory. Lines of kinds that are not known are left out.

    Args:
        path: A file, plain or gzip; `-` is standard input.
        name: What it is called in errors, if not by its path.
        told: Takes a sentence where the last line is cut off: what recorded it was killed. It is left out.

    Raises:
        InputError: If it cannot be read, or a line is damaged; names the file and the line.
    """
    name = name or path
    if name == STANDARD_INPUT:
        name = "standard input"
    number = 0
    try:
        with ExitStack() as opened:
            lines = iter(partial(_open(path, opened).readline, MOST_LINE_BYTES + 1), b"")
            for number, line in enumerate(lines, start=1):
                try:
                    record = decode(line)
                except DamagedLine as error:
                    if _is_cut_off(line):
                        told(f"{name}, line {number}: is cut off, and left out; what recorded it was killed")
                        continue
                    # Asked only now: nearly every line is whole, and a million are to be read in seconds.
                    record = _second_look(line, number, name, error)
                if record is not None:
                    yield record
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{name}: after line {number}: the gzip stream is damaged or cut off ({error})"
        ) from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}); check the name") from error


def _open(path: str, opened: ExitStack) -> BinaryIO:
    if path == STANDARD_INPUT:
        plain = io.BufferedReader(io.FileIO(0, closefd=False), _READ_BYTES)
    else:
        plain = io.BufferedReader(io.FileIO(path), _READ_BYTES)
        opened.enter_context(plain)
    if not plain.peek(len(_GZIP)).startswith(_GZIP):
        return plain
    unpacked = opened.enter_context(gzip.GzipFile(fileobj=plain))
    return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", unpacked), _READ_BYTES))


def _second_look(line: bytes, number: int, name: str, error: DamagedLine) -> Record | None:
    """Take a line without words, and the mark that some editors put before the first, for what they are."""
    if not line.strip():
        return None
    if number == 1 and line.startswith(_BYTE_ORDER_MARK):
        bare = line.removeprefix(_BYTE_ORDER_MARK)
        try:
            return decode(bare)
        except DamagedLine as of_bare:
            return _second_look(bare, number, name, of_bare)
    raise InputError(f"{name}, line {number}: {_seen(line, error)}") from error


def _is_cut_off(line: bytes) -> bool:
    return bool(line.strip()) and not line.endswith(b"\n") and len(line) <= MOST_LINE_BYTES


def _seen(line: bytes, error: DamagedLine) -> str:
    if len(line) > MOST_LINE_BYTES:
        return f"is longer than {MOST_LINE_BYTES} bytes: this is no trace"
    return f"is no record of a trace ({error})"
