"""`tts-supervisor` and `python -m supervisor`."""

import os
import sys
from collections.abc import Sequence

from supervisor.wire.version import VERSION

#: A module of the PyPI project Supervisor, whose import package has the same name as ours.
_STRANGER = "supervisord.py"

_CLASH = (
    "tts-supervisor: the package 'Supervisor' (supervisord) is installed in this environment too, and "
    "its files lie among ours: both import as 'supervisor'. Install tts-supervisor into an environment of "
    "its own (python -m venv).\n"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (interface §1)."""
    words = sys.argv[1:] if argv is None else list(argv)
    if os.path.exists(os.path.join(os.path.dirname(__file__), _STRANGER)):  # noqa: PTH110, PTH118, PTH120 - pathlib costs 5 ms here
        sys.stderr.write(_CLASH)
        return 2
    if words == ["--version"]:
        sys.stdout.write(f"tts-supervisor {VERSION}\n")
        return 0
    try:
        from supervisor.cli.run import run  # noqa: PLC0415 - --version and the clash need nothing of it

        return run(words)
    except KeyboardInterrupt:
        # Before a command took charge: nothing has been begun.
        sys.stderr.write("tts-supervisor: stopped\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
