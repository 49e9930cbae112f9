"""A child life on the event loop, with real processes and pipes."""

import asyncio
import sys
from collections.abc import Callable

from supervisor.core import events as ev
from supervisor.edge.process import start_child
from supervisor.loop.childlink import ChildLink
from supervisor.wire.messages import PROTOCOL_VERSION, Greeting, Hello

GREET = """
import sys, os
from supervisor.wire.frames import encode
from supervisor.wire.messages import PROTOCOL_VERSION, Greeting, Loading
read_fd, write_fd = int(sys.argv[2]), int(sys.argv[4])
def say(number, message): os.write(write_fd, encode(number, message))
say(1, Greeting(protocol=PROTOCOL_VERSION, version="x", pid=os.getpid(), python="3"))
"""


def live(
    script: str, act: Callable[[ChildLink, ev.Event], None] = lambda _link, _event: None
) -> list[ev.Event]:
    """Run a script as a child to its end and return what was told of it."""

    async def run() -> list[ev.Event]:
        told: list[ev.Event] = []
        over = asyncio.Event()

        def tell(event: ev.Event) -> None:
            told.append(event)
            act(link, event)
            if isinstance(event, ev.Ended):
                over.set()

        program = ("-c", GREET + script)
        process = start_child(python=sys.executable, life=7, state_marker="/t", program=program)
        link = ChildLink(process, life=7, tell=tell, overheard=lines.append)
        try:
            await asyncio.wait_for(over.wait(), 15)
        finally:
            link.close()
        return told

    lines: list[str] = []
    live.lines = lines  # type: ignore[attr-defined] -- what was overheard, for the test that asks
    return asyncio.run(run())


def ends(told: list[ev.Event]) -> ev.Ended:
    assert isinstance(told[-1], ev.Ended)
    return told[-1]


def test_what_was_said_before_a_crash_is_told_before_the_death() -> None:
    told = live("os.kill(os.getpid(), 11)")
    assert isinstance(told[0], ev.Said)
    assert isinstance(told[0].message, Greeting)
    assert told[0].life == 7
    assert ends(told).death.signal == 11


def test_a_damaged_frame_is_told_once_and_nothing_after_it_is_heard() -> None:
    told = live(r"os.write(write_fd, b'\0\0\0\3abc'); say(2, Loading(stage='late'))")
    kinds = [type(event) for event in told]
    assert kinds == [ev.Said, ev.Broke, ev.Ended]


def test_a_stream_that_ends_within_a_frame_is_a_breach() -> None:
    told = live(r"os.write(write_fd, b'\0\0\1\0abc'); os.close(write_fd); os.read(read_fd, 1)", hang_up)
    assert any(isinstance(event, ev.Broke) and "into a frame" in event.why for event in told)


def hang_up(link: ChildLink, event: ev.Event) -> None:
    if isinstance(event, ev.Broke):
        link.process.kill_group()


def test_a_message_out_of_turn_is_a_breach() -> None:
    told = live("say(2, Greeting(protocol=PROTOCOL_VERSION, version='x', pid=1, python='3'))")
    assert [type(event) for event in told] == [ev.Said, ev.Broke, ev.Ended]


def test_its_stderr_is_overheard_line_by_line_and_its_stack_found() -> None:
    live("import faulthandler; print('a word', file=sys.stderr); faulthandler.dump_traceback()")
    lines: list[str] = live.lines  # type: ignore[attr-defined] -- see `live`
    assert "a word" in lines
    assert any(line.startswith("Current thread") for line in lines)


def test_a_message_reaches_the_child() -> None:
    def answer(link: ChildLink, event: ev.Event) -> None:
        if isinstance(event, ev.Said):
            link.send(Hello(protocol=PROTOCOL_VERSION, life=7, engine="e", device="cpu", settings={}))

    told = live("sys.exit(40 + (b'hello' in os.read(read_fd, 4096)))", answer)
    assert ends(told).death.exit_code == 41
