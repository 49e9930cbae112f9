"""Ask a running service over its control socket, and wait no longer than is sensible."""

import contextlib
import itertools
import os
import select
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

import msgspec

from supervisor.cli.parser import Arguments
from supervisor.cli.request import named_state_folder
from supervisor.doors.jsonrpc import METHOD_NOT_FOUND, Answer, RpcError, request_line
from supervisor.doors.lines import LONGEST_LINE_BYTES, Lines, Unkept
from supervisor.edge import proc
from supervisor.edge.runtimefolder import NoService, connect, peer_of
from supervisor.errors import SupervisorError, TryLater

#: A service looks after its door many times a second, unless it is stopped or its machine swaps.
PROMPT_S: Final = 5.0

R = TypeVar("R", bound=msgspec.Struct)


class NotOffered(SupervisorError):
    """Who listens has no such method: a narration, or an earlier version."""


class Caller:
    """A connection to a service; closes when its block is left.

    Args:
        connection: To the service.
        where: For messages: what was asked.
    """

    def __init__(self, connection: socket.socket, where: str) -> None:
        self._connection = connection
        self._where = where
        self._lines = Lines(16 * LONGEST_LINE_BYTES)
        self._numbers = itertools.count(1)
        self.pid = peer_of(connection).pid

    def __enter__(self) -> "Caller":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; again, nothing happens."""
        self._connection.close()

    def another(self) -> socket.socket:
        """Return one more connection to the same service, with nothing said on it yet.

        Raises:
            NoService: If it ended meanwhile.
            TryLater: If it takes no more connections now.
        """
        path = Path(os.fsdecode(self._connection.getpeername()))
        return connect(path.parent, os.environ, path, limit_s=PROMPT_S)

    def ask(self, method: str, answer: type[R], *, limit_s: float, params: object = None) -> R:
        """Ask and wait for the answer.

        While it waits, it asks now and then how the service is: one that is alive may take its time,
        one that is stopped is not waited for.

        Args:
            method: Of interface §4.
            answer: What the result is.
            limit_s: Longest wait.
            params: Of the method.

        Raises:
            TryLater: If there is no answer within the limit, or the service says so.
            NoService: If it ended meanwhile.
            NotOffered: If it has no such method.
            SupervisorError: If the service refuses.
        """
        until_s = time.monotonic() + limit_s
        wanted = self.send(method, params)
        if method == "status":
            return result_of(self._prompt({wanted}, limit_s), answer)
        lives = False
        while (left_s := until_s - time.monotonic()) > 0:
            alive = self.send("status")
            found = self._first({wanted, alive}, min(left_s, PROMPT_S))
            if found is None and lives and left_s < PROMPT_S:
                break  # it lived a moment ago: too little is left of the limit to say that it does not
            if found is None:
                raise self.silent(min(left_s, PROMPT_S))
            lives = True
            if not is_answer(found, wanted):
                found = self._first({wanted}, min(until_s - time.monotonic(), PROMPT_S))
            if found is not None:
                return result_of(found, answer)
        raise TryLater(
            f"the service at {self._where} is still at work on it after {limit_s:g} s, and goes on with it; "
            "--timeout waits longer"
        )

    def send(self, method: str, params: object = None) -> int:
        """Ask, and do not wait; return the id of the request."""
        number = next(self._numbers)
        # Refused at the door: why can be read all the same.
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._connection.settimeout(PROMPT_S)
            self._connection.sendall(request_line(number, method, params))
        return number

    def hear(self, limit_s: float, wake: int | None = None) -> Answer | None:
        """Return the next answer or notification; None if there was none within the limit.

        Args:
            limit_s: Longest wait.
            wake: A descriptor: once it is readable there is no waiting any more.

        Raises:
            NoService: If the service ended.
        """
        return self._next(0.0) if self._is_heard(limit_s, wake) else None

    def _is_heard(self, limit_s: float, wake: int | None) -> bool:
        """Wait for a whole line; False where none came, or something else did."""
        until_s = time.monotonic() + limit_s
        poll = select.poll()  # select.select refuses descriptors over 1023
        for descriptor in (self._connection.fileno(), wake):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        while not self._lines.has_next:
            ready = [each for each, _ in poll.poll(max(0.0, until_s - time.monotonic()) * 1000)]
            if self._connection.fileno() not in ready:
                return False
            self._take_in(self._received())
        return True

    def _prompt(self, wanted: set[int], limit_s: float) -> Answer:
        """Return an answer that a service in good health gives at once."""
        found = self._first(wanted, limit_s)
        if found is None:
            raise self.silent(limit_s)
        return found

    def _first(self, wanted: set[int], limit_s: float) -> Answer | None:
        """Return the first answer of those that are wanted; None if none came in time."""
        until_s = time.monotonic() + limit_s
        try:
            while True:
                found = self._next(until_s - time.monotonic())
                if any(is_answer(found, one) for one in wanted):
                    return found
        except TimeoutError:
            return None

    def _next(self, limit_s: float) -> Answer:
        """Return the next line that came.

        Raises:
            TimeoutError: If none came in time.
        """
        while (line := self._lines.next()) is None:
            if limit_s <= 0:
                raise TimeoutError
            self._connection.settimeout(limit_s)
            self._take_in(self._received())
        if isinstance(line, Unkept):
            raise SupervisorError(f"{self._where} answers with a line without end: no service of ours")
        try:
            answer = msgspec.json.decode(line, type=Answer)
        except msgspec.DecodeError as error:
            raise SupervisorError(f"{self._where} answers what is no answer ({error}): not ours") from error
        if answer.error is not None and bytes(answer.id) == b"null":
            raise refusal_of(answer.error)
        return answer

    def _received(self) -> bytes:
        try:
            return self._connection.recv(65536)
        except ConnectionError:
            return b""

    def _take_in(self, received: bytes) -> None:
        if not received:
            raise NoService(f"the service at {self._where} ended before it answered")
        self._lines.feed(received)

    def silent(self, limit_s: float) -> TryLater:
        """Return what to say of a service that does not answer."""
        stopped = proc.state(self.pid) == "stopped"
        what = f"is stopped (SIGSTOP); kill -CONT {self.pid} lets it go on" if stopped else "does not answer"
        return TryLater(
            f"the service at {self._where}, process {self.pid}, {what}"
            + ("" if stopped else f" within {limit_s:.3g} s; try again")
        )


def call(args: Arguments) -> Caller:
    """Connect to the service that a command line means.

    Raises:
        NoService: If there is none; names the socket and the mend.
        TryLater: If it takes no more connections now.
    """
    state = named_state_folder(args).path
    connection = connect(state, os.environ, args.socket, limit_s=PROMPT_S)
    return Caller(connection, str(connection.getpeername()))


def is_answer(answer: Answer, number: int) -> bool:
    """Say whether it answers the request of this id."""
    return bytes(answer.id) == b"%d" % number


def result_of(answer: Answer, wanted: type[R]) -> R:
    """Return what an answer gives.

    Raises:
        TryLater: If it is an error, and the same may be asked again.
        NotOffered: If there is no such method.
        SupervisorError: If it is another error, or nothing of ours.
    """
    if answer.error is not None:
        raise refusal_of(answer.error)
    try:
        return msgspec.json.decode(answer.result, type=wanted)
    except msgspec.DecodeError as error:
        raise SupervisorError(
            f"the service answers what this version does not understand ({error}); use the same version of "
            "tts-supervisor as the one that runs"
        ) from error


def refusal_of(error: RpcError) -> SupervisorError:
    """Return what an error of a service means for a command."""
    if error.code == METHOD_NOT_FOUND:
        return NotOffered(error.message)
    # A service that ends is followed by another, or by none: then the command works by itself.
    retryable = error.data is not None and (error.data.retryable or error.data.kind == "shutting_down")
    return (TryLater if retryable else SupervisorError)(error.message)
