"""`GET /api/events`: what the service does, as it does it, to who looks on; first what it did before.

Server-sent events, with the key like all else: a page asks with `fetch`, which can send it.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from supervisor.doors.http.board import event
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.sending import Cut, Sender, while_there
from supervisor.doors.http.viewers import Viewer

#: Who look on at once, and the share of `http.connections` that they may have: the others are for speech.
MOST_VIEWERS: Final = 16
_SHARE: Final = 4

#: Without an event, until a line says that the stream is still there: proxies cut what is silent for long.
BEAT_S: Final = 10.0

#: Without a byte taken, until a viewer is let go: a page asks again by itself.
UNREAD_S: Final = 30.0

_PIECE_BYTES: Final = 8 * 1024

_BEAT: Final = b": \n\n"

_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would keep events until it has enough of them
}


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what this answers at."""

    async def events(request: Request) -> Response:
        most = max(1, min(MOST_VIEWERS, reception.terms.connections // _SHARE))
        if reception.board.viewers >= most:
            message = f"{most} look on already; try again when one of them has left"
            raise Refusal(503, message, code="busy", retryable=True)
        return Response(headers=_HEADERS) if request.method == "HEAD" else EventsReply(reception)

    return [Route("/api/events", events)]


class EventsReply(Response):
    """The answer: it lasts for as long as somebody looks on, and the door is open."""

    def __init__(self, reception: Reception, *, beat_s: float = BEAT_S, unread_s: float = UNREAD_S) -> None:
        super().__init__()
        self._reception = reception
        self._beat_s = beat_s
        self._unread_s = unread_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as Starlette calls it
        """Tell.

        Raises:
            Cut: If the viewer reads nothing, or there is no room for what he does not read.
        """
        sender = Sender(send, self._unread_s)
        with self._reception.board.viewing(self._reception.backlog()) as viewer:
            await while_there(receive, self._tell(viewer, sender))

    async def _tell(self, viewer: Viewer, sender: Sender) -> None:
        await sender.start(200, _HEADERS)
        try:
            while not viewer.is_over:
                await self._catch_up(viewer, sender)
                if not await viewer.more(self._beat_s):
                    await sender.piece(_BEAT)
            await self._catch_up(viewer, sender)
        except OSError as error:
            raise Cut(f"there is no room for what a viewer does not read: {error}", at_once=True) from error
        over = {"why": "the service ends", "state": self._reception.board.ending}
        await sender.piece(event("over", over))
        await sender.end()

    async def _catch_up(self, viewer: Viewer, sender: Sender) -> None:
        """Send what waits; to one who missed something, all of it anew."""
        while True:
            while piece := viewer.take(_PIECE_BYTES):
                await sender.piece(piece)
            if not viewer.is_behind:
                return
            viewer.begin(self._reception.board.everything())
