"""Start one child, ask it something, end it: for `voices` and `doctor`."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from supervisor.config import Config
from supervisor.core import events as ev
from supervisor.edge.process import start_child
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ChildFailed
from supervisor.loop.childlink import ChildLink
from supervisor.loop.terms import hello_of
from supervisor.wire.messages import (
    Broken,
    Exit,
    FromChild,
    Greeting,
    ListVoices,
    Ready,
    Voice,
    Voices,
)

#: A probe's child is marked like all others, but by a folder that no sweep of a run looks for.
_NO_STATE = "/probe"

A = TypeVar("A", bound=FromChild)


def list_voices(config: Config, state: StateFolder | None = None) -> list[Voice]:
    """Return the voices that the configured engine can use now; works beside a running job.

    Raises:
        ChildFailed: If the child does not get ready; says why.
    """
    return asyncio.run(_ask(config, state, _voices)).voices


def probe_child(config: Config, state: StateFolder | None = None) -> Ready:
    """Bring a child to ready, canary included, and return what it said.

    Raises:
        ChildFailed: If it does not get there; says why.
    """
    return asyncio.run(_ask(config, state, _ready))


def _ready(message: FromChild, send: Callable[[ListVoices], None]) -> Ready | None:
    del send
    return message if isinstance(message, Ready) else None


def _voices(message: FromChild, send: Callable[[ListVoices], None]) -> Voices | None:
    if isinstance(message, Ready):
        send(ListVoices())
    return message if isinstance(message, Voices) else None


async def _ask(
    config: Config,
    state: StateFolder | None,
    listen: Callable[[FromChild, Callable[[ListVoices], None]], A | None],
) -> A:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[A] = loop.create_future()
    gone: asyncio.Future[None] = loop.create_future()
    said = ""

    def tell(event: ev.Event) -> None:
        nonlocal said
        match event:
            case ev.Said(message=Greeting()):
                link.send(hello_of(config, voice=None))
            case ev.Said(message=Broken(message=text)):
                said = text
            case ev.Said():
                found = listen(event.message, link.send)
                if found is not None and not answer.done():
                    answer.set_result(found)
                    link.send(Exit())
            case ev.Broke():
                said = said or event.why
                link.process.kill_group()
            case ev.Ended():
                if not answer.done():
                    answer.set_exception(ChildFailed(said or f"the child {event.death.in_words}"))
                gone.set_result(None)
            case _:
                pass

    marker = str(Path(_NO_STATE) / str(os.getpid())) if state is None else f"{state.path}#probe"
    process = start_child(python=config.child.python, life=1, state_marker=marker)
    link = ChildLink(process, life=1, tell=tell, overheard=lambda _: None)
    limit = loop.call_later(config.child.start_timeout_s, process.kill_group)
    try:
        result = await answer
        # It was asked to leave; a child that does not is not worth waiting for.
        loop.call_later(config.child.term_grace_s, process.kill_group)
        await gone
        return result
    finally:
        limit.cancel()
        link.close()
