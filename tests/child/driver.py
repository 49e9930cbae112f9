"""A small parent for tests: starts `python -m child` over real pipes and speaks the contract."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.wire.dialogue import ParentEnd
from supervisor.wire.frames import FrameReader
from supervisor.wire.messages import (
    PROTOCOL_VERSION,
    Broken,
    Chunk,
    Done,
    Exit,
    Failed,
    FaultPlan,
    FromChild,
    FromParent,
    Greeting,
    Hello,
    Loading,
    Progress,
    Ready,
    Reference,
    Setting,
    Synthesize,
)

ROOT = Path(__file__).parents[2]

#: A hung child is a failed test, not a hung suite.
_PATIENCE_S = 15.0


class ChildEnded(Exception):
    """The child closed its end."""


@dataclass(slots=True)
class Spoken:
    """All that came of one segment."""

    chunks: list[bytes] = field(default_factory=list[bytes])
    progress: int = 0
    end: Done | Failed | None = None

    @property
    def pcm(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def done(self) -> Done:
        assert isinstance(self.end, Done), self.end
        return self.end

    @property
    def failed(self) -> Failed:
        assert isinstance(self.end, Failed), self.end
        return self.end


class Child:
    """One child life."""

    def __init__(self, process: subprocess.Popen[bytes], read_fd: int, write_fd: int) -> None:
        self.process = process
        self.end = ParentEnd()
        self.patience_s = _PATIENCE_S
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._reader = FrameReader()
        self._bodies: list[bytes] = []
        self._attempts = 0

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._write_fd, rest) :]

    def send(self, message: FromParent) -> None:
        self.write(self.end.send(message))

    def receive(self) -> FromChild:
        deadline_s = time.monotonic() + self.patience_s
        while not self._bodies:
            left_s = max(0.0, deadline_s - time.monotonic())
            assert select.select([self._read_fd], [], [], left_s)[0], "the child says nothing"
            piece = os.read(self._read_fd, 65536)
            if not piece:
                raise ChildEnded
            self._bodies = self._reader.feed(piece)
        return self.end.receive(self._bodies.pop(0))

    def begin(self, hello: Hello) -> FromChild:
        """Say hello and return what the start ended with: `Ready` or `Broken`."""
        assert isinstance(self.receive(), Greeting)
        self.send(hello)
        while True:
            message = self.receive()
            if not isinstance(message, Loading):
                return message

    def ready(self, hello: Hello) -> Ready:
        message = self.begin(hello)
        assert isinstance(message, Ready), message
        return message

    def broken(self, hello: Hello) -> Broken:
        message = self.begin(hello)
        assert isinstance(message, Broken), message
        return message

    def speak(  # noqa: PLR0913 -- all that an order may say, by its name
        self,
        text: str,
        *,
        voice: str | None = None,
        seed: int = 0,
        then_exit: bool = False,
        settings: Mapping[str, Setting] | None = None,
        reference: Reference | None = None,
    ) -> Spoken:
        self._attempts += 1
        self.send(
            Synthesize(
                segment_id=0,
                attempt=self._attempts,
                text=text,
                voice=voice,
                seed=seed,
                settings=dict(settings or {}),
                reference=reference,
            )
        )
        if then_exit:
            self.send(Exit())
        spoken = Spoken()
        while spoken.end is None:
            match self.receive():
                case Chunk(pcm_s16le=pcm):
                    spoken.chunks.append(pcm)
                case Progress():
                    spoken.progress += 1
                case Done() | Failed() as end:
                    spoken.end = end
                case other:
                    raise AssertionError(other)
        return spoken

    def leave(self) -> int:
        self.send(Exit())
        return self.wait()

    def hang_up(self) -> None:
        """Close the pipe to the child, as the end of its parent does."""
        os.close(self._write_fd)
        self._write_fd = -1

    def stop_listening(self) -> None:
        """Close the pipe from the child."""
        os.close(self._read_fd)
        self._read_fd = -1

    def wait(self) -> int:
        return self.process.wait(_PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for fd in (self._read_fd, self._write_fd):
            if fd >= 0:
                os.close(fd)


def hello(
    engine: str = "scripted",
    *,
    faults: FaultPlan | None = None,
    voice: str | None = None,
    **settings: Setting,
) -> Hello:
    return Hello(
        protocol=PROTOCOL_VERSION,
        life=1,
        engine=engine,
        device="cpu",
        settings=settings,
        faults=faults,
        voice=voice,
    )


@contextmanager
def child_process(stderr: Path | None = None, env: Mapping[str, str] | None = None) -> Generator[Child]:
    """Start a child; its stderr goes to a file if one is given."""
    to_child_read, to_child_write = os.pipe()
    from_child_read, from_child_write = os.pipe()
    log = (stderr or Path(os.devnull)).open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "child", "--read", str(to_child_read), "--write", str(from_child_write)],
        pass_fds=(to_child_read, from_child_write),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
        env={
            **os.environ,
            "TTS_SUPERVISOR_PARENT": str(os.getpid()),
            "OPENBLAS_NUM_THREADS": "1",
            **(env or {}),
        },
    )
    log.close()
    os.close(to_child_read)
    os.close(from_child_write)
    child = Child(process, from_child_read, to_child_write)
    try:
        yield child
    finally:
        child.close()
