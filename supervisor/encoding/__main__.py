"""`python -m supervisor.encoding`: a header and samples on standard input, a container on standard output."""

import os
import signal
import sys

from supervisor.wire.lifeline import tie_to_parent_in_environment

#: Bytes of one read: a tenth of a second of the fastest rate, so that what comes late is not waited for long.
_READ_BYTES = 64 * 1024


def main() -> int:
    """Encode one stream. Exit status 0 = it is whole; 1 = it is not, and a line on stderr says why."""
    tie_to_parent_in_environment()  # before PyAV loads: the parent may die meanwhile
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent says when this ends
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads any more: leave without a word
    from supervisor.encoding.header import EncodingError, read_header  # noqa: PLC0415 - see the first line

    try:
        from supervisor.encoding.container import Container  # noqa: PLC0415 - likewise

        container = Container(read_header(_read_line()), _write)
        while samples := os.read(sys.stdin.fileno(), _READ_BYTES):
            container.take(samples)
        container.end()
    except EncodingError as error:
        return _failed(f"{error}")
    except ImportError as error:
        return _failed(f"PyAV cannot be loaded: {error}; pip install av")
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(" ".join(why.split()) + "\n")
    return 1


def _read_line() -> bytes:
    """Read the first line, byte by byte: what follows it are samples, and no buffer of ours may keep any."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return bytes(line)


def _write(piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


if __name__ == "__main__":
    sys.exit(main())
