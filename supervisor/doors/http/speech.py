"""`POST /v1/audio/speech`: OpenAI's endpoint, its audio sent as its segments are ready.

The head of the answer goes out with the first samples of the first whole and checked segment. What fails
before is an error object and a status; what fails after cuts the connection off, so that no client takes half
an utterance for a whole one. A client that goes away takes its utterance back.
"""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from supervisor.doors.http.bodies import must_be_json, read_body, read_json
from supervisor.doors.http.reception import Reception, caller_of
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.sending import Cut, Sender, while_there
from supervisor.doors.http.voiced import Voiced
from supervisor.doors.http.wanted import MEDIA, SpeechBody, Wanted, wanted_of

#: One piece of a body: what is being sent to a slow reader is held here, twice.
_PIECE_BYTES: Final = 8 * 1024

_SSE: Final = "text/event-stream"


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what this endpoint answers at."""

    async def speech(request: Request) -> Response:
        headers = request.scope["headers"]
        must_be_json(headers)
        terms = reception.terms
        body = await read_body(headers, request.receive, terms.body_bytes.fixed_bytes or 0, reception.room)
        wanted = wanted_of(read_json(body, SpeechBody), terms, reception.service.discover().engine)
        return SpeechReply(reception, wanted, caller_of(request))

    return [Route("/v1/audio/speech", speech, methods=["POST"])]


class SpeechReply(Response):
    """The answer: it is made while it is sent."""

    def __init__(self, reception: Reception, wanted: Wanted, caller: str) -> None:
        super().__init__()
        self._caller = caller
        self._reception = reception
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak and send; whoever goes away ends it.

        Raises:
            Refusal: If it cannot be had, and nothing was sent yet.
            Cut: If it failed after that.
        """
        sender = Sender(send)
        await while_there(receive, self._send(sender, is_1_0=scope["http_version"] == "1.0"))

    async def _send(self, sender: Sender, *, is_1_0: bool) -> None:
        async with Voiced(self._reception, self._wanted, self._caller) as voiced:
            # HTTP/1.0 cannot tell an end from a cut: it is given the length, and so all of it at once.
            length = await voiced.begin(whole=is_1_0)
            headers = {"cache-control": "no-store", "x-sample-rate": str(voiced.rate_hz)}
            if self._wanted.is_sse:
                await sender.start(200, headers | {"content-type": _SSE})
                await _send_events(sender, voiced)
                return
            if length is not None:
                headers["content-length"] = str(length)
            await sender.start(200, headers | {"content-type": MEDIA[self._wanted.format]})
            try:
                while piece := await voiced.take(_PIECE_BYTES):
                    await sender.piece(piece)
            except Refusal as refusal:
                raise Cut(str(refusal)) from refusal
            await sender.end()


async def _send_events(sender: Sender, voiced: Voiced) -> None:
    """Send pieces in events, the last of which says that it is all."""
    try:
        while piece := await voiced.take(_PIECE_BYTES):
            await sender.piece(_event({"type": "speech.audio.delta", "audio": piece}))
    except Refusal as refusal:
        # A client that knows it learns why; for any other the connection is cut off.
        await sender.piece(_event({"type": "error", "error": msgspec.json.decode(refusal.body)["error"]}))
        raise Cut(str(refusal)) from refusal
    # Nobody counts tokens here, and nothing is to be paid.
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    await sender.piece(_event({"type": "speech.audio.done", "usage": usage}))
    await sender.end()


def _event(content: dict[str, object]) -> bytes:
    """Return an event; bytes in it become base64."""
    return b"data: " + msgspec.json.encode(content) + b"\n\n"
