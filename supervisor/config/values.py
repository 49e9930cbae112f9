"""The configuration as values: frozen, checked, each part with the numbers it needs.

Only `__main__`, `cli`, `config` and `loop` see the whole `Config`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from supervisor.policy.degrade import Step
from supervisor.wire.messages import FaultPlan, Setting

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
ChildStart = Literal["template", "cold"]
CleanAfter = Literal["never", "segment", "job"]

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|%)\s*")
_UNIT_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
SIZE_FORM = 'a size with a unit ("512MiB", "8GiB") or a share of the total ("85%")'


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """An amount of memory: so many bytes, or a share of a total known only later.

    Attributes:
        text: As written in the configuration.
        fixed_bytes: None for a share.
        share: 0..1; None for a fixed amount.
    """

    text: str
    fixed_bytes: int | None
    share: float | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `"512MiB"` or `"85%"`.

        Raises:
            ValueError: If it is neither, or a share above 100 %.
        """
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError(f"need {SIZE_FORM}, got {text!r}")
        number, unit = float(match[1]), match[2]
        if unit != "%":
            return cls(text=text, fixed_bytes=round(number * _UNIT_BYTES[unit]), share=None)
        if number > 100:  # noqa: PLR2004 - the whole of a thing is 100 %
            raise ValueError(f"a share cannot be over 100%, got {text!r}")
        return cls(text=text, fixed_bytes=None, share=number / 100)

    def of(self, total_bytes: int) -> int:
        """Return the size in bytes where the whole is `total_bytes`."""
        if self.fixed_bytes is not None:
            return self.fixed_bytes
        return int(total_bytes * (self.share or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The two watermarks of one kind of memory.

    Where one is a share and the other fixed, `soft` may come out above `hard` on a small
    machine: `hard` then acts first, and `soft` never.
    """

    soft: Size
    hard: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Which engine speaks.

    Attributes:
        name: Of an engine that ships with this package, or an entry point's name.
        settings: The table of its name (`keys.engine_table`), sizes still as written.
        faults: What is rehearsed; None when every key of `[engine.faults]` is at its default.
    """

    name: str
    settings: dict[str, Setting]
    faults: FaultPlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildConfig:
    """How a child is started, watched and ended.

    Attributes:
        python: Absolute path of the interpreter that runs it.
        devices: Each `"auto"`, `"cpu"` or `"cuda:N"`; one child runs on each. At least one.
        start: Forked from a warm template, or an interpreter of its own each time.
        start_timeout_s: From the spawn to ready.
        term_grace_s: Between SIGTERM and SIGKILL.
        stall_s: Without progress on a segment; a floor.
        attempts: Tries for one segment, at least 1.
        idle_unload_s: Without work until the child is ended; 0 = never.
        max_segments: Of a life, until it is replaced; 0 = by need only.
    """

    python: str
    devices: tuple[str, ...]
    start: ChildStart
    start_timeout_s: float
    term_grace_s: float
    stall_s: float
    attempts: int
    idle_unload_s: float
    max_segments: int

    @property
    def device(self) -> str:
        """The first device: the one there is, where there is one child."""
        return self.devices[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakMarks:
    """Growth over a life's baseline that counts as a leak; a share is of the device's memory.

    Attributes:
        live: Of live bytes that the child does not declare.
        other: Of the child's own bytes on the device outside torch.
    """

    live: Size
    other: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """How memory is watched.

    Attributes:
        poll_s: Between readings.
        device: Of the whole GPU.
        host: Of the child's private memory.
        leak: Growth that counts.
        record: Absolute path of the trace that readings are appended to; None = not recorded.
        clean_after: When caches are released by the clock of the work.
    """

    poll_s: float
    device: Marks
    host: Marks
    leak: LeakMarks
    record: Path | None
    clean_after: CleanAfter


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """A rest within a batch.

    Attributes:
        size: JSONL lines between two rests; 0 = no rest.
        rest_s: How long each rest is.
    """

    size: int
    rest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradeConfig:
    """What may change the bytes of a chapter or line that would fit no fresh child.

    Attributes:
        steps: In the order in which they are taken; empty = the text is refused.
    """

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationConfig:
    """How text is cut and paused.

    Attributes:
        segment_chars: Most characters of a segment.
        pause_sentence_s: Silence after a segment that ends a sentence within a paragraph.
        pause_paragraph_s: After a paragraph.
        pause_heading_s: After a heading.
    """

    segment_chars: int
    pause_sentence_s: float
    pause_paragraph_s: float
    pause_heading_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfig:
    """How many may ask a service for speech at once.

    Attributes:
        max_running: Requests that are spoken.
        max_waiting: Requests that may wait for that; one more is told `busy`.
    """

    max_running: int
    max_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsConfig:
    """Who is told of warnings.

    Attributes:
        command: Program (absolute path) and its arguments, run with one event on its standard
            input; empty = nobody.
    """

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """What the HTTP door asks of those who knock, and gives them.

    Attributes:
        api_key: That everyone must send; empty = nobody, and the door opens on loopback alone.
        api_key_file: Absolute path of a file that holds it instead; empty = none.
        hosts: Names that a request may call this machine by, beside addresses and `localhost`.
        output_folders: Absolute; what a request names as a file lies below one of them.
        models: Names of models that are this service, beside the engine's and OpenAI's.
        voices: Names that clients use, each with the voice that is meant; empty = the service's own.
        text_chars, body_bytes: Longest input, and longest body, of a request.
        connections, encoders: At once: clients, and streams that are encoded, each by a process.
    """

    api_key: str = field(repr=False)
    api_key_file: str
    hosts: tuple[str, ...]
    output_folders: tuple[str, ...]
    models: tuple[str, ...]
    voices: Mapping[str, str]
    text_chars: int
    body_bytes: Size
    connections: int
    encoders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WyomingConfig:
    """How Wyoming is spoken.

    Attributes:
        sample_rate: In Hz, of all audio; 0 = the engine's own.
        sentence_silence_s: Between sentences, each spoken by itself; `"auto"` = as the narration has it.
        connections: At once.
        zeroconf: Name that Home Assistant finds this service under; empty = it is not announced.
    """

    sample_rate: int
    sentence_silence_s: "float | Literal['auto']"
    connections: int
    zeroconf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PiperConfig:
    """What programs that were written for Piper are given.

    Attributes:
        voices: Names of models and speakers, each with the voice that is meant; empty = the engine's own.
    """

    voices: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is logged on standard error, and how."""

    format: LogFormat
    level: LogLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of config.toml."""

    engine: EngineConfig
    child: ChildConfig
    memory: MemoryConfig
    degrade: DegradeConfig
    batch: BatchConfig
    narration: NarrationConfig
    queue: QueueConfig
    alerts: AlertsConfig
    http: HttpConfig
    wyoming: WyomingConfig
    piper: PiperConfig
    log: LogConfig
