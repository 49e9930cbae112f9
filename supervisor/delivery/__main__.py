"""`python -m supervisor.delivery`: one order on standard input, one answer on standard output.

Before it come empty lines, as the work gets on.
"""

import sys

import msgspec

from supervisor.edge.pulse import Pulse
from supervisor.wire.lifeline import tie_to_parent_in_environment


def main() -> int:
    """Carry out one order. Exit status 0 = delivered, 1 = the answer says why not."""
    tie_to_parent_in_environment()  # before numpy loads: the parent may die meanwhile
    from supervisor.delivery.answer import answer  # noqa: PLC0415 - see the line above

    said, status = answer(sys.stdin.buffer, alive=Pulse(sys.stdout.fileno()).beat)
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
