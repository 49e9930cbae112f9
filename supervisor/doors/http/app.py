"""All that the door answers: who may pass, where a request leads, and what becomes of a failure."""

from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supervisor.doors.http import calls, document, events, health, listen, listings, metrics, page, speech
from supervisor.doors.http.bodies import drain, has_body, must_have_one_length
from supervisor.doors.http.guard import Guard
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.replies import refusal_reply
from supervisor.doors.http.sending import Cut

_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405


def routes(reception: Reception, sheets: Sequence[page.Sheet] = ()) -> list[BaseRoute]:
    """Return everything that is answered, and where.

    Args:
        reception: Of the door.
        sheets: Of the page.
    """
    return [
        *page.routes(sheets),
        *speech.routes(reception),
        *listings.routes(reception),
        *health.routes(reception),
        *calls.routes(reception),
        *events.routes(reception),
        *listen.routes(reception),
        *metrics.routes(reception),
        *document.routes(reception),
    ]


def make_app(reception: Reception) -> ASGIApp:
    """Return the application of a door."""
    terms = reception.terms
    sheets = page.sheets()
    # The page holds nothing of the service's, and asks for the key itself.
    open_paths = frozenset(sheet.path for sheet in sheets)
    guard = Guard(
        api_key=terms.api_key,
        hosts=frozenset(terms.hosts),
        open_paths=open_paths,
        open_below=(listen.OPEN_BELOW,),
    )
    return App(reception, guard, Router(routes(reception, sheets), redirect_slashes=False))


class App:
    """The outermost layer: nothing but an answer, or a cut, comes out of it.

    Args:
        reception: Of the door.
        guard: Says who may ask.
        router: Leads to what answers.
    """

    def __init__(self, reception: Reception, guard: Guard, router: Router) -> None:
        self._log = reception.log
        self._guard = guard
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = _Answer(scope, receive, send)
        try:
            await self._answer(scope, answer)
        except Refusal as refusal:
            await answer.refuse(refusal)
        except HTTPException as error:
            await answer.refuse(_routed(error))
        except Cut as cut:
            answer.cut(at_once=cut.at_once)
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the night's work
            named = f"{type(error).__name__}: {error}"
            self._log.event("bug", "error", where="http", method=str(scope["path"])[:100], message=named)
            await answer.refuse(Refusal(500, "a bug of ours, which is in the log", code="internal_error"))

    async def _answer(self, scope: Scope, answer: "_Answer") -> None:
        client = scope.get("client")
        peer = None if client is None else str(client[0])
        must_have_one_length(scope["headers"])
        self._guard.must_pass(scope["path"], scope["headers"], peer)
        # So that the router raises where it has nothing, and does not answer in words of its own.
        scope["app"] = self
        await self._router(scope, answer.receive, answer.send)


class _Answer:
    """One answer, as far as it is.

    Args:
        scope: Of the request.
        receive: Of ASGI.
        send: Of ASGI.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_begun = False
        self._has_read = not has_body(scope["headers"])

    async def receive(self) -> Message:
        """Pass on what comes, and note the end of the body."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._has_read = True
        return message

    async def send(self, message: Message) -> None:
        """Pass on what goes out."""
        if message["type"] == "http.response.start":
            self._has_begun = True
            message["headers"] = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Say why not; where something else was said already, cut it off."""
        if self._has_begun:
            self.cut(at_once=False)
            return
        if self._has_read:
            await refusal_reply(refusal)(self._scope, self._receive, self.send)
            return
        await self._refuse_while_it_comes(refusal)

    async def _refuse_while_it_comes(self, refusal: Refusal) -> None:
        """Say why not to one who still sends: a connection that is closed on him would tell him nothing."""
        reply = refusal_reply(refusal)
        reply.headers["connection"] = "close"
        start: Message = {
            "type": "http.response.start",
            "status": reply.status_code,
            "headers": reply.raw_headers,
        }
        await self.send(start)
        await self.send({"type": "http.response.body", "body": bytes(reply.body), "more_body": True})
        if not any(name == b"expect" for name, _ in self._scope["headers"]):
            await drain(self._receive)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def cut(self, *, at_once: bool) -> None:
        """Cut the connection off; at once, or once what was written is sent."""
        end = self._scope["state"]["abort" if at_once else "close"]()
        if end is not None:
            end()


def _routed(error: HTTPException) -> Refusal:
    if error.status_code == _NOT_ALLOWED:
        allowed = dict(error.headers or {})
        return Refusal(
            _NOT_ALLOWED,
            f"this method is not taken here; {', '.join(allowed.values())} is",
            code="method_not_allowed",
            headers=allowed,
        )
    message = "there is nothing here; GET /openapi.json tells what there is"
    return Refusal(
        error.status_code, message, code="not_found" if error.status_code == _NOT_FOUND else "error"
    )
