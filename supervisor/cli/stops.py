"""What a signal does while no event loop listens: before there is one, and after it.

The command leaves at once, by the exit code that interface §1 gives it. It leaves without
raising: an exception out of a signal can come up inside an import, where Python prints and drops
it. That is safe because whatever we write survives SIGKILL as well; what would only lie about is
named in `Leave.leftovers`.
"""

import os
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Commands whose interruption leaves something to go on with (interface §1, exit 4).
RESUMABLE = ("narrate", "say")

#: Of this command standard output holds lines of one kind alone; an error is for standard error.
DECISIONS_ALONE = "replay"

#: Options before the command that take the next word with them; the parser is not imported yet.
VALUED = ("--config", "--set", "--state", "--log-format")

STOPPED = "stopped"
STOPPED_RESUMABLE = "stopped; run the same command again to go on"

#: Gives a terminal its cursor back: a progress bar may have hidden it.
_SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"


class Leave:
    """Takes a signal: says that the command was stopped, and ends the process.

    Args:
        words: Of the command line.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.is_resumable = command_of(words) in RESUMABLE
        self._json = "--json" in words and command_of(words) != DECISIONS_ALONE
        #: Temporary folders that go with the process.
        self.leftovers: list[str] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """End the process."""
        del number, frame
        code, said = (4, STOPPED_RESUMABLE) if self.is_resumable else (1, STOPPED)
        # Whoever asks twice does not wait for a reader that takes no words.
        for each in SIGNALS if self.is_resumable else SIGNALS[:1]:
            signal.signal(each, lambda _number, _frame: os._exit(code))
        for folder in self.leftovers:
            _remove(folder)
        _write(2, (_SHOW_CURSOR if _is_terminal(2) else b"") + f"tts-supervisor: {said}\n".encode())
        if self._json:
            _write(1, b'{"error":{"message":"%s","exit_code":%d}}\n' % (said.encode(), code))
        os._exit(code)


def command_of(words: Sequence[str]) -> str | None:
    """Return the command that a command line names; None if it names none."""
    rest = iter(words)
    for word in rest:
        if word in VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def leave_when_asked(words: Sequence[str]) -> None:
    """Take the signals for a command: all that stop `narrate` and `say`, of the others Ctrl-C."""
    leave = Leave(words)
    for number in SIGNALS if leave.is_resumable else SIGNALS[:1]:
        # Under nohup a terminal that closes is to be nothing to us. SIGINT is another matter: a shell
        # without job control has every background command ignore it, and a stop is meant all the same.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


def ignore_at_the_end() -> None:
    """Ignore the signals that were taken: all is done and said, but for the interpreter's own end.

    Python gives them back to the system early in it: a stop would undo the exit code.
    """
    for number in SIGNALS:
        if isinstance(signal.getsignal(number), Leave):
            signal.signal(number, signal.SIG_IGN)


def remove_when_asked(folder: str) -> None:
    """Have a temporary folder removed if a signal ends the process."""
    for number in SIGNALS:
        standing = signal.getsignal(number)
        if isinstance(standing, Leave) and folder not in standing.leftovers:
            standing.leftovers.append(folder)


@contextmanager
def interrupt_raises() -> Generator[None]:
    """Have Ctrl-C raise KeyboardInterrupt, for commands that tidy up what they began."""
    standing = signal.getsignal(signal.SIGINT)
    if not isinstance(standing, Leave):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, standing)


@contextmanager
def held() -> Generator[None]:
    """Let the signals wait for a few system calls, while there is no other thread to take them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _write(descriptor: int, text: bytes) -> None:
    try:
        os.write(descriptor, text)
    except OSError:
        return  # nobody reads it


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _remove(folder: str) -> None:
    import shutil  # noqa: PLC0415 - whoever made a temporary folder has imported it already

    shutil.rmtree(folder, ignore_errors=True)
