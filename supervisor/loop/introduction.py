"""How a service introduces itself: what it is, and the voices and rates that its child told of."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from supervisor.config import Config
from supervisor.core.notes import ChildState, Note
from supervisor.loop.cutting import MOST_TEXT_CHARS
from supervisor.loop.runner import Runner
from supervisor.loop.speaking import Discovered, Limits
from supervisor.wire.version import VERSION

if TYPE_CHECKING:
    from supervisor.wire.messages import Ready

#: Longest line either way: as the doors have it.
_LINE_BYTES: Final = 1024 * 1024

#: Clients ask first of all, and give up on a greeting after half a minute. A large model takes longer.
PATIENCE_S: Final = 10.0


class Introduction:
    """One service's.

    Args:
        config: Returns that which it works under.
        runner: Returns that at work; None between two.
    """

    def __init__(self, config: Callable[[], Config], runner: Callable[[], Runner | None]) -> None:
        self._config = config
        self._runner = runner
        self._told: Ready | None = None
        self._engine = ""  # that told it
        self._is_over = False
        self._moved = asyncio.Event()

    def note(self, note: Note) -> None:
        """Take what people are told: a child that is ready has said its voices."""
        runner = self._runner()
        if not isinstance(note, ChildState) or note.state != "ready" or runner is None:
            return
        post = runner.conductor.post
        if post is not None and post.ready is not None:
            self._told, self._engine = post.ready, self._config().engine.name
            self._moved.set()

    def over(self) -> None:
        """Let nobody wait: there will be no child."""
        self._is_over = True
        self._moved.set()

    def known(self) -> Discovered:
        """Return what is known now; a child that was unloaded has told it all the same."""
        config = self._config()
        told = self._told if self._has_heard else None
        return Discovered(
            name="tts-supervisor",
            version=VERSION,
            engine=config.engine.name,
            voices=[] if told is None else told.voices,
            sample_rates=[] if told is None else [told.sample_rate_hz],
            formats=["wav", "flac"],
            limits=Limits(
                line_bytes=_LINE_BYTES,
                text_chars=MOST_TEXT_CHARS,
                max_waiting=config.queue.max_waiting,
                max_running=config.queue.max_running,
            ),
        )

    async def heard(self, patience_s: float = PATIENCE_S) -> Discovered:
        """Return what is known once a child of the engine was ready, or patience is at its end.

        Args:
            patience_s: How long that may take.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not (self._has_heard or self._is_over):
                    self._moved.clear()
                    await self._moved.wait()
        return self.known()

    @property
    def _has_heard(self) -> bool:
        """Whether a child of the engine that speaks now told its voices: a reload may bring another."""
        return self._told is not None and self._engine == self._config().engine.name
