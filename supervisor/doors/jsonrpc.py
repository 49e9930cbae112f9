"""JSON-RPC 2.0 as interface.md §4 has it: one object a line, no batches. Pure.

Requests keep their ids as the text they were, so that whatever a client counts with comes back
unchanged; nothing of a line is built into objects before it is known to be a request.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.loop.service import ErrorKind

#: An id is echoed with every answer: longer ones are no ids.
_LONGEST_ID_BYTES = 256
#: Of a name that a client made up, in our answer.
_SHOWN_CHARS = 100

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

NO_ID: Final = b"null"

#: The project's own codes are positive; `data.kind` says the same in a word.
CODES: Final[dict[ErrorKind, int]] = {
    "oom": 1,
    "child_crashed": 2,
    "child_hung": 3,
    "bad_input": 4,
    "voice_not_found": 5,
    "quality_failed": 6,
    "disk_full": 7,
    "cancelled": 8,
    "busy": 9,
    "shutting_down": 10,
}


class ErrorData(msgspec.Struct, frozen=True, kw_only=True):
    """What `data` of the project's own errors holds."""

    kind: ErrorKind
    retryable: bool


class RpcError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `error` of an answer."""

    code: int
    message: str
    data: ErrorData | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client reads: an answer, with one of the two in it, or a notification.

    Attributes:
        method: Of a notification; empty for an answer.
        params: Likewise, as JSON text.
        id: As JSON text.
        result: As JSON text; empty beside an error.
    """

    method: str = ""
    params: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: RpcError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request.

    Attributes:
        id: As JSON text; None for a notification, which is not answered.
        method: Not yet known to be one of ours.
        params: As JSON text of an object or an array; empty where there are none.
    """

    id: bytes | None
    method: str
    params: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that is no request.

    Attributes:
        id: What the answer carries.
        error: Why.
    """

    id: bytes
    error: RpcError


class _Envelope(msgspec.Struct):
    jsonrpc: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()
    method: msgspec.Raw = msgspec.Raw()
    params: msgspec.Raw = msgspec.Raw()


_any_json = msgspec.json.Decoder(msgspec.Raw)
_envelope = msgspec.json.Decoder(_Envelope)
_string = msgspec.json.Decoder(str)


class Fault(Exception):
    """A request that is answered with an error.

    Args:
        error: Of the answer.
    """

    def __init__(self, error: RpcError) -> None:
        super().__init__(error.message)
        self.error = error


def own_error(kind: ErrorKind, message: str, *, retryable: bool) -> RpcError:
    """Return an error of the project's own."""
    return RpcError(code=CODES[kind], message=message, data=ErrorData(kind=kind, retryable=retryable))


#: What is answered to whoever waits when the service ends, and to whoever comes then: the next one may do it.
OVER: Final = own_error("shutting_down", "the work is over", retryable=True)

TOO_LONG: Final = Refused(
    id=NO_ID,
    error=RpcError(code=PARSE_ERROR, message=f"the line is longer than {LONGEST_LINE_BYTES} bytes"),
)


LOST: Final = Refused(
    id=NO_ID,
    error=own_error("disk_full", "the line waited for its end in a file, and cannot be read", retryable=True),
)


def read_request(line: bytes) -> Request | Refused:
    """Read one line."""
    try:
        line.decode("utf-8")  # the decoders below pass over strings that nobody asked for
        _any_json.decode(line)
        return _request(_envelope.decode(line))
    except msgspec.ValidationError:
        return _invalid(NO_ID, "need one JSON object; batches are not taken")
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        if identity := _id_beside_half_a_character(line):
            message = (
                "a string holds half of a UTF-16 pair (as \\ud800): no text; names of files must be UTF-8"
            )
            return Refused(id=identity, error=RpcError(code=INVALID_PARAMS, message=message))
        words = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Refused(id=NO_ID, error=RpcError(code=PARSE_ERROR, message=f"not JSON: {words}"))


def _id_beside_half_a_character(line: bytes) -> bytes:
    """Return the id of a request in which a string is no text; empty where the line is wrong otherwise.

    Python's writer makes such lines of names of files that are not UTF-8. Its reader takes them; who asked
    would wait for an answer under another id for ever.
    """
    if b"\\ud" not in line.lower():
        return b""
    import json  # noqa: PLC0415 - a rare line needs it

    try:
        read = json.loads(line, parse_constant=_no_number)
        given = read["id"] if read["jsonrpc"] == "2.0" else None
        identity = msgspec.json.encode(given)
    except (ValueError, RecursionError, TypeError, KeyError):
        return b""
    is_an_id = isinstance(given, str | int) and not isinstance(given, bool)
    return identity if is_an_id and len(identity) <= _LONGEST_ID_BYTES else b""


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def invalid_params(message: str) -> Fault:
    """Return the fault of params that are wrong: the message names the field."""
    return Fault(RpcError(code=INVALID_PARAMS, message=message))


def unknown_method(method: str, known: tuple[str, ...]) -> RpcError:
    """Return the error for a method that there is none of."""
    names = ", ".join(known)
    return RpcError(code=METHOD_NOT_FOUND, message=f"no method {shown(method)}; there are {names}")


def result_line(identity: bytes, result: bytes) -> bytes:
    """Return an answer's line, its end included; `result` is JSON text."""
    answer = {"jsonrpc": "2.0", "id": msgspec.Raw(identity), "result": msgspec.Raw(result)}
    return msgspec.json.encode(answer) + b"\n"


def error_line(identity: bytes, error: RpcError) -> bytes:
    """Return the line of an answer that is an error, its end included."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": msgspec.Raw(identity), "error": error}) + b"\n"


def notification_line(method: str, params: object) -> bytes:
    """Return a notification's line, its end included; bytes among the params become base64."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


def request_line(identity: int, method: str, params: object = None) -> bytes:
    """Return a request's line, its end included."""
    params = {} if params is None else params
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}) + b"\n"


def _request(envelope: _Envelope) -> Request | Refused:
    identity, method, params = bytes(envelope.id), bytes(envelope.method), bytes(envelope.params)
    if len(identity) > _LONGEST_ID_BYTES or identity[:1] in (b"{", b"[", b"t", b"f"):
        return _invalid(NO_ID, f"id: need a string or a number of at most {_LONGEST_ID_BYTES} bytes")
    if not _is_string(envelope.jsonrpc, "2.0"):
        return _invalid(identity or NO_ID, 'need "jsonrpc": "2.0"')
    if not method.startswith(b'"'):
        return _invalid(identity or NO_ID, "need a method's name")
    if params and params[:1] not in (b"{", b"["):
        return _invalid(identity or NO_ID, "params: need an object or an array, or leave it out")
    return Request(id=identity or None, method=_string.decode(method), params=params)


def _is_string(text: msgspec.Raw, wanted: str) -> bool:
    return bytes(text)[:1] == b'"' and _string.decode(text) == wanted


def _invalid(identity: bytes, message: str) -> Refused:
    return Refused(id=identity, error=RpcError(code=INVALID_REQUEST, message=message))


def shown(name: str) -> str:
    """Quote what a client made up, at a bearable length."""
    return repr(name if len(name) <= _SHOWN_CHARS else name[:_SHOWN_CHARS] + "…")
