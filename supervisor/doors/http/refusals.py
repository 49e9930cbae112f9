"""What cannot be done, as OpenAI's clients understand it: a status, and an object that says why.

    {"error": {"message": …, "type": …, "param": …, "code": …}}

Their client raises a class by the status, shows `message`, and asks again by itself after 408, 409, 429 and
5xx, unless `X-Should-Retry` says otherwise: so it is said.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from supervisor.loop.service import CannotAsk, ErrorKind

JSON: Final = "application/json"

#: Seconds after which it is worth asking again: a segment is spoken in about so long.
_RETRY_AFTER_S: Final = 1

#: Status of each kind of failure of a service, while nothing was sent yet.
STATUSES: Final[dict[ErrorKind, int]] = {
    "bad_input": 400,
    "voice_not_found": 400,
    "busy": 429,
    "oom": 503,
    "child_crashed": 500,
    "child_hung": 504,
    "quality_failed": 500,
    "disk_full": 507,
    "cancelled": 503,
    "shutting_down": 503,
}

_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_FIRST_OF_OURS: Final = 500


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    """Why.

    Attributes:
        message: For people: what was seen, and the mend.
        type: Whose fault, in OpenAI's words.
        param: Field that it is about; None where it is about none.
        code: For programs; of a service's failure its `kind`.
    """

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """All of the answer."""

    error: ErrorObject


class Refusal(Exception):
    """A request that is answered with an error.

    Args:
        status: Of the answer.
        message: What was seen, and the mend.
        code: For programs.
        param: Field that it is about.
        retryable: Whether the same may be asked again with a chance of another answer.
        headers: Beside those that every refusal has.
    """

    def __init__(  # noqa: PLR0913 - all but three may be left out
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retryable = retryable
        self._headers = headers or {}

    @property
    def body(self) -> bytes:
        """The object, as JSON."""
        told = ErrorObject(message=str(self), type=type_of(self.status), param=self.param, code=self.code)
        return msgspec.json.encode(ErrorBody(error=told))

    @property
    def headers(self) -> dict[str, str]:
        """Those of the answer."""
        headers = {"content-type": JSON, "x-should-retry": "true" if self.retryable else "false"}
        if self.retryable:
            headers["retry-after"] = str(_RETRY_AFTER_S)
        return headers | dict(self._headers)


def type_of(status: int) -> str:
    """Return whose fault a status says it is."""
    return _TYPES.get(status, "server_error" if status >= _FIRST_OF_OURS else "invalid_request_error")


def refusal_of(failure: CannotAsk, *, param: str | None = None) -> Refusal:
    """Return what a service's failure is answered with."""
    status = STATUSES[failure.kind]
    return Refusal(status, str(failure), code=failure.kind, param=param, retryable=failure.retryable)


def bad(message: str, *, param: str | None = None, code: str = "invalid_value") -> Refusal:
    """Return the refusal of a request that is wrong."""
    return Refusal(400, message, code=code, param=param)
