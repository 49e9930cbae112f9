"""The child's two pipes: whole messages, however they are cut; their end is the parent's."""

import os
from collections.abc import Iterator

import pytest

from child.link import Link, ParentGone
from supervisor.wire.dialogue import ParentEnd
from supervisor.wire.errors import PeerError
from supervisor.wire.frames import FrameReader
from supervisor.wire.messages import PROTOCOL_VERSION, Exit, Greeting, Hello


class Pipes:
    """Both pipes of a link and the parent's ends of them."""

    def __init__(self) -> None:
        child_read, self.to_child = os.pipe()
        self.from_child, child_write = os.pipe()
        self.link = Link(child_read, child_write)
        self.open = {child_read, self.to_child, self.from_child, child_write}

    def close(self, fd: int) -> None:
        self.open.remove(fd)
        os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    for fd in made.open:
        os.close(fd)


GREETING = Greeting(protocol=PROTOCOL_VERSION, version="1", pid=1, python="3.11")
HELLO = Hello(protocol=PROTOCOL_VERSION, life=1, engine="scripted", device="cpu", settings={})


def greeted(pipes: Pipes) -> ParentEnd:
    parent = ParentEnd()
    pipes.link.send(GREETING)
    for body in FrameReader().feed(os.read(pipes.from_child, 65536)):
        assert parent.receive(body) == GREETING
    return parent


def test_messages_arrive_in_order_however_many_come_at_once(pipes: Pipes) -> None:
    parent = greeted(pipes)
    os.write(pipes.to_child, parent.send(HELLO) + parent.send(Exit()))
    assert pipes.link.receive() == HELLO
    assert pipes.link.receive() == Exit()


def test_the_end_of_the_pipe_is_told_after_what_it_carried(pipes: Pipes) -> None:
    os.write(pipes.to_child, greeted(pipes).send(HELLO))
    pipes.close(pipes.to_child)
    assert pipes.link.receive() == HELLO
    with pytest.raises(ParentGone):
        pipes.link.receive()


def test_writing_to_nobody_is_the_parents_end_too(pipes: Pipes) -> None:
    pipes.close(pipes.from_child)
    with pytest.raises(ParentGone):
        pipes.link.send(GREETING)


def test_the_damaged_frame_is_damaged(pipes: Pipes) -> None:
    parent = greeted(pipes)
    pipes.link.send_damaged_frame()
    bodies = FrameReader().feed(os.read(pipes.from_child, 65536))
    assert len(bodies) == 1
    with pytest.raises(PeerError, match="not msgpack"):
        parent.receive(bodies[0])
