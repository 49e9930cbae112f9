"""The options of `config`."""

import argparse

from supervisor.cli import argtypes
from supervisor.cli.options import add_command, json_option


def config_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line ask for what holds, or for what is wrong."""
    actions = parser.add_subparsers(dest="looking", metavar="ACTION", required=True)
    for name, what, json in (
        ("show", "show every key, its value, and where that comes from", "one object, by key"),
        ("check", "look for mistakes, and name them all", "one object"),
    ):
        action = add_command(actions, name, what)
        if name == "check":
            action.add_argument(
                "file",
                nargs="?",
                type=argtypes.path,
                metavar="FILE",
                help="instead of the file that would be read",
            )
        json_option(action, json)
