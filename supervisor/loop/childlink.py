"""One child life on the event loop: bytes in, messages out, death by the pidfd."""

import asyncio
from collections.abc import Callable
from typing import Final

from supervisor.core import events as ev
from supervisor.edge.pipes import PIPE_BYTES, READ_BYTES, PipeWriter, read_some
from supervisor.edge.process import ChildProcess
from supervisor.edge.stderrtail import StderrTail
from supervisor.wire.dialogue import ParentEnd, VersionMismatch
from supervisor.wire.errors import PeerError
from supervisor.wire.frames import FrameReader
from supervisor.wire.messages import FromParent

#: Reads after a death: the pipe holds what the child wrote before it, but a grandchild may still
#: hold the other end, so the end of the stream is not waited for.
_LAST_READS: Final = 2 * PIPE_BYTES // READ_BYTES


class ChildLink:
    """Watches one child process and tells what it says and how it ends.

    Every frame that arrived before the death is told before the death is.
    """

    def __init__(
        self,
        process: ChildProcess,
        *,
        life: int,
        tell: Callable[[ev.Event], None],
        overheard: Callable[[str], None],
    ) -> None:
        """Begin to watch.

        Args:
            process: Just started; owned from here on.
            life: Its number, in every event.
            tell: Takes events, in order.
            overheard: Takes each line of its stderr.
        """
        self.process = process
        self._life = life
        self._tell = tell
        self._overheard = overheard
        self._frames = FrameReader()
        self._dialogue = ParentEnd()
        self._writer = PipeWriter(process.write_fd)
        self._stderr = StderrTail()
        self._listening = True
        self._writing = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(process.read_fd, self._on_frames)
        self._loop.add_reader(process.stderr_fd, self._on_stderr)
        self._loop.add_reader(process.pidfd, self._on_death)

    @property
    def stack(self) -> str | None:
        """The last stack dump that the child wrote."""
        return self._stderr.stack

    @property
    def last_lines(self) -> str:
        """The end of its stderr."""
        return self._stderr.text

    def send(self, message: FromParent) -> None:
        """Send a message now or as soon as the pipe has room.

        A pipe that is broken or full to its bound is not an error here: a child that reads
        nothing shows no progress, and one that died is told by its pidfd.
        """
        if self._writer.send(self._dialogue.send(message)) == "waiting" and not self._writing:
            self._writing = True
            self._loop.add_writer(self.process.write_fd, self._on_writable)

    def close(self) -> None:
        """Stop watching, end the process if it lives, and close every descriptor."""
        self._deaf()
        self._stop_writing()
        for fd in (self.process.stderr_fd, self.process.pidfd):
            if fd >= 0:
                self._loop.remove_reader(fd)
        self.process.end_now()
        self.process.close()

    def _on_frames(self) -> None:
        self._read_frames()

    def _read_frames(self) -> bool:
        """Read once; return whether there may be more."""
        received = read_some(self.process.read_fd)
        try:
            for body in self._frames.feed(received.data):
                self._tell(ev.Said(life=self._life, message=self._dialogue.receive(body)))
            if received.ended:
                self._deaf()
                self._frames.close()
        except PeerError as error:
            self._deaf()
            versions = isinstance(error, VersionMismatch)
            self._tell(ev.Broke(life=self._life, why=str(error), versions=versions))
        return self._listening and bool(received.data)

    def _on_stderr(self) -> None:
        received = read_some(self.process.stderr_fd)
        for line in self._stderr.feed(received.data):
            self._overheard(line)
        if received.ended:
            self._loop.remove_reader(self.process.stderr_fd)

    def _on_writable(self) -> None:
        if self._writer.flush() != "waiting":
            self._stop_writing()

    def _on_death(self) -> None:
        reads = 0
        while self._listening and reads < _LAST_READS and self._read_frames():
            reads += 1
        self._on_stderr()
        for line in self._stderr.end():
            self._overheard(line)
        death = self.process.reap()
        if death is not None:
            self._loop.remove_reader(self.process.pidfd)
            self._tell(ev.Ended(life=self._life, death=death, last_line=self._stderr.last_line))

    def _deaf(self) -> None:
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self.process.read_fd)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self.process.write_fd)
