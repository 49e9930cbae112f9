r"""Wyoming's frames: bytes to events and back. Pure.

    {"type": "synthesize", "data_length": 24, "payload_length": 0}\n     one line of JSON, the header
    {"text": "Hello, world."}                                             data_length bytes of JSON
    ...                                                                   payload_length bytes of audio

The package's own reader takes a line of 64 KiB at most, any length that is announced, and whatever is no JSON
for the end of the stream. Here each part has a bound, and what breaks the rules is told as what it is. A
payload is of no use to who speaks: it is passed over as it comes, and never kept.
"""

from dataclasses import dataclass
from typing import Final, Type, TypeVar  # noqa: UP035 - `type` is a field's name here

import msgspec
from wyoming.event import Event
from wyoming.version import __version__ as WYOMING_VERSION  # noqa: N812 - a constant, whatever it is called there

#: A header, or the data behind it: the longest text of a request, 20,000 characters, with each one escaped.
MOST_PART_BYTES: Final = 256 * 1024

#: A payload that is passed over: minutes of audio; more is no length that anybody means.
MOST_PAYLOAD_BYTES: Final = 16 * 1024 * 1024

_Data = TypeVar("_Data", bound=msgspec.Struct)


class Malformed(Exception):
    """What came is no Wyoming, or too much of it; where the next event would begin nobody can say."""


class WrongData(Exception):
    """An event is whole, and its data is not what such an event has."""


class _Header(msgspec.Struct, frozen=True):
    type: str
    data: msgspec.Raw = msgspec.Raw()
    data_length: int | None = None
    payload_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event as it came.

    Attributes:
        type: Its name.
        parts: Its data as JSON text: that of the header, that behind it; what is behind wins.
    """

    type: str
    parts: tuple[bytes, ...]

    def read(self, kind: Type[_Data]) -> _Data:  # noqa: UP006 - `type` is a field here
        """Return its data, checked; what is not asked about is passed over.

        Args:
            kind: Each of its fields may be None, and is where it is not said.

        Raises:
            WrongData: If a field has another type.
        """
        fields: dict[str, object] = {}
        for part in self.parts:
            try:
                said = msgspec.structs.asdict(msgspec.json.decode(part, type=kind))
            except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
                raise WrongData(f"{self.type[:40]}: {error}") from error
            fields |= {name: value for name, value in said.items() if value is not None}
        return kind(**fields)


class Frames:
    """Takes bytes, gives events, in order."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._searched = 0  # bytes at the front that hold no line's end
        self._header: _Header | None = None
        self._skipped = 0  # bytes of a payload that are still to be passed over

    @property
    def kept_bytes(self) -> int:
        """How much waits to be looked at."""
        return len(self._kept)

    @property
    def is_between(self) -> bool:
        """Whether all that came is whole events: the end of the stream leaves none in pieces."""
        return not self._kept and self._header is None and not self._skipped

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._kept += data

    def next(self) -> Frame | None:
        """Return the next event; None if none is whole yet.

        Raises:
            Malformed: If there can be none.
        """
        self._skip()
        if self._skipped:
            return None
        if self._header is None:
            self._header = self._next_header()
        if self._header is None:
            return None
        length = self._header.data_length or 0
        if len(self._kept) < length:
            return None
        header, self._header = self._header, None
        parts = [part] if (part := bytes(header.data)) not in (b"", b"null") else []
        if length:
            parts.append(self._take(length))
        self._skipped = header.payload_length or 0
        self._skip()
        return Frame(type=header.type, parts=tuple(parts))

    def _next_header(self) -> _Header | None:
        end = self._kept.find(b"\n", self._searched)
        length = len(self._kept) if end < 0 else end
        if length > MOST_PART_BYTES:
            raise Malformed(f"a header of more than {MOST_PART_BYTES} bytes")
        if end < 0:
            self._searched = length
            return None
        line = self._take(end + 1)
        self._searched = 0
        return _checked(_decoded(line))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._kept[:count])
        del self._kept[:count]
        return taken

    def _skip(self) -> None:
        here = min(self._skipped, len(self._kept))
        del self._kept[:here]
        self._skipped -= here


def _decoded(line: bytes) -> _Header:
    try:
        return msgspec.json.decode(line, type=_Header)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed(f"a line that is no header of an event: {error}") from error


def _checked(header: _Header) -> _Header:
    bounds = (
        ("data_length", header.data_length, MOST_PART_BYTES),
        ("payload_length", header.payload_length, MOST_PAYLOAD_BYTES),
    )
    for name, length, most in bounds:
        if not 0 <= (length or 0) <= most:
            raise Malformed(f"{header.type[:40]}: {name} is {length}, not within 0 .. {most}")
    return header


def written(event: Event) -> bytes:
    """Return an event as it goes over the wire, as the package's own writer has it."""
    header: dict[str, object] = {"type": event.type, "version": WYOMING_VERSION}
    data = msgspec.json.encode(event.data) if event.data else b""
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    return b"".join((msgspec.json.encode(header), b"\n", data, event.payload or b""))
