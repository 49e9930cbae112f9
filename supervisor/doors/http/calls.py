"""JSON-RPC over HTTP: one request a POST, the same methods as at every other door; and the broom."""

import asyncio
from typing import Final, assert_never

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.http.bodies import must_be_json, read_body
from supervisor.doors.http.reception import Reception, caller_of
from supervisor.doors.http.refusals import refusal_of
from supervisor.doors.http.replies import json_reply, raw_reply
from supervisor.doors.methods import Method
from supervisor.errors import SupervisorError
from supervisor.loop.service import CannotAsk, GivenBack

#: Taken, and nothing to be said of it: a notification has no answer.
_TAKEN: Final = 202


class Caller:
    """Who asks over HTTP, as a method sees it: there is one answer, and no way to tell more.

    Args:
        caller: See `caller_of`.

    Attributes:
        caller: See there.
        is_kept: Whether what is asked is done to its end.
    """

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.is_kept = False

    @property
    def takes_audio(self) -> bool:
        """Whether audio can be sent under the request's id."""
        return False

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Take samples of the answer, which has no room for them."""

    def tell(self, line: bytes, about: str | None) -> None:
        """Take a notification, which nobody would read."""

    def listen(self) -> None:
        """Have the asker told what the service does: not over this."""

    def keep(self) -> None:
        """Have the request done to its end, though its method could be taken back."""
        self.is_kept = True


class Calls:
    """The calls of one door.

    Args:
        reception: Of the door.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._kept: set[asyncio.Task[bytes]] = set()

    async def answer(self, text: bytes, gone: asyncio.Future[None], caller: str) -> bytes | None:
        """Do what a request asks for.

        Args:
            text: Of the request, as JSON.
            gone: Done when nobody waits for the answer any more.
            caller: Who asks.

        Returns:
            The answer's line; None where there is none: for a notification, and for one who has left.
        """
        request = rpc.read_request(text)
        match request:
            case rpc.Refused():
                return rpc.error_line(request.id, request.error)
            case rpc.Request():
                return await self._answer(request, gone, Caller(caller))
            case _:
                assert_never(request)

    async def _answer(self, request: rpc.Request, gone: asyncio.Future[None], caller: Caller) -> bytes | None:
        if request.id is None and request.method.startswith("notifications/"):
            return None
        try:
            result = await self._result(request, gone, caller)
        except Exception as failure:  # noqa: BLE001 - a bug in an answer must not end the night's work
            error = self._reception.methods.error_of(request.method, failure)
            return None if request.id is None else rpc.error_line(request.id, error)
        return None if request.id is None or result is None else rpc.result_line(request.id, result)

    async def _result(self, request: rpc.Request, gone: asyncio.Future[None], caller: Caller) -> bytes | None:
        methods = self._reception.methods
        method = methods.of(request.method)
        self._reception.fence.must_allow(request.method, request.params)
        doing = method.begin(request.params, caller)
        if isinstance(doing, bytes):
            return doing
        task = asyncio.create_task(doing(), name=request.method)
        return await self._waited(task, method, caller, gone)

    async def _waited(
        self, task: asyncio.Task[bytes], method: Method, caller: Caller, gone: asyncio.Future[None]
    ) -> bytes | None:
        """Wait for a result, for as long as anybody wants it and the door is open."""
        ending = asyncio.ensure_future(self._reception.ending.wait())
        try:
            await asyncio.wait((task, gone, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not task.done():
                self._leave(task, is_kept=caller.is_kept or not method.can_be_taken_back)
        if task.done():
            return task.result()
        if gone.done():
            return None
        if method.when_shut is not None:
            return method.when_shut
        raise CannotAsk("the work is over", kind="shutting_down", retryable=False)

    def _leave(self, task: asyncio.Task[bytes], *, is_kept: bool) -> None:
        """Take back what can be; what cannot is done to its end, and nobody is told."""
        if not is_kept:
            task.cancel()
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception())


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what these answer at."""
    calls = Calls(reception)

    async def called(request: Request) -> Response:
        headers = request.scope["headers"]
        must_be_json(headers)
        most_bytes = reception.terms.body_bytes.fixed_bytes or 0
        text = await read_body(headers, request.receive, most_bytes, reception.room)
        gone = asyncio.ensure_future(left(request))
        try:
            line = await calls.answer(text, gone, caller_of(request))
        finally:
            gone.cancel()
        return Response(status_code=_TAKEN) if line is None else raw_reply(line)

    async def cleanup(request: Request) -> Response:
        method = reception.methods.of("memory/clean")
        doing = method.begin(b"", Caller(caller_of(request)))
        assert not isinstance(doing, bytes)  # it waits for a boundary
        try:
            given_back = msgspec.json.decode(await doing(), type=GivenBack)
        except CannotAsk as failure:
            raise refusal_of(failure) from failure
        except SupervisorError as error:
            failure = CannotAsk(str(error), kind="busy", retryable=True)
            raise refusal_of(failure) from error
        return json_reply(cleaned(given_back))

    return [
        Route("/rpc", called, methods=["POST"]),
        Route("/api/cleanup", cleanup, methods=["POST"]),
    ]


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /api/cleanup` answers.

    Attributes:
        status: `"success"`.
        message: For people.
        before_bytes: That the child held.
        after_bytes: That it holds.
        took_s: From the segment boundary.
    """

    status: str
    message: str
    before_bytes: int
    after_bytes: int
    took_s: float


def cleaned(given_back: GivenBack) -> Cleaned:
    """Return the answer, with words for people."""
    mib = (given_back.before_bytes - given_back.after_bytes) / 2**20
    of = "of the GPU's memory" if given_back.of == "device" else "of memory"
    if mib > 0:
        message = f"caches released: {mib:.1f} MiB {of} given back"
    elif given_back.before_bytes:
        message = "caches released: there was nothing in them"
    else:
        message = "there is no child now, so nothing is held; the next text brings one"
    return Cleaned(
        status="success",
        message=message,
        before_bytes=given_back.before_bytes,
        after_bytes=given_back.after_bytes,
        took_s=given_back.took_s,
    )


async def left(request: Request) -> None:
    """Wait until a client is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
