"""Start one child, ask it something, end it: for `voices` and `doctor`."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor.config import Config
from supervisor.core import events as ev
from supervisor.edge.process import start_child
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ChildFailed, ConfigError, SupervisorError
from supervisor.loop.childlink import ChildLink
from supervisor.loop.terms import hello_of
from supervisor.wire.messages import (
    Broken,
    Exit,
    FromChild,
    Greeting,
    ListVoices,
    Loading,
    Ready,
    Reference,
    Voice,
    Voices,
)

#: A probe's child is marked like all others, but by a folder that no sweep of a run looks for.
_NO_STATE = "/probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a child says of itself.

    Attributes:
        ready: When it is ready, canary included.
        voices: That it can use now.
    """

    ready: Ready
    voices: list[Voice]


def introduce(
    config: Config,
    state: StateFolder | None = None,
    *,
    reference: Reference | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Introduction:
    """Bring a child to ready and ask what voices it has; works beside a running job.

    Args:
        config: Which engine, and how.
        state: The state folder, if there is one.
        reference: A recording that it must be able to speak with before it is ready; what it computes of it,
            the engine keeps.
        told: Takes the stages of the start, for people.

    Raises:
        ChildFailed: If the child does not get ready; says why.
        ConfigError: If that is a setting's fault.
    """
    return asyncio.run(_ask(config, state, reference, told))


def probe_child(config: Config, state: StateFolder | None = None) -> Ready:
    """Bring a child to ready, canary included, and return what it said.

    Raises:
        ChildFailed: If it does not get there; says why.
        ConfigError: If that is a setting's fault.
    """
    return introduce(config, state).ready


class _Interview:
    """What was heard so far, and what is to be asked next."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._ready: Ready | None = None

    def hear(self, message: FromChild, send: Callable[[ListVoices], None]) -> Introduction | None:
        """Take a message; the introduction, once it is whole."""
        match message:
            case Loading():
                self._told(message.stage)
            case Ready():
                self._ready = message
                send(ListVoices())
            case Voices() if self._ready is not None:
                return Introduction(ready=self._ready, voices=message.voices)
            case _:
                pass
        return None


async def _ask(
    config: Config, state: StateFolder | None, reference: Reference | None, told: Callable[[str], None]
) -> Introduction:
    loop = asyncio.get_running_loop()
    interview = _Interview(told)
    answer: asyncio.Future[Introduction] = loop.create_future()
    gone: asyncio.Future[None] = loop.create_future()
    said = ""
    error: type[SupervisorError] = ChildFailed

    def tell(event: ev.Event) -> None:
        nonlocal said, error
        match event:
            case ev.Said(message=Greeting()):
                link.send(hello_of(config, voice=None, reference=reference))
            case ev.Said(message=Broken(kind=kind, message=text)):
                said, error = text, ConfigError if kind == "configuration" else ChildFailed
            case ev.Said():
                found = interview.hear(event.message, link.send)
                if found is not None and not answer.done():
                    answer.set_result(found)
                    link.send(Exit())
            case ev.Broke():
                said = said or event.why
                link.process.kill_group()
            case ev.Ended():
                if not answer.done():
                    answer.set_exception(error(said or f"the child {event.death.in_words}"))
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
