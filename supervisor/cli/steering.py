"""`status`, `clean` and `recycle`: ask a running service over its control socket."""

import msgspec

from supervisor.cli import standing
from supervisor.cli.calling import PROMPT_S, call
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration
from supervisor.cli.words import emit, emit_json
from supervisor.loop.service import GivenBack, Status

#: A segment in hand, a gate of 50 s and a start of five minutes: what takes longer is not waited for.
_PATIENCE_S = 900.0


def status(args: Arguments) -> int:
    """Say how the service stands; return the exit code."""
    configuration(args)  # read for its mistakes: a wrong key is exit 2 with every command
    with call(args) as service:
        found = service.ask("status", Status, limit_s=args.timeout or PROMPT_S)
    if args.json:
        emit_json(msgspec.to_builtins(found))
    else:
        emit("\n".join(standing.lines(found)))
    return 0


def clean(args: Arguments) -> int:
    """Have the child release its caches; return the exit code."""
    return _steer(args, "memory/clean", "caches released")


def recycle(args: Arguments) -> int:
    """Have the child replaced; return the exit code."""
    return _steer(args, "child/recycle", "child replaced")


def _steer(args: Arguments, method: str, what: str) -> int:
    configuration(args)  # see status
    with call(args) as service:
        given = service.ask(method, GivenBack, limit_s=args.timeout or _PATIENCE_S)
    if args.json:
        emit_json(msgspec.to_builtins(given))
    else:
        emit(standing.given_line(what, given))
    return 0
