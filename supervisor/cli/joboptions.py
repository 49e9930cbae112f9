"""The options of `jobs`."""

import argparse

from supervisor.cli import argtypes
from supervisor.cli.options import add_command, json_option, socket_option

_WHICH = "as 'jobs list' shows it, or its beginning (j and 4 characters or more), or the output path"
_WHICH_WHOLE = "as 'jobs list' shows it, whole, or the output path"


def job_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line say what is to be done with which job."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    json_option(add_command(actions, "list", "list all jobs"), "an array")
    for name, what in (
        ("show", "show a job: its chapters, its failures, what became of every character"),
        ("cancel", "cancel a job that waits, or that a service speaks; what is finished stays"),
        ("pause", "have a job wait until it is resumed; what is finished stays"),
        ("resume", "go on with a job that was paused"),
        ("retry", "speak what is missing or failed of a job, from the text that the ledger keeps"),
        ("verify", "recompute every hash, and account for every character of the source"),
        ("remove", "delete a job's rows and segments from the state folder; its finished files stay"),
    ):
        action = add_command(actions, name, what)
        # These change what they name: a slip must not name another.
        which = _WHICH_WHOLE if name in ("cancel", "pause", "resume", "remove") else _WHICH
        action.add_argument("job", type=argtypes.some, metavar="ID", help=which)
        if name == "retry":
            socket_option(action)
        json_option(action, "one object")
