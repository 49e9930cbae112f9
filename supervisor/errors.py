"""Errors that end a command, each with the exit code that interface §1 gives it.

SupervisorError             1   failed
├── UsageError              2   the command line is wrong
│   └── ConfigError         2   a key of the configuration is; names the key and where it came from
├── InputError              1   an input cannot be read, is not UTF-8, or holds nothing to speak
├── Unwritable              1   an output or the state folder cannot be written
├── ChildFailed             1   the child cannot work at all (a voice or a package is missing)
├── Interrupted             4   stopped by a signal; running the same command again goes on
├── TryLater               75   it cannot be done now, and may be later
│   ├── StateInUse         75   another process owns the state folder
│   └── DiskFull           75   the disk is full; the job is parked
├── GpuLost                76   the GPU is lost, or the driver does not give memory back
├── ProcessStuck           77   a process cannot be killed
└── GaveUp                 78   a crash loop

The message says what was seen and what to do about it. 76 to 78 want a person.
"""

from typing import ClassVar


class SupervisorError(Exception):
    """Base of the errors that end a command; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 1


class UsageError(SupervisorError):
    """The command line is wrong."""

    exit_code: ClassVar[int] = 2


class ConfigError(UsageError):
    """A configuration key is unknown, of the wrong type, or has an impossible value."""


class InputError(SupervisorError):
    """An input cannot be read, is not UTF-8, or holds nothing to speak."""


class Unwritable(SupervisorError):
    """An output or the state folder cannot be written."""


class ChildFailed(SupervisorError):
    """The child said that it cannot work: a voice, a package or a file is missing."""


class Interrupted(SupervisorError):
    """Stopped by a signal; what is finished stays."""

    exit_code: ClassVar[int] = 4


class TryLater(SupervisorError):
    """It cannot be done now; the same command may succeed later."""

    exit_code: ClassVar[int] = 75


class StateInUse(TryLater):
    """Another process owns the state folder."""


class DiskFull(TryLater):
    """The disk or a quota is full; what is finished stays.

    Args:
        message: What was seen, and the mend.
        needed_bytes: That were to be written; 0 = not known.
    """

    def __init__(self, message: str, *, needed_bytes: int = 0) -> None:
        super().__init__(message)
        self.needed_bytes = needed_bytes


class GpuLost(SupervisorError):
    """The GPU is lost, or its driver does not give memory back."""

    exit_code: ClassVar[int] = 76


class ProcessStuck(SupervisorError):
    """A process of ours cannot be killed."""

    exit_code: ClassVar[int] = 77


class GaveUp(SupervisorError):
    """The child died again and again with nothing finished between."""

    exit_code: ClassVar[int] = 78
