"""What one client has asked and was not answered yet: each request is answered once, so many at a time."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from supervisor.core.notes import Note, Progress
from supervisor.display.jsonlines import notification
from supervisor.doors import jsonrpc as rpc
from supervisor.doors.lines import Unkept
from supervisor.doors.methods import Method, Methods
from supervisor.doors.outbox import Outbox, Sound, lost
from supervisor.doors.params import Cancelled, read_params

#: Answers that one client may wait for at once; one more is told `busy`.
MOST_WAITING: Final = 256

#: How a client says that it does not wait any more.
TAKEN_BACK: Final = "notifications/cancelled"

_UNKEPT: Final = {Unkept.TOO_LONG: rpc.TOO_LONG, Unkept.LOST: rpc.LOST}

Key = int | float | str | None


@dataclass(slots=True, eq=False)
class Asked:
    """A request in flight; what a method sees of who asked.

    Attributes:
        identity: Of the request, as JSON text; None for a notification.
        caller: Who asked: the same word for all requests of one client.
        name: Of the method.
        method: That does it.
        outbox: Takes what comes of it.
        begin_listening: Has the client told notes.
        task: That does it.
        sound: Of its audio, once there is some.
        stopped: Why it was stopped, where it was: its answer.
        is_kept: It is done to its end.
    """

    identity: bytes | None
    caller: str
    name: str
    method: Method
    outbox: Outbox
    begin_listening: Callable[[], None]
    task: asyncio.Task[bytes] | None = None
    sound: Sound | None = None
    stopped: rpc.RpcError | None = None
    is_kept: bool = False

    @property
    def takes_audio(self) -> bool:
        """Whether the request has an id that audio can be sent under."""
        return self.identity is not None

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Take 16-bit samples of the answer; where they find no room, the request ends."""
        if self.identity is None or self.stopped is not None:
            return
        if self.sound is None:
            self.sound = self.outbox.sound(self.identity)
        try:
            self.outbox.hear(self.sound, pcm, rate_hz)
        except OSError as error:
            self.stop(lost(error))

    def tell(self, line: bytes, about: str | None) -> None:
        """Take a notification about this request, which may be dropped; see `Outbox.tell`."""
        if self.stopped is None:
            self.outbox.tell(line, about)

    def listen(self) -> None:
        """Have the client told what the service does, from now on."""
        self.begin_listening()

    def keep(self) -> None:
        """Have it done to its end, though its method could be taken back."""
        self.is_kept = True

    @property
    def can_be_taken_back(self) -> bool:
        """Whether cancelling it leaves no doubt behind."""
        return self.method.can_be_taken_back and not self.is_kept

    def stop(self, error: rpc.RpcError) -> None:
        """End it; the answer is this error, unless it came before."""
        self.stopped = self.stopped or error
        if self.task is not None:
            self.task.cancel()


class Conversation:
    """The requests of one client.

    Args:
        methods: That may be asked.
        outbox: Takes answers and notes.
        answered: Called after each answer that was waited for.
        most_waiting: Requests in flight; one more is told `busy`.
    """

    def __init__(
        self,
        methods: Methods,
        outbox: Outbox,
        answered: Callable[[], None],
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._methods = methods
        self._outbox = outbox
        self._answered = answered
        self._most_waiting = most_waiting
        self._named: dict[Key, Asked] = {}
        self._asked: set[Asked] = set()
        self._unlisten: Callable[[], None] | None = None
        self._has_hung_up = False
        self.was_shut_down = False

    @property
    def waits(self) -> bool:
        """Whether something is not answered yet."""
        return bool(self._asked)

    def listen(self) -> None:
        """Have the client told what the service does, from now on."""
        if self._unlisten is None:
            self._unlisten = self._methods.listen(self._tell)

    def take(self, line: bytes | Unkept) -> None:
        """Take a line that the client sent."""
        request = _UNKEPT[line] if isinstance(line, Unkept) else rpc.read_request(line)
        match request:
            case rpc.Refused():
                self._outbox.put(rpc.error_line(request.id, request.error))
            case rpc.Request():
                self._take(request)
            case _:
                assert_never(request)

    def hang_up(self) -> None:
        """Take that the client is gone: what can be taken back is, the rest is done all the same."""
        self._deafen()
        for asked in [*self._asked]:
            asked.identity = None
            if asked.can_be_taken_back:
                asked.stop(rpc.OVER)
        self._named.clear()
        self._outbox.close()
        self._has_hung_up = True
        self._let_go()

    async def close(self) -> None:
        """Answer whatever is in flight: the service has ended."""
        self._deafen()
        tasks = [asked.task for asked in self._asked if asked.task is not None]
        for asked in [*self._asked]:
            asked.stop(rpc.OVER)
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------------ requests

    def _take(self, request: rpc.Request) -> None:
        if request.id is None and request.method.startswith("notifications/"):
            if request.method == TAKEN_BACK:
                self._take_back(request.params)
            return
        try:
            self._begin(request)
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the night's work
            if request.id is not None:
                wrong = self._methods.error_of(request.method, error)
                self._outbox.put(rpc.error_line(request.id, wrong))

    def _begin(self, request: rpc.Request) -> None:
        method = self._methods.of(request.method)
        if request.id is not None and _key(request.id) in self._named:
            raise rpc.Fault(_twice(request.id))
        # Whoever has asked for too much may still end it all.
        if method.waits and method.when_shut is None and len(self._asked) >= self._most_waiting:
            message = f"{self._most_waiting} answers are waited for on this connection already"
            raise rpc.Fault(rpc.own_error("busy", message, retryable=True))
        asked = Asked(request.id, f"client {id(self):x}", request.method, method, self._outbox, self.listen)
        doing = method.begin(request.params, asked)
        if not isinstance(doing, bytes):
            asked.task = asyncio.create_task(doing(), name=request.method)
            asked.task.add_done_callback(lambda task: self._over(asked, task))
            self._asked.add(asked)
            if request.id is not None:
                self._named[_key(request.id)] = asked
        elif request.id is not None:
            self._outbox.put(rpc.result_line(request.id, doing))

    def _take_back(self, params: bytes) -> None:
        """Stop a request that nobody waits for; one that is over or cannot be stopped is let be."""
        try:
            wanted = read_params(params, Cancelled)
        except rpc.Fault:
            return  # a notification is not answered, whatever it says
        asked = self._named.get(wanted.requestId)
        if asked is not None and asked.can_be_taken_back:
            asked.stop(rpc.own_error("cancelled", "taken back by who asked", retryable=True))

    def _over(self, asked: Asked, task: asyncio.Task[bytes]) -> None:
        self._asked.discard(asked)
        # A failure's traceback knows what was asked: without this both would wait for the collector.
        asked.task = None
        result = self._result(asked, task)
        if asked.identity is not None:
            del self._named[_key(asked.identity)]
            self._answer(asked, asked.identity, result)
        if asked.name == "shutdown" and isinstance(result, bytes):
            self.was_shut_down = True
        self._answered()
        self._let_go()

    def _let_go(self) -> None:
        """Forget the client once nothing more is for it: who know one another wait for the collector."""
        if self._has_hung_up and not self._asked:
            self._answered = _nothing

    def _result(self, asked: Asked, task: asyncio.Task[bytes]) -> bytes | rpc.RpcError:
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if failure is None:
            return task.result()
        if asked.stopped is not None:
            return asked.method.when_shut or asked.stopped
        return self._methods.error_of(asked.name, failure)

    def _answer(self, asked: Asked, identity: bytes, result: bytes | rpc.RpcError) -> None:
        sound = asked.sound
        if sound is not None and sound.failure is not None:
            result = lost(sound.failure)
        if isinstance(result, bytes):
            line = rpc.result_line(identity, result)
        else:
            line = rpc.error_line(identity, result)
        if sound is None:
            self._outbox.put(line)
        else:
            self._outbox.finish(sound, line, drop=asked.stopped is not None)

    # ------------------------------------------------------------------ notes

    def _tell(self, note: Note) -> None:
        said = notification(note)
        if said is not None:
            line = rpc.notification_line(str(said["method"]), said["params"])
            self._outbox.tell(line, f"progress of job {note.job}" if isinstance(note, Progress) else None)

    def _deafen(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None


def _nothing() -> None:
    pass


def _twice(identity: bytes) -> rpc.RpcError:
    message = f"id {identity.decode()} is that of a request which is not answered yet; give each its own"
    return rpc.RpcError(code=rpc.INVALID_REQUEST, message=message)


def _key(identity: bytes) -> Key:
    """Return what an id stands for: 1 and 1.0 are one number, and a text is one however it is escaped."""
    return json.loads(identity)
