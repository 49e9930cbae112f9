"""`tts-supervisor` and `python -m supervisor`."""

import os
import sys
from collections.abc import Sequence

from supervisor.cli.stops import STOPPED, ignore_at_the_end, leave_when_asked
from supervisor.wire.version import VERSION

#: A module of the PyPI project Supervisor, whose import package has the same name as ours.
_STRANGER = "supervisord.py"

_CLASH = (
    "tts-supervisor: the package 'Supervisor' (supervisord) is installed in this environment too, and "
    "its files lie among ours: both import as 'supervisor'. Install tts-supervisor into an environment of "
    "its own (python -m venv).\n"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (interface §1).

    Args:
        argv: None takes those of the process, and its signals.
    """
    if argv is not None:
        return _run(argv)
    # First of all: what is imported later takes longer than all that came before.
    leave_when_asked(sys.argv[1:])
    try:
        return _run(sys.argv[1:])
    finally:
        ignore_at_the_end()


def _run(words: Sequence[str]) -> int:
    if os.path.exists(os.path.join(os.path.dirname(__file__), _STRANGER)):  # noqa: PTH110, PTH118, PTH120 - pathlib costs 5 ms here
        sys.stderr.write(_CLASH)
        return 2
    if list(words) == ["--version"]:
        return _tell_version()
    try:
        from supervisor.cli.run import run  # noqa: PLC0415 - --version and the clash need nothing of it

        return run(words)
    except KeyboardInterrupt:
        # Before a command took charge: nothing has been begun.
        sys.stderr.write(f"tts-supervisor: {STOPPED}\n")
        return 1


def _tell_version() -> int:
    try:
        sys.stdout.write(f"tts-supervisor {VERSION}\n")
        sys.stdout.flush()
    except AttributeError:
        return 0  # the shell closed it: nobody asked to read it
    except OSError as error:
        # Python would complain at exit about what it still holds.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            return 0
        sys.stderr.write(f"tts-supervisor: standard output cannot be written ({error.strerror})\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
