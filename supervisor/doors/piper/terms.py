"""What a Piper command line asks for, once, for all its lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: Where audio goes that no line has a file for: one file, a file each, samples or a WAV on standard output.
Mode = Literal["file", "folder", "raw", "wav"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """See the module.

    Attributes:
        json: Lines are objects.
        mode: Where audio goes.
        path: The file or the folder; nothing in the other modes.
        by_text: Files of a folder are named by their text, not by the clock.
        model: As after `-m`; None = not said.
        speaker: As after `-s`; None = not said.
        voices: Names of models and speakers, each with the voice that is meant.
        sentence_silence_s: Between sentences, each of which is then spoken by itself; None = as the service
            has its pauses.
        folder: Where what waits for a slow reader lies.
    """

    json: bool
    mode: Mode
    path: Path
    by_text: bool
    model: str | None
    speaker: str | None
    voices: Mapping[str, str]
    sentence_silence_s: float | None
    folder: Path
