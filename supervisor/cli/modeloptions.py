"""The options of `models`."""

import argparse

from supervisor.cli import argtypes
from supervisor.cli.options import device_options, json_option


def models_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line say what is to be done with which model."""
    actions = parser.add_subparsers(dest="doing", metavar="ACTION", required=True)
    getting = _action(actions, "get", "download a model; run again, it goes on where it was")
    _places(getting)
    verifying = _action(actions, "verify", "load a model's files, check them, speak, and report")
    _what(verifying)
    for action in (getting, verifying):
        json_option(action, "one object")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",  # pyright: ignore[reportPrivateUsage] - see parser.py
    name: str,
    what: str,
) -> argparse.ArgumentParser:
    action = actions.add_parser(
        name, help=what, description=what[0].upper() + what[1:] + ".", allow_abbrev=False
    )
    action.add_argument("name", type=argtypes.some, metavar="NAME", help="glm-tts")
    return action


def _places(action: argparse.ArgumentParser) -> None:
    add = action.add_argument
    add(
        "--to",
        type=argtypes.path,
        metavar="DIR",
        help="default in the XDG data folder: tts-supervisor/models/NAME",
    )
    add(
        "--endpoint",
        type=argtypes.some,
        metavar="URL",
        help="of the model hub or a mirror of it; default the hub's own, or HF_ENDPOINT",
    )
    add(
        "--revision", type=argtypes.some, metavar="NAME", help="branch, tag or commit there; default its main"
    )
    add(
        "--github",
        type=argtypes.some,
        metavar="URL",
        help="base of the addresses of single files of the code, for the speaker encoder and the tables",
    )
    add(
        "--from",
        dest="checkout",
        type=argtypes.path,
        metavar="DIR",
        help="a checkout of GLM-TTS to copy those from instead",
    )


def _what(action: argparse.ArgumentParser) -> None:
    add = action.add_argument
    add(
        "--checkpoint",
        type=argtypes.path,
        metavar="DIR",
        help="default engine.glm.checkpoint, else where 'models get' puts it",
    )
    add(
        "--configs",
        type=argtypes.path,
        metavar="DIR",
        help="the pronunciation tables; default engine.glm.configs, else configs in the checkpoint",
    )
    add(
        "--reference",
        type=argtypes.some,
        metavar="WAV",
        help="a recording to speak with; default a synthetic one",
    )
    add("--reference-text", type=argtypes.some, metavar="TEXT", help="what is said in it")
    add(
        "--no-canary",
        dest="canary",
        action="store_false",
        help="load and check the parts, but do not speak: needs a quarter of the memory",
    )
    device_options(action)
