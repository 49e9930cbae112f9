"""How a process ended, as a value, and in words.

Pure: made by `supervisor/edge/process.py` from what the kernel said.
"""

from dataclasses import dataclass

#: Linux numbers (the same on every machine that CUDA runs on): name, and what people call it.
_SIGNALS: dict[int, tuple[str, str]] = {
    1: ("SIGHUP", "hung up"),
    2: ("SIGINT", "interrupted"),
    3: ("SIGQUIT", "quit"),
    4: ("SIGILL", "illegal instruction"),
    5: ("SIGTRAP", "trap"),
    6: ("SIGABRT", "aborted"),
    7: ("SIGBUS", "bus error"),
    8: ("SIGFPE", "arithmetic error"),
    9: ("SIGKILL", ""),
    10: ("SIGUSR1", ""),
    11: ("SIGSEGV", "segmentation fault"),
    12: ("SIGUSR2", ""),
    13: ("SIGPIPE", "broken pipe"),
    14: ("SIGALRM", "alarm"),
    15: ("SIGTERM", "asked to terminate"),
    16: ("SIGSTKFLT", "stack fault"),
    24: ("SIGXCPU", "limit of processor time"),
    25: ("SIGXFSZ", "limit of file size"),
    26: ("SIGVTALRM", "alarm"),
    27: ("SIGPROF", "alarm"),
    29: ("SIGIO", ""),
    30: ("SIGPWR", "power failure"),
    31: ("SIGSYS", "forbidden system call"),
}

#: SIGKILL and SIGTERM: from operators, service managers, the kernel's out-of-memory killer.
_OUTSIDE = frozenset({9, 15})


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The end of a process.

    Attributes:
        exit_code: Status it exited with, or None if a signal ended it.
        signal: Number of the signal that ended it, or None if it exited.
            Both None: something else took the status, so only the fact is known.
        core_dumped: Whether the kernel wrote a core file.
    """

    exit_code: int | None = None
    signal: int | None = None
    core_dumped: bool = False

    @property
    def signal_name(self) -> str | None:
        """Name of the signal, such as `"SIGSEGV"`; None if it exited."""
        return None if self.signal is None else _name(self.signal)

    @property
    def may_be_from_outside(self) -> bool:
        """Whether this is a signal that others send: unless we sent it, nobody here is to blame."""
        return self.signal in _OUTSIDE

    @property
    def in_words(self) -> str:
        """What happened, as a clause: `"killed by SIGSEGV (segmentation fault)"`."""
        if self.signal is not None:
            return f"killed by {_name(self.signal)}{_meaning(self.signal)}{self._core}"
        if self.exit_code is not None:
            return f"exited with status {self.exit_code}"
        return "ended, with a status that another part of the system had already collected"

    @property
    def _core(self) -> str:
        return ", core dumped" if self.core_dumped else ""


def _name(number: int) -> str:
    # A real-time signal has a number and no name.
    return _SIGNALS[number][0] if number in _SIGNALS else f"signal {number}"


def _meaning(number: int) -> str:
    words = _SIGNALS[number][1] if number in _SIGNALS else ""
    return f" ({words})" if words else ""
