"""The child's side of the two pipes: messages in, messages out, one at a time."""

import os

from supervisor.wire.dialogue import ChildEnd
from supervisor.wire.frames import FrameReader
from supervisor.wire.messages import FromChild, FromParent

_READ_BYTES = 64 * 1024

#: Announces 16 bytes and holds 0xC1, the one byte that msgpack never uses.
_DAMAGED_FRAME = (16).to_bytes(4, "big") + b"\xc1" * 16


class ParentGone(Exception):
    """The pipe to the parent is closed: there is nobody left to work for."""


class Link:
    """Blocking, single-threaded: what is read waits here until it is asked for."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._end = ChildEnd()
        self._reader = FrameReader()
        self._bodies: list[bytes] = []

    def send(self, message: FromChild) -> None:
        """Write one message whole.

        Raises:
            ParentGone: If nobody reads any more.
            LocalError: If it is not our turn to say that: a bug.
        """
        self._write(self._end.send(message))

    def receive(self) -> FromParent:
        """Wait for the next message.

        Raises:
            ParentGone: If the pipe has ended.
            PeerError: If what arrived is no message of the contract.
        """
        while not self._bodies:
            piece = os.read(self._read_fd, _READ_BYTES)
            if not piece:
                raise ParentGone
            self._bodies = self._reader.feed(piece)
        return self._end.receive(self._bodies.pop(0))

    def send_damaged_frame(self) -> None:
        """Break the contract on purpose: for rehearsals (`garbage@N`) alone."""
        self._write(_DAMAGED_FRAME)

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        try:
            while rest:
                rest = rest[os.write(self._write_fd, rest) :]
        except BrokenPipeError as error:
            raise ParentGone from error
