"""What can be asked of a service that stays: speech, jobs, and what it is.

`supervisor/loop/service.py` has what can be asked of any run.

The structs are the JSON of interface.md §4 as it stands; what they hold beyond it is an extension.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from supervisor.core.notes import Note
from supervisor.edge.ledger_values import JobView
from supervisor.loop.service import Steering
from supervisor.loop.sights import OnShow
from supervisor.wire.messages import Voice


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One utterance that is wanted now: what `synthesize` takes.

    Attributes:
        text: What to say.
        voice: Name; None = the service's own.
        seed: Of the utterance.
        sample_rate: Of what is given back, in Hz; None = the engine's.
        output_file: Where it is to lie, `.wav` or `.flac`; relative to the service's folder. None with
            `audio: "file"` = a WAV in the state folder, which is kept for an hour.
        audio: `"inline"`: the samples come in pieces before the answer; no file unless one is named.
        deadline_s: Seconds from now after which nobody wants it any more; None = as long as it takes.
    """

    text: str
    voice: str | None = None
    seed: int = 0
    sample_rate: int | None = None
    output_file: str | None = None
    audio: Literal["file", "inline"] = "file"
    deadline_s: float | None = None


class Speech(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `synthesize` answers.

    Attributes:
        seconds: Of audio.
        sample_rate: In Hz.
        sha256: Of the file at `path`, as `sha256sum` has it; where there is none, of the 16-bit samples.
        attempts: Of the segment that took most.
        checks: What was measured of it: `peak`, `clipped_share`, `longest_silence_s`, …
        path: Of the file, absolute; None where none was made.
        segments: That it was spoken in; left out where it is one.
    """

    seconds: float
    sample_rate: int
    sha256: str
    attempts: int
    checks: dict[str, float]
    path: str | None = None
    segments: int = 1


class GivenInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input whose text comes with it: read from a pipe, or from standard input.

    Attributes:
        name: What it is called; its ending says how to read it, one without is plain text.
        text: All of it; one of `text` and `text_file` is given.
        text_file: A file of UTF-8 that holds it, absolute: read at once, it may be gone after the answer.
        path: Where it came from, absolute: recordings that a JSONL names count from there. None = nowhere.
    """

    name: str
    text: str | None = None
    text_file: str | None = None
    path: str | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that is wanted: what `jobs/submit` takes.

    Attributes:
        output: A `.wav` or `.flac`, or a folder (ends in `/`, or exists).
        inputs: Paths, or texts with names; chapters in their order. One of `inputs` and `text` is given.
        text: The text itself, one chapter.
        voice: Of all that asks for no other; None = the service's own.
        seed: Of the job.
        sample_rate: Of the finished files, in Hz; None = that of the audio.
        format: Of the files in a folder.
        key: The same key again is the same job, whatever else is said.
        folder: Absolute; relative paths count from it; None = from the service's own.
        fresh: Forget what an earlier run of the job finished.
        reference: A recording to clone, instead of a voice's name; with what is said in it.
        reference_text: That.
        seen: Paths, absolute, with device and inode as `DEVICE:INODE`: what the client sees there.
    """

    output: str
    inputs: list[str | GivenInput] | None = None
    text: str | None = None
    voice: str | None = None
    seed: int = 0
    sample_rate: int | None = None
    format: Literal["wav", "flac"] = "wav"
    key: str | None = None
    folder: str | None = None
    fresh: bool = False
    reference: str | None = None
    reference_text: str | None = None
    seen: dict[str, str] = {}


class TakenIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `jobs/submit` answers.

    Attributes:
        job: Its id.
        is_new: False: the same request was queued or in hand already, and had no key.
    """

    job: str
    is_new: bool = True


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """How a job that was watched came out.

    Attributes:
        job: As `jobs/get` has it.
        exit_code: That the command would end with which did it by itself (interface §1).
        message: Why it is not all done; empty otherwise.
    """

    job: JobView
    exit_code: int
    message: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `config/get` answers.

    Attributes:
        state: The state folder, without symbolic links.
        values: What holds by dotted key, each as TOML; of engines' tables that of the engine in use.
    """

    state: str
    values: dict[str, str]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client must keep to.

    Attributes:
        line_bytes: Longest line either way.
        text_chars: Longest text of `synthesize`.
        max_waiting: Requests that may wait before `busy`.
        max_running: Requests that are spoken at once.
    """

    line_bytes: int
    text_chars: int
    max_waiting: int
    max_running: int


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """What `server/discover` answers.

    Attributes:
        name: `"tts-supervisor"`.
        version: Of this package.
        engine: `engine.name`.
        voices: That can be used now; empty until a child was ready once.
        sample_rates: In Hz: the engine's own first, then those that are made of it.
        formats: Of files: `"wav"`, `"flac"`.
        limits: See there.
    """

    name: str
    version: str
    engine: str
    voices: list[Voice]
    sample_rates: list[int]
    formats: list[str]
    limits: Limits


#: Takes 16-bit little-endian mono samples as they come, and their rate in Hz.
OnAudio = Callable[[bytes, int], None]


class Service(Steering, Protocol):
    """All that doors may ask of a service that stays. On the event loop; cancelling a call is as said there.

    Whatever cannot be done raises `CannotAsk`, with its kind and whether the same may be asked again; what is
    about one job does with `bad_input` if there is none of that id.
    """

    def discover(self) -> Discovered:
        """Say what this service is; waits for nothing."""
        ...

    async def introduce(self) -> Discovered:
        """Say the same once the first child has told its voices, or after ten seconds without."""
        ...

    async def synthesize(
        self, request: SpeechRequest, on_audio: OnAudio | None = None, *, caller: str = ""
    ) -> Speech:
        """Speak an utterance, ahead of jobs at the next segment boundary; cancelling the call takes it back.

        Args:
            request: What is wanted.
            on_audio: Takes the samples of each segment once it is whole and checked, in order: what was
                given is never taken back.
            caller: Any word that is the same for all requests of one caller: callers take turns.

        Raises:
            CannotAsk: `busy` where `queue.max_waiting` wait already; `cancelled` past its deadline;
                `bad_input`, `voice_not_found`, `oom`, `quality_failed`, `child_crashed`, `child_hung`,
                `disk_full`, `shutting_down`.
        """
        ...

    def settings(self) -> Settings:
        """Say what it works under, from the next segment boundary on."""
        ...

    async def submit(self, submission: Submission) -> TakenIn:
        """Take a job in, durably, and return its id; with a known key, the id of that job.

        Raises:
            CannotAsk: `bad_input` where an input cannot be read or the output not be written to, or where a
                job on the same output is in hand with other inputs; `disk_full`; `shutting_down`.
        """
        ...

    def job(self, job: str) -> JobView:
        """Return how far a job is."""
        ...

    def jobs(self) -> list[JobView]:
        """Return all jobs, oldest first."""
        ...

    async def cancel(self, job: str) -> JobView:
        """Take a job back, unless it is over; what is spoken is kept for a later one of the same output."""
        ...

    async def retry(self, job: str) -> JobView:
        """Queue a job again that failed, was parked or cancelled, or is done with failures."""
        ...

    async def pause(self, job: str) -> JobView:
        """Have a job wait until it is resumed, over restarts too: from the end of its segment in hand.

        Raises:
            CannotAsk: `bad_input` where it is over, or its files are being written.
        """
        ...

    async def resume(self, job: str) -> JobView:
        """Go on with a job that was paused, at its place in the queue; another stays as it is.

        Raises:
            CannotAsk: `bad_input` where it failed or was cancelled.
        """
        ...

    async def watch(self, job: str, told: Callable[[Note], None]) -> Watched:
        """Tell what becomes of a job, from where it is now, and return how it came out.

        Ends when nobody works at the job any more and it does not wait; not when the service parks it.

        Args:
            job: Id.
            told: Takes what is told of it, and of the child while it is in hand.
        """
        ...

    def listen(self, told: Callable[[Note], None]) -> Callable[[], None]:
        """Have notes told as they come; returns what ends that."""
        ...

    @property
    def on_show(self) -> OnShow:
        """What whoever looks on may see."""
        ...

    async def shutdown(self) -> None:
        """Park the work and end the service; returns once it is parked, durably."""
        ...
