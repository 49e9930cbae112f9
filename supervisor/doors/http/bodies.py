"""Bodies of requests: read whole, bounded in bytes and in time, refused before they are too long."""

import asyncio
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from starlette.types import Message, Receive

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.http.refusals import JSON, Refusal, bad

#: From a request's head to the end of its body: a megabyte over a slow line.
BODY_S: Final = 30.0

#: Of a body that comes so much is kept in memory; what is longer waits with what clients have not read: in
#: half a megabyte of all clients, then in a file.
_BEGUN_BYTES: Final = 16 * 1024

#: Of a body that is refused: so much is still read, so that a client which sends before it reads is told.
_DRAINED_BYTES: Final = 8 * 1024 * 1024
_DRAINED_S: Final = 2.0

_SHOWN_CHARS: Final = 300

Headers = Iterable[tuple[bytes, bytes]]
T = TypeVar("T", bound=msgspec.Struct)


class _Kept:
    """A body that comes: its last bytes are here, those before them where there is room for all bodies.

    Args:
        room: For what is put aside.
    """

    def __init__(self, room: Room) -> None:
        self._aside = Backlog(room)
        self._last = bytearray()

    @property
    def count(self) -> int:
        """How many bytes came."""
        return self._aside.waiting_bytes + len(self._last)

    def add(self, piece: bytes) -> None:
        """Keep some more.

        Raises:
            OSError: If there is no room for it.
        """
        self._last += piece
        if len(self._last) >= _BEGUN_BYTES:  # never less: what is put aside takes a block of the file
            last, self._last = self._last, bytearray()
            self._aside.put(bytes(last))

    def whole(self) -> bytes:
        """Return all of it.

        Raises:
            OSError: If it cannot be read back.
        """
        count = self._aside.waiting_bytes
        return self._aside.take_whole(count) + self._last if count else bytes(self._last)

    def close(self) -> None:
        """Forget it."""
        self._aside.close()
        self._last = bytearray()


async def read_body(
    headers: Headers, receive: Receive, most_bytes: int, room: Room, *, limit_s: float = BODY_S
) -> bytes:
    """Read a whole body.

    Args:
        headers: Of the request.
        receive: Of ASGI.
        most_bytes: That it may have.
        room: Where it is while it comes.
        limit_s: Until its end.

    Raises:
        Refusal: 413 where it is too long, by its own word or when it turns out to be; 408 where it does not
            come; 507 where there is no room for it.
    """
    announced = _length_of(headers)
    if announced is not None and announced > most_bytes:
        raise _too_long(most_bytes)
    kept = _Kept(room)
    try:
        async with asyncio.timeout(limit_s):
            await _read(receive, most_bytes, kept)
        return kept.whole()
    except TimeoutError:
        message = f"the body did not come within {limit_s:g} s"
        raise Refusal(408, message, code="timeout", retryable=True) from None
    except OSError as error:
        message = f"there was no room for the body ({error.strerror or error}); free some disk"
        raise Refusal(507, message, code="disk_full", retryable=True) from error
    finally:
        # A refusal holds the stack that it came from for as long as it is told.
        kept.close()


async def _read(receive: Receive, most_bytes: int, kept: _Kept) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the body was cut short", code="incomplete_body")
        piece: bytes = message.get("body", b"")
        if kept.count + len(piece) > most_bytes:
            raise _too_long(most_bytes)
        kept.add(piece)
        more = message.get("more_body", False)


async def drain(receive: Receive) -> None:
    """Read what still comes of a body that nobody wants, up to a limit."""
    left_bytes = _DRAINED_BYTES
    try:
        async with asyncio.timeout(_DRAINED_S):
            while left_bytes > 0:
                message: Message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left_bytes -= len(message.get("body", b""))
    except TimeoutError:
        return


def must_have_one_length(headers: Headers) -> None:
    """Refuse a request that says its length in two ways.

    A proxy before us may go by the other one, and take for somebody else's request what we take for its body.

    Raises:
        Refusal: 400.
    """
    names = {name for name, _ in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        message = "need Content-Length or Transfer-Encoding, got both"
        raise Refusal(400, message, code="bad_request")


def must_be_json(headers: Headers) -> None:
    """Refuse a body of another kind: a form of a page elsewhere can send those, and no JSON.

    Raises:
        Refusal: 415.
    """
    given = [value.decode("latin-1") for name, value in headers if name == b"content-type"]
    if [value.partition(";")[0].strip().lower() for value in given] != [JSON]:
        message = f"need a body of JSON, and the header Content-Type: {JSON}"
        raise Refusal(415, message, code="unsupported_media_type")


def read_json(body: bytes, wanted: type[T]) -> T:
    """Read a body as what is wanted.

    Raises:
        Refusal: 400, naming the field.
    """
    try:
        return msgspec.json.decode(body, type=wanted)
    except RecursionError:
        raise bad("the body is nested too deeply", code="invalid_json") from None
    except msgspec.ValidationError as error:
        found, _, where = str(error).partition(" - at `$")
        path = where.rstrip("`").removeprefix(".")
        named = f"{path}: " if path else "the body: "
        message = f"{named}{found[0].lower()}{found[1:]}"[:_SHOWN_CHARS]
        raise bad(message, param=path or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad(f"the body is not JSON: {error}"[:_SHOWN_CHARS], code="invalid_json") from None


def has_body(headers: Headers) -> bool:
    """Say whether a request has a body."""
    names = dict(headers)
    return b"transfer-encoding" in names or (_length_of(names.items()) or 0) > 0


def _length_of(headers: Headers) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            return int(value)  # h11 takes digits alone, twenty at most
    return None


def _too_long(most_bytes: int) -> Refusal:
    message = f"the body is longer than {most_bytes} bytes (http.body_bytes)"
    return Refusal(413, message, code="body_too_long")
