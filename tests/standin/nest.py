"""A template and its children in tests: real processes, asked one question at a time."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor.edge import proc
from supervisor.edge.pipes import read_some
from supervisor.edge.process import ChildProcess, Process, waited_for
from supervisor.edge.strangers import reap_strangers
from supervisor.edge.template import TemplateProcess, become_reaper, start_template
from supervisor.wire.dialogue import ParentEnd
from supervisor.wire.forking import Born, FromTemplate, Prepare, Warm
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
    Ready,
    Setting,
    Synthesize,
)

#: A machine that runs other things as well takes its time; a wait that lasts longer has failed.
PATIENCE_S = 30.0


def readable(fd: int, limit_s: float = PATIENCE_S) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, limit_s) * 1000))


def end_of(process: Process) -> str:
    """Wait for a process to die and return how it did."""
    assert readable(process.pidfd), "it lives on"
    death = process.reap()
    assert death is not None
    return death.in_words


def dies(pid: int, limit_s: float = 1.0) -> bool:
    """Say whether a process that is not ours to reap is dead within a time."""
    until_s = time.monotonic() + limit_s
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return readable(pidfd, until_s - time.monotonic())
    finally:
        os.close(pidfd)


class Grown:
    """A child on its wire."""

    def __init__(self, process: ChildProcess, said: Hello) -> None:
        self.process = process
        self.pid = process.pid
        self._said = said
        self._end = ParentEnd()
        self._frames = FrameReader()
        self._bodies: list[bytes] = []
        self._attempts = 0
        self._has_greeted = False

    def send(self, message: FromParent) -> None:
        os.write(self.process.write_fd, self._end.send(message))

    def receive(self) -> FromChild:
        while not self._bodies:
            assert readable(self.process.read_fd), "the child says nothing"
            received = read_some(self.process.read_fd)
            assert received.data, read_some(self.process.stderr_fd).data.decode()
            self._bodies = self._frames.feed(received.data)
        return self._end.receive(self._bodies.pop(0))

    def greet(self) -> None:
        """Wait for its first word, if that has not come yet."""
        if not self._has_greeted:
            greeting = self.receive()
            assert isinstance(greeting, Greeting)
            assert greeting.pid == self.pid
            self._has_greeted = True

    def begin(self) -> Ready | Broken:
        self.greet()
        self.send(self._said)
        while not isinstance(message := self.receive(), Ready | Broken):
            pass
        return message

    def ready(self) -> Ready:
        message = self.begin()
        assert isinstance(message, Ready), message
        return message

    def order(self, text: str, seed: int = 0) -> None:
        self._attempts += 1
        self.send(Synthesize(segment_id=0, attempt=self._attempts, text=text, voice=None, seed=seed))

    def speak(self, text: str, seed: int = 0) -> bytes:
        self.order(text, seed)
        pcm = b""
        while not isinstance(message := self.receive(), Done):
            assert not isinstance(message, Failed), message
            if isinstance(message, Chunk):
                pcm += message.pcm_s16le
        return pcm

    def leave(self) -> str:
        """Ask it to leave; returns how it ended."""
        self.send(Exit())
        ended = end_of(self.process)
        self.process.close()
        return ended

    def kill(self) -> None:
        self.process.end_now(PATIENCE_S)
        self.process.close()


@dataclass(frozen=True, slots=True)
class Nest:
    """A template, asked in turn."""

    template: TemplateProcess
    said: Hello

    def answer(self) -> FromTemplate:
        while (answer := self.template.answer()) is None:
            assert readable(self.template.control.fileno()), "the template says nothing"
        return answer

    def say(self) -> None:
        """Say what it is to be."""
        said = self.said
        self.template.prepare(Prepare(engine=said.engine, device=said.device, settings=said.settings))

    def prepare(self) -> FromTemplate:
        self.say()
        return self.answer()

    def warm(self) -> Warm:
        answer = self.prepare()
        assert isinstance(answer, Warm), answer
        return answer

    def child(self, life: int = 1) -> Grown:
        unborn = self.template.ask(life)
        answer = self.answer()
        assert isinstance(answer, Born), answer
        assert answer.life == life
        return Grown(unborn.adopt(answer.pid), self.said)

    def log(self) -> str:
        """What it has written so far for people."""
        return read_some(self.template.stderr_fd).data.decode()

    def end(self) -> None:
        self.template.end_now(PATIENCE_S)
        self.template.close()


def hello(engine: str = "scripted", *, faults: FaultPlan | None = None, **settings: Setting) -> Hello:
    return Hello(
        protocol=PROTOCOL_VERSION, life=1, engine=engine, device="cpu", settings=settings, faults=faults
    )


@contextlib.contextmanager
def nest(
    said: Hello | None = None, *, env: Mapping[str, str] | None = None, state: str = "/a/state"
) -> Generator[Nest]:
    """Start a template for this process, which reaps what comes of it."""
    assert become_reaper()
    one = Nest(start_template(python=sys.executable, state_marker=state, extra_env=env), said or hello())
    try:
        yield one
    finally:
        one.end()
        reap_strangers(waited_for())


def descriptors(pid: int) -> dict[int, str]:
    """The open descriptors of a process and what they are."""
    found: dict[int, str] = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(entry.name)] = str(entry.readlink())
    return found


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def left_unreaped() -> list[int]:
    """Dead children of this process that neither their keepers nor the look for strangers reap.

    One that was asked for and never adopted may be dead only by now.
    """
    reap_strangers(waited_for())
    return zombies()


def zombies() -> list[int]:
    """Dead children of this process that nobody has reaped."""
    return [pid for pid in proc.children(os.getpid()) if proc.state(pid) == "zombie"]
