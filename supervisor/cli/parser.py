"""The command line as argparse has it; each command names the module that does it.

    tts-supervisor [--config FILE] [--set KEY=VALUE]... [--state DIR] [--log-format F] [-v] COMMAND ...

Commands are imported when they run: `--version` and a usage error import nothing else.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from supervisor.cli import argtypes
from supervisor.cli.configoptions import config_options
from supervisor.cli.joboptions import job_options
from supervisor.cli.modeloptions import models_options
from supervisor.cli.options import (
    add_command,
    engine_options,
    format_option,
    json_option,
    socket_option,
    speech_options,
)
from supervisor.cli.piperoptions import piper_options
from supervisor.cli.unitoptions import unit_options
from supervisor.cli.voiceoptions import voices_options
from supervisor.cli.words import emit, tell
from supervisor.errors import UsageError
from supervisor.wire.version import VERSION

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_INPUTS = (
    "documents: .txt, .md, .jsonl; '-' reads text from standard input; several are chapters in their order"
)

_TRACES = (
    "files that memory.record named, plain or gzip; '-' reads standard input; several follow one another"
)


class Arguments(argparse.Namespace):
    """What the command line says. Which names are there depends on the command."""

    command: str
    config: Path | None
    sets: list[str]
    state: Path | None
    log_format: Literal["text", "json"] | None
    verbose: bool
    json: bool
    engine: str | None
    device: str | None
    cpu: bool
    voice: str | None
    reference: str | None
    reference_text: str | None
    seed: int
    format: Literal["wav", "flac"] | None
    sample_rate: int | None
    fresh: bool
    inputs: list[str]
    output: str | None
    text: str
    action: Literal["list", "show", "cancel", "pause", "resume", "retry", "verify", "remove", "install"]
    job: str
    change: Literal["add", "remove"] | None
    name: str
    replace: bool
    doing: Literal["get", "verify"]
    to: Path | None
    endpoint: str | None
    revision: str | None
    github: str | None
    checkout: Path | None
    checkpoint: Path | None
    configs: Path | None
    canary: bool
    traces: list[str]
    plot: str | None
    socket: Path | None
    timeout: float | None
    scope: Literal["user", "system"] | None
    looking: Literal["show", "check"]
    file: Path | None
    stdio: bool
    http: str | None
    wyoming: list[str]
    words: list[str]
    model: str | None
    speaker: str | None
    json_input: bool
    output_dir: str | None
    output_dir_naming: Literal["timestamp", "text"]
    output_raw: bool
    length_scale: float
    sentence_silence: float | None
    debug: bool
    quiet: bool
    ignored: list[str]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as all the rest of the program does; argparse would print it and exit."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(f"{message}; see '{self.prog} --help'")

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        # argparse drops what cannot be written: --help into a full disk would be a success.
        write = emit if file is sys.stdout else tell
        write(message.rstrip("\n"))


def parse(argv: Sequence[str]) -> Arguments:
    """Read the command line.

    Raises:
        UsageError: If it is wrong; how it is used stands on standard error then.
        SystemExit: 0 after `--help` and `--version`.
    """
    unsaid = Arguments(json=False, engine=None, device=None, cpu=False)
    return make_parser().parse_args(argv, namespace=unsaid)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _bare_parser()
    _global_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _narrate(add_command(commands, "narrate", "narrate documents into one file or a folder"))
    _plan(add_command(commands, "plan", "say what narrating would do, without starting a child"))
    _say(add_command(commands, "say", "speak one text"))
    _serve(add_command(commands, "serve", "run the service: speech and jobs for other programs"))
    piper_options(
        add_command(commands, "piper", "speak lines as Piper's command line does, for programs that call it")
    )
    job_options(add_command(commands, "jobs", "look at the ledger of jobs, or change it"))
    voices_options(
        add_command(commands, "voices", "list the voices that can be used now, add cloned ones, remove them")
    )
    json_option(
        add_command(commands, "doctor", "say what this machine has, lacks, and how to mend it"), "one object"
    )
    models_options(
        add_command(commands, "models", "download a model's files, or look at what was downloaded")
    )
    _replay(
        add_command(commands, "replay", "say what the memory policies decide over recorded traces, and why")
    )
    _plot(add_command(commands, "plot", "draw recorded traces: memory, marks, lives and decisions"))
    _service(add_command(commands, "status", "say how a running narration stands: child, memory, policies"))
    _service(add_command(commands, "clean", "have the child of a running narration release its caches"))
    _service(add_command(commands, "recycle", "have the child of a running narration replaced"))
    config_options(add_command(commands, "config", "show the configuration, or look for mistakes in it"))
    unit_options(
        add_command(commands, "service", "write, print or remove the systemd unit that runs 'serve'")
    )
    socket_option(
        add_command(commands, "demo", "watch a narration survive leaks and kills with the same bytes")
    )
    return parser


def _bare_parser() -> argparse.ArgumentParser:
    return _Parser(
        prog="tts-supervisor",
        description="Narrate long texts through a child process that may be killed at any moment.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done but some segments or "
        "lines failed, 4 stopped by a signal (run again to go on), 75 cannot now, 76 GPU lost, 77 a process "
        "cannot be killed, 78 gave up after a crash loop.",
        allow_abbrev=False,
    )


def _global_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--config",
        type=argtypes.path,
        metavar="FILE",
        help="default ./config.toml, then the XDG configuration folder",
    )
    add(
        "--set",
        dest="sets",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="set a key of config.toml; may be repeated",
    )
    add(
        "--state",
        type=argtypes.path,
        metavar="DIR",
        help="the ledger and the segments; default the XDG state folder",
    )
    add("--log-format", choices=("text", "json"), help="of the log on standard error")
    add("-v", "--verbose", action="store_true", help="log everything")
    add("--version", action="version", version=f"tts-supervisor {VERSION}")


def _narrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=argtypes.some, metavar="INPUT", help=_INPUTS)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=argtypes.some,
        metavar="OUT",
        help="a .wav or .flac file, or a folder (ends in / or exists): one file per chapter or JSONL line",
    )
    speech_options(parser)
    format_option(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="forget what an earlier run of this job finished"
    )
    socket_option(parser)
    json_option(parser, "JSON lines on standard output, the last one the result")


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=argtypes.some, metavar="INPUT", help=_INPUTS)
    speech_options(parser)
    format_option(parser)
    json_option(parser, "one object")


def _say(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="what to say; '-' reads it from standard input")
    parser.add_argument(
        "-o",
        "--output",
        default="say.wav",
        type=argtypes.some,
        metavar="FILE",
        help="a .wav or .flac file (default say.wav); '-' writes WAV to standard output",
    )
    speech_options(parser)
    socket_option(parser)
    json_option(parser, "JSON lines on standard output, the last one the result")


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stdio",
        action="store_true",
        help="also take JSON-RPC, a line each, on standard input, and answer on standard output; "
        "the end of input parks the work and ends the service",
    )
    parser.add_argument(
        "--http",
        type=argtypes.some,
        metavar="HOST:PORT",
        help="also answer over HTTP there, as OpenAI's speech endpoint does; another address than loopback "
        "needs http.api_key",
    )
    parser.add_argument(
        "--wyoming",
        action="append",
        default=[],
        metavar="URI",
        help="also speak Wyoming at tcp://HOST:PORT, unix:///PATH or stdio://; may be repeated",
    )
    engine_options(parser)
    socket_option(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", nargs="+", type=argtypes.some, metavar="TRACE", help=_TRACES)
    parser.add_argument(
        "--plot", type=argtypes.some, metavar="FILE", help="draw them as well, as a .png, .svg or .pdf file"
    )
    json_option(parser, "one line a decision, and nothing else")


def _plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", nargs="+", type=argtypes.some, metavar="TRACE", help=_TRACES)
    parser.add_argument(
        "-o", "--output", required=True, type=argtypes.some, metavar="FILE", help="a .png, .svg or .pdf file"
    )


def _service(parser: argparse.ArgumentParser) -> None:
    socket_option(parser)
    parser.add_argument(
        "--timeout",
        type=argtypes.seconds,
        metavar="S",
        help="longest wait; default 5, for a clean or recycle 900",
    )
    json_option(parser, "one object")
