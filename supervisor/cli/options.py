"""Options that more than one command has."""

import argparse
from typing import TYPE_CHECKING

from supervisor.cli import argtypes

if TYPE_CHECKING:
    # argparse has no public name for what add_subparsers returns.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage] - see above


def add_command(commands: "Commands", name: str, what: str) -> argparse.ArgumentParser:
    """Add a command, or an action of one, whose options are spelled in full."""
    return commands.add_parser(
        name, help=what, description=what[0].upper() + what[1:] + ".", allow_abbrev=False
    )


def socket_option(parser: argparse.ArgumentParser) -> None:
    """Let a command say where a running narration is asked."""
    parser.add_argument(
        "--socket",
        type=argtypes.path,
        metavar="PATH",
        help="the control socket; default in the XDG runtime folder",
    )


def speech_options(parser: argparse.ArgumentParser) -> None:
    """Let a command say who speaks, with what, and how."""
    add = parser.add_argument
    add("--voice", type=argtypes.some, metavar="NAME", help="see 'tts-supervisor voices'")
    add(
        "--reference",
        type=argtypes.some,
        metavar="WAV",
        help="a recording to clone, for engines that can; with --reference-text",
    )
    add("--reference-text", type=argtypes.some, metavar="TEXT", help="what is said in the recording")
    engine_options(parser)
    add("--seed", type=argtypes.seed, default=0, metavar="N", help="default 0")
    add(
        "--sample-rate",
        type=argtypes.rate_hz,
        metavar="HZ",
        help="of the finished file; default the engine's own",
    )


def engine_options(parser: argparse.ArgumentParser) -> None:
    """Let a command say which engine, and where.

    Without defaults: what stands before an action must not be undone by what does not stand behind it.
    """
    parser.add_argument(
        "--engine",
        type=argtypes.some,
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="instead of engine.name",
    )
    device_options(parser)


def device_options(parser: argparse.ArgumentParser) -> None:
    """Let a command say where a model computes; without defaults, as `engine_options`."""
    device = parser.add_mutually_exclusive_group()
    device.add_argument(
        "--device",
        type=argtypes.some,
        default=argparse.SUPPRESS,
        metavar="DEVICE",
        help="instead of child.device: auto, cpu, cuda:N",
    )
    device.add_argument(
        "--cpu", action="store_true", default=argparse.SUPPRESS, help="the same as --device cpu"
    )


def format_option(parser: argparse.ArgumentParser) -> None:
    """Let a command say what its files are."""
    parser.add_argument("--format", choices=("wav", "flac"), help="of the files in a folder; default wav")


def json_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Let a command speak to programs; `what` they then read on standard output."""
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help=f"for programs: {what}"
    )
