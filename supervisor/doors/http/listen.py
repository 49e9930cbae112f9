"""To listen to a job: `POST /api/jobs/{job}/listen` looks what there is, `GET /api/listen/…` plays it.

A job can be listened to where its output lies in `http.output_folders`, links followed. What is played is
looked at again when it is opened: what leads out of the folders by then is not.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from supervisor.doors.http.ranges import NoSuchRange, range_of
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.replies import json_reply
from supervisor.doors.http.sending import Cut, Sender, while_there
from supervisor.doors.http.spans import NotThere, Opens, Span, as_wav, must_be_there, open_plain, read
from supervisor.doors.http.tickets import TICKET_S, Part
from supervisor.edge.ledger_values import Delivery, Piece
from supervisor.loop.plainaudio import SAMPLE_BYTES

#: Below it no key is asked for: the path has a ticket.
OPEN_BELOW: Final = "/api/listen/"

#: Files of one job that are told of; a folder of more is looked at otherwise.
_MOST_FILES: Final = 1000

_MEDIA: Final = {".wav": "audio/wav", ".flac": "audio/flac"}


class ToldPart(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to listen to: `url` is a path of this service, and takes `Range`."""

    name: str
    seconds: float
    url: str


class Audible(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to hear of a job.

    Attributes:
        parts: Its files, in order; of a job under way what was spoken last, without a gap.
        is_whole: Whether these are its finished files.
        left_out: Files that are not among the parts: there are too many.
        expires_s: Until the paths lead nowhere any more.
    """

    parts: list[ToldPart]
    is_whole: bool
    left_out: int
    expires_s: float


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what these answer at."""

    async def listen(request: Request) -> Response:
        job = str(request.path_params["job"])
        _must_be_open(reception, job)
        heard = reception.service.on_show.heard(job)
        files = [_of_file(one) for one in heard.files[:_MOST_FILES]]
        parts = files or _of_pieces(heard.pieces)
        if not parts:
            raise Refusal(
                404, f"job {job[:100]}: nothing of it is spoken yet", code="nothing_yet", retryable=True
            )
        ticket = reception.tickets.give(parts)
        told = Audible(
            parts=[
                ToldPart(name=part.name, seconds=part.seconds, url=f"{OPEN_BELOW}{ticket}/{number}")
                for number, part in enumerate(parts)
            ],
            is_whole=bool(heard.files),
            left_out=max(0, len(heard.files) - _MOST_FILES),
            expires_s=TICKET_S,
        )
        return json_reply(told)

    async def play(request: Request) -> Response:
        part = reception.tickets.part(request.path_params["ticket"], request.path_params["part"])
        if part is None:
            message = "nothing is played here, or not any more; POST /api/jobs/{job}/listen gives a new path"
            raise Refusal(404, message, code="not_found")
        return PlayReply(reception, part, request)

    return [
        Route("/api/jobs/{job}/listen", listen, methods=["POST"]),
        Route("/api/listen/{ticket}/{part:int}", play),
    ]


def _must_be_open(reception: Reception, job: str) -> None:
    """Let a job be listened to.

    Raises:
        Refusal: 404 if there is none of that id; 403 if its output lies where nobody may listen.
    """
    output = reception.service.on_show.output(job)
    if output is None:
        raise Refusal(404, f"there is no job {job[:100]!r} here", code="not_found")
    if not reception.fence.has(output):
        message = (
            f"job {job} writes to a place that nobody may listen to over HTTP; list its folder in "
            "http.output_folders, and start the service anew"
        )
        raise Refusal(403, message, code="not_allowed")


def _of_file(file: Delivery) -> Part:
    path = Path(file.path)
    seconds = round(file.samples / file.sample_rate_hz, 3)
    return Part(name=path.name, seconds=seconds, media=_MEDIA[path.suffix.lower()], path=file.path)


def _of_pieces(pieces: Sequence[Piece]) -> list[Part]:
    if not pieces:
        return []
    spans, rate_hz = as_wav(pieces)
    samples = sum(span.count for span in spans[1:]) // SAMPLE_BYTES
    return [Part(name="", seconds=round(samples / rate_hz, 3), media=_MEDIA[".wav"], spans=tuple(spans))]


class PlayReply(Response):
    """The answer: a part, or the bytes of it that are asked for.

    Args:
        reception: Of the door.
        part: What is played.
        request: Says which bytes.
    """

    def __init__(self, reception: Reception, part: Part, request: Request) -> None:
        super().__init__()
        self._reception = reception
        self._part = part
        # What changed meanwhile cannot be told by a date: then the whole is sent.
        self._wanted = None if "if-range" in request.headers else request.headers.get("range")
        self._is_head = request.method == "HEAD"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as Starlette calls it
        """Play it; who goes away ends it.

        Raises:
            Refusal: If it is not there, or has no such bytes, and nothing was sent yet.
            Cut: If it is cut short while it is played.
        """
        try:
            spans, opens = self._source()
        except NotThere as error:
            raise _gone(self._part, error) from error
        total = sum(span.count for span in spans)
        found = self._range(total)
        begin, end = found or (0, total)
        with closing(read(spans, begin, end, opens)) as pieces:
            first = self._first(pieces)
            sender = Sender(send)
            headers = self._headers(end - begin)
            if found is None:
                await sender.start(200, headers)
            else:  # also where it is the whole: players take the answer for one that can be wound
                await sender.start(206, headers | {"content-range": f"bytes {begin}-{end - 1}/{total}"})
            await while_there(receive, self._play(sender, first, pieces))

    def _range(self, total: int) -> tuple[int, int] | None:
        try:
            return range_of(self._wanted, total)
        except NoSuchRange:
            message = f"there are {total} bytes, and none of {self._wanted}"
            headers = {"content-range": f"bytes */{total}"}
            raise Refusal(416, message, code="no_such_range", headers=headers) from None

    def _source(self) -> tuple[Sequence[Span], Opens]:
        part = self._part
        if part.path is None:
            must_be_there(part.spans)
            return part.spans, open_plain
        opens = self._reception.fence.open
        opened = opens(part.path)
        try:
            return [Span(path=part.path, count=os.fstat(opened).st_size)], opens
        finally:
            os.close(opened)

    def _first(self, pieces: Iterator[bytes]) -> bytes:
        """Read the first piece before anything is promised."""
        try:
            return b"" if self._is_head else next(pieces, b"")
        except OSError as error:
            raise _gone(self._part, error) from error

    def _headers(self, count: int) -> dict[str, str]:
        return {
            "content-type": self._part.media,
            "content-length": str(count),
            "accept-ranges": "bytes",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        }

    async def _play(self, sender: Sender, first: bytes, pieces: Iterator[bytes]) -> None:
        if not self._is_head:
            await sender.piece(first)
            try:
                for piece in pieces:
                    await sender.piece(piece)
            except OSError as error:
                raise Cut(f"what is played is gone: {error}") from error
        await sender.end()


def _gone(part: Part, error: OSError) -> Refusal:
    return Refusal(404, f"{part.name or 'what was spoken'} cannot be played: {error.strerror}", code="gone")
