"""`python -m child --read FD --write FD`: one life, from the first instruction to the exit status."""

import os

# Before any other import: whatever a library prints, now or later, must not look like an answer.
os.dup2(2, 1)
# Before numpy: its threads would stand beside the forks that eSpeak speaks in.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse  # noqa: E402 -- after the line above, on purpose, as all below
import faulthandler  # noqa: E402 -- see above
import signal  # noqa: E402 -- see above
import sys  # noqa: E402 -- see above
import time  # noqa: E402 -- see above

from supervisor.wire.forking import CHILD_NAME  # noqa: E402 -- see above
from supervisor.wire.lifeline import name_process, tie_to_parent_in_environment  # noqa: E402 -- see above


def main() -> int:
    """Prepare the process, serve, and return the exit status."""
    started_s = time.monotonic()
    # First of all: a start that hangs can be looked into as well.
    faulthandler.register(signal.SIGUSR1)
    faulthandler.enable()
    # Ctrl-C reaches the whole terminal; what it means is the parent's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arguments = _arguments()
    name_process(CHILD_NAME)
    tie_to_parent_in_environment()

    from child.link import Link, ParentGone  # noqa: PLC0415 -- after the lifeline: numpy takes its time
    from child.serve import EXIT_DONE, serve  # noqa: PLC0415 -- likewise

    try:
        return serve(Link(arguments.read, arguments.write), started_s=started_s)
    except ParentGone:
        return EXIT_DONE


class _Arguments(argparse.Namespace):
    read: int
    write: int


def _arguments() -> _Arguments:
    parser = argparse.ArgumentParser(prog="python -m child", description="Started by tts-supervisor.")
    parser.add_argument("--read", type=int, required=True, metavar="FD", help="to read frames from")
    parser.add_argument("--write", type=int, required=True, metavar="FD", help="to write frames to")
    return parser.parse_args(namespace=_Arguments())


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # No teardown: destructors of engines and libraries have hung and crashed children that were done.
    os._exit(status)
