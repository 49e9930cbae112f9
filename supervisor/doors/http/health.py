"""`GET /health`: 200 while speech would work now, and never otherwise; the state in words beside it."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from supervisor.doors.http.guard import HEALTH
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.replies import json_reply
from supervisor.loop.service import Status

_UNAVAILABLE: Final = 503


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The answer.

    Attributes:
        status: `"ok"` or `"unavailable"`.
        ready: The same as a truth value.
        state: Of the service, in one word.
        why: What is waited for, or what ails; empty if nothing.
    """

    status: str
    ready: bool
    state: str
    why: str


def health_of(status: Status) -> Health:
    """Return what a service's state means for who wants speech now."""
    why = status.why or "; ".join(one.words for one in status.health)
    word = "ok" if status.ready else "unavailable"
    return Health(status=word, ready=status.ready, state=status.state, why=why)


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what this answers at."""

    async def health(_: Request) -> Response:
        found = health_of(reception.service.status())
        return json_reply(found, status=200 if found.ready else _UNAVAILABLE)

    return [Route(HEALTH, health)]
