"""The protocol that every engine keeps, and the values it deals in.

An engine lives in the child and knows nothing of processes, pipes or messages. Another
package brings one by an entry point in group `tts_supervisor.engines` that names a class
without arguments; its settings are the table `[engine.NAME]` of config.toml.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from supervisor.wire.messages import Reference, Setting, Vitals, Voice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Group of entry points that other packages register their engines in.
ENTRY_POINT_GROUP = "tts_supervisor.engines"


class EngineError(Exception):
    """The engine could not speak this segment; another attempt may."""


class BadInput(EngineError):
    """This text cannot be spoken by this engine at all; the message says why."""


class VoiceNotFound(EngineError):
    """There is no such voice; the message names it and how to list the voices."""


class OutOfMemory(EngineError):
    """An allocator said no; the message has the figures. The engine's state is clean."""


class SettingsError(EngineError):
    """A key of `[engine.NAME]` is unknown or impossible; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What to speak.

    Attributes:
        text: Never empty.
        voice: None = the engine's default.
        reference: A recording to clone, or None. Engines that cannot clone ignore it.
        seed: 0 .. 2**63 - 1; an engine without chance ignores it.
        settings: Overrides of the engine's table for this utterance.
        past: What `past()` said after the utterance before it in its chapter; empty = there is none. Only
            engines that are `Remembering` see another.
    """

    text: str
    voice: str | None
    reference: Reference | None
    seed: int
    settings: Mapping[str, Setting]
    past: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A piece of an utterance.

    Attributes:
        samples: float32 [N], mono, full scale = 1.0. An empty piece is a sign of life.
        sample_rate_hz: The same for all pieces of an utterance.
    """

    samples: "npt.NDArray[np.float32]"
    sample_rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What an engine says of itself once loaded; see `Ready` for the fields.

    Attributes:
        canary_text: Spoken before the child is ready; empty where there is no voice to speak it in.
        notices: What people should know of this start; each is told once in a run.
    """

    name: str
    version: str
    sample_rate_hz: int
    voice: str
    clones: bool
    uses_device: bool
    pace_s_per_char: float | None
    canary_text: str
    notices: tuple[str, ...] = ()


class Engine(Protocol):
    """One engine. Calls come one at a time, from one thread."""

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Load everything; after this `synthesize` may be called.

        Raises:
            SettingsError: If a setting is unknown or impossible.
            VoiceNotFound: If `voice` is not there.
            EngineError: If something it needs is missing; the message says the mend.
        """
        ...

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Yield the audio of one utterance as it comes.

        A pure function of the utterance and the settings: never of what was spoken before, save for what
        the utterance itself carries in `past`.

        Raises:
            EngineError: Or one of its kinds. What was yielded is void then.
        """
        ...

    def voices(self) -> list[Voice]:
        """Return the voices that can be used now."""
        ...

    def vitals(self) -> Vitals:
        """Return what it holds now."""
        ...

    def release_caches(self) -> None:
        """Give back what it can without changing any later audio."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """What an engine may have besides, so that children are forked from a warm template.

    In the template `prepare` is called once, on a fresh engine, and every fork then calls `load` on
    its own copy of that engine. A cold child calls `load` alone, which must do everything then.
    """

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Do once what every child would do alike: imports, weights into memory.

        No thread may be left running, and nothing of CUDA may be touched: a fork of either is of
        no use, is refused, and children are started cold then. What is held here is shared with
        every child for as long as nobody writes to it.

        Raises:
            EngineError: Or one of its kinds; children are started cold then.
        """
        ...


@runtime_checkable
class Weighty(Protocol):
    """What an engine may have besides, so that its files are read ahead."""

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        """Return the absolute paths that `load` reads much of: read ahead when a recycle is decided."""
        ...


@runtime_checkable
class Cloning(Protocol):
    """What an engine may have besides, so that a recording is made ready before there is work."""

    def prepare_reference(self, reference: Reference, settings: Mapping[str, Setting]) -> None:
        """Compute once what is taken of a recording, before `load`: the model is not held beside it then.

        Raises:
            BadInput: If the recording cannot be used; the message says why and what would do.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """What an engine may have besides, so that its segments hear of those before them."""

    def past(self) -> bytes:
        """Return what the next utterance of the chapter is to be given, after one that was spoken whole.

        A value of its own: with it another process goes on exactly as this one would. Empty = nothing.
        """
        ...


@runtime_checkable
class Signalling(Protocol):
    """What an engine may have besides, so that a long computation between two pieces is no stall."""

    def tell_signs(self, tell: Callable[[], None]) -> None:
        """Take what is to be called now and then while `synthesize` computes: a sign of life each time."""
        ...
