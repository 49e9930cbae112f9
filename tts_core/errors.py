"""What can go wrong, by whose fault it is.

TtsError
 ├─ CheckpointError    the files: missing, damaged, or of another model
 │   └─ WeightsError   their tensors: missing, unexpected, of another shape, all named at once
 ├─ SettingError       what was asked for cannot be had on this machine, or contradicts itself
 ├─ RecordingError     the reference recording
 ├─ TextError          this text cannot be spoken at all
 ├─ CapReached         the model did not come to an end: the same seed never will, another may
 └─ OutOfMemory        an allocator said no; what was held for the segment is given back
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

_NAMED = 8


class TtsError(Exception):
    """Base of all; the message names the thing, what was seen, and the mend."""


class CheckpointError(TtsError):
    """A file of the checkpoint is missing, damaged, or of another model."""


class WeightsError(CheckpointError):
    """Tensors that do not fit the model, all named at once.

    Attributes:
        path: Of the file or folder they come from.
        missing: Names that the model needs.
        unexpected: Names that it does not know.
        wrong_shape: Name, shape wanted and shape found, in words.
    """

    def __init__(
        self, *, path: Path, missing: Sequence[str], unexpected: Sequence[str], wrong_shape: Sequence[str]
    ) -> None:
        self.path = path
        self.missing = list(missing)
        self.unexpected = list(unexpected)
        self.wrong_shape = list(wrong_shape)
        parts = [
            f"{len(found)} {what}: {_listed(found)}"
            for what, found in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", wrong_shape),
            )
            if found
        ]
        super().__init__(f"{path}: these weights are of another model ({'; '.join(parts)})")


class SettingError(TtsError):
    """What was asked for cannot be had here, or contradicts itself."""


class RecordingError(TtsError):
    """The reference recording cannot be used; the message says why and what would do."""


class TextError(TtsError):
    """This text cannot be spoken at all; another attempt would fail alike."""


class CapReached(TtsError):
    """The language model did not come to an end within the most tokens that such a text may take."""


class OutOfMemory(TtsError):
    """An allocator said no; the message has the figures. Nothing of the segment is held any more."""


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + rest
