"""The options of `service`."""

import argparse

from supervisor.cli import argtypes
from supervisor.cli.options import json_option


def unit_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line say what becomes of the systemd unit, and whose it is."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, what in (
        ("install", "write the unit and have systemd read it; nothing is started"),
        ("show", "print the unit that 'install' would write"),
        ("remove", "stop the service, its work parked, and remove the unit; the state folder stays"),
    ):
        action = actions.add_parser(
            name, help=what, description=what[0].upper() + what[1:] + ".", allow_abbrev=False
        )
        scope = action.add_mutually_exclusive_group()
        for word, whose in (("user", "your own service"), ("system", "the machine's; the default of root")):
            scope.add_argument(f"--{word}", dest="scope", action="store_const", const=word, help=whose)
        if name != "remove":
            _door_options(action)
        json_option(action, "one object")


def _door_options(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--http", type=argtypes.some, metavar="HOST:PORT", help="as of 'serve': also answer over HTTP there"
    )
    action.add_argument(
        "--wyoming",
        action="append",
        default=[],
        metavar="URI",
        help="as of 'serve': also speak Wyoming at tcp://HOST:PORT or unix:///PATH; may be repeated",
    )
