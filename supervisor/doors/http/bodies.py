"""Bodies of requests: read whole, bounded in bytes and in time, refused before they are too long."""

import asyncio
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from starlette.types import Message, Receive

from supervisor.doors.backlog import Allowance
from supervisor.doors.http.refusals import JSON, Refusal, bad

#: From a request's head to the end of its body: a megabyte over a slow line.
BODY_S: Final = 30.0

#: Of a body that is refused: so much is still read, so that a client which sends before it reads is told.
_DRAINED_BYTES: Final = 8 * 1024 * 1024
_DRAINED_S: Final = 2.0

_SHOWN_CHARS: Final = 300

Headers = Iterable[tuple[bytes, bytes]]
T = TypeVar("T", bound=msgspec.Struct)


async def read_body(
    headers: Headers, receive: Receive, most_bytes: int, room: Allowance, *, limit_s: float = BODY_S
) -> bytes:
    """Read a whole body.

    Args:
        headers: Of the request.
        receive: Of ASGI.
        most_bytes: That it may have.
        room: That it takes while it is read.
        limit_s: Until its end.

    Raises:
        Refusal: 413 where it is too long, by its own word or when it turns out to be; 408 where it does not
            come; 503 where too many others are being read.
    """
    announced = _length_of(headers)
    if announced is not None and announced > most_bytes:
        raise _too_long(most_bytes)
    try:
        async with asyncio.timeout(limit_s):
            return await _read(receive, most_bytes, room)
    except TimeoutError:
        message = f"the body did not come within {limit_s:g} s"
        raise Refusal(408, message, code="timeout", retryable=True) from None


async def _read(receive: Receive, most_bytes: int, room: Allowance) -> bytes:
    pieces = bytearray()
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "the body was cut short", code="incomplete_body")
            piece: bytes = message.get("body", b"")
            if len(pieces) + len(piece) > most_bytes:
                raise _too_long(most_bytes)
            if not room.took(len(piece)):
                message = "too many requests are being read; try again"
                raise Refusal(503, message, code="busy", retryable=True)
            pieces += piece
            if not message.get("more_body", False):
                return bytes(pieces)
    finally:
        room.give_back(len(pieces))


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
