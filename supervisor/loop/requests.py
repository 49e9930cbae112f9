"""What is asked of the loop, and what comes of it: values only."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from supervisor.edge.ledger_values import Failure, JobView
from supervisor.narration.plan import BadLine, VoiceSpec


class InputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One input.

    Attributes:
        path: Absolute; None for a text that never was in a file.
        name: As the user gave it, or `stdin`.
        text: The text itself; None if it is to be read from the file.
    """

    path: str | None
    name: str
    text: str | None = None


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job that is wanted.

    Attributes:
        output: Absolute; ends with "/" for a folder.
        format: Of the finished files.
        sample_rate_hz: Of the finished files; None = that of the audio.
        voice: Of all that asks for no other.
        seed: Of the job.
        inputs: Chapters in their order.
        fresh: Forget what an earlier run of the same job finished.
        folder: Where the command ran, absolute; None = where this process does.
        again: Speak with the recordings as an earlier run found them, whatever became of the files.
        key: Name that the submitter gave the job.
        keep: False: once delivered, nothing of the job stays in the state folder.
    """

    output: str
    format: Literal["wav", "flac"]
    sample_rate_hz: int | None
    voice: VoiceSpec
    seed: int
    inputs: list[InputSpec]
    fresh: bool = False
    folder: str | None = None
    again: bool = False
    key: str | None = None
    keep: bool = True

    @property
    def has_lines(self) -> bool:
        """Whether it is of JSONL lines, each a file of its own."""
        return self.output.endswith("/") and any(each.name.lower().endswith(".jsonl") for each in self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a job.

    Attributes:
        exit_code: As interface §1 has it.
        view: The job as `jobs/get` answers it; None if it never came to be.
        outputs: Finished files.
        failures: Segments set aside.
        bad_lines: JSONL lines that could not be read.
        message: Why it is not all done, with the mend; empty otherwise.
    """

    exit_code: int
    view: JobView | None
    outputs: list[str]
    failures: list[Failure]
    bad_lines: list[BadLine]
    message: str
