"""The options of `voices` and its actions."""

import argparse

from supervisor.cli import argtypes
from supervisor.cli.options import add_command, engine_options, json_option


def voices_options(parser: argparse.ArgumentParser) -> None:
    """Let a command list voices, add cloned ones, and remove them."""
    engine_options(parser)
    json_option(parser, "one array")
    actions = parser.add_subparsers(dest="change", metavar="ACTION")
    add = add_command(actions, "add", "clone a voice from a recording, to be used by its name from then on")
    add.add_argument("name", type=argtypes.some, metavar="NAME", help="letters, digits, - and _")
    add.add_argument("--reference", required=True, type=argtypes.some, metavar="WAV", help="the recording")
    add.add_argument(
        "--text",
        "--reference-text",
        dest="text",
        required=True,
        type=argtypes.some,
        metavar="TEXT",
        help="what is said in it",
    )
    add.add_argument("--replace", action="store_true", help="put it in the place of one of that name")
    engine_options(add)
    remove = add_command(actions, "remove", "take a cloned voice away; jobs that speak with it go on")
    remove.add_argument("name", type=argtypes.some, metavar="NAME", help="as 'voices' lists it")
    for action in (add, remove):
        json_option(action, "one object")
