"""Bytes into text: strict UTF-8, but a JSONL file is decoded line by line.

A byte that is no UTF-8 costs a JSONL file one line. It is written as SUBSTITUTE (U+001A, which
is for this) and its two hex digits: valid JSON never holds that control, so that such a line is
refused whenever it is read, also from the ledger.
"""

import re
import shlex
from typing import Literal

DocumentKind = Literal["text", "markdown", "jsonl"]

#: Ten times the longest novels; a plan holds about 60 bytes of memory for each.
MOST_INPUT_BYTES = 64 * 1024 * 1024

#: How a file is read, by its suffix in lower case.
KINDS: dict[str, DocumentKind] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".jsonl": "jsonl",
}
#: A byte that was no UTF-8, as it stands in the text of a JSONL file.
LOST_BYTE = re.compile("\x1a([89a-f][0-9a-f])")

_HAN = re.compile("[\u3400-\u9fff]")
_ESCAPED = re.compile("[\udc80-\udcff]")


class DecodingError(ValueError):
    """An input is no text; the message says why, and the mend."""


def decode(name: str, content: bytes, kind: DocumentKind) -> str:
    """Return an input's text.

    Args:
        name: Of the input, for the mend.
        content: All of it, or more of it than the bound.
        kind: How it will be read.

    Raises:
        DecodingError: If it is too long, or not UTF-8 (unless it is JSONL).
    """
    if len(content) > MOST_INPUT_BYTES:
        raise DecodingError(f"has more than {MOST_INPUT_BYTES} bytes; split it, as by chapters")
    if kind == "jsonl":
        return _ESCAPED.sub(_written, content.decode("utf-8", "surrogateescape"))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        mend = f"iconv -f {_guessed_encoding(content)} -t UTF-8 {shlex.quote(name)} > NEW_FILE"
        raise DecodingError(
            f"not UTF-8: byte {content[error.start]:#04x} at offset {error.start} (line {line}); "
            f"convert it with {mend}"
        ) from error


def _written(lost: re.Match[str]) -> str:
    return f"\x1a{ord(lost[0]) - 0xDC00:02x}"  # 0xDC00: where Python's surrogateescape puts bytes


def _guessed_encoding(content: bytes) -> str:
    """Return what a text that is not UTF-8 most likely is: a guess for the message alone."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    chinese = content.decode("gb18030", "ignore")
    return "GB18030" if 5 * len(_HAN.findall(chinese)) > len(chinese) else "WINDOWS-1252"
