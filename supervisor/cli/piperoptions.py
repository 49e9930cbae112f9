"""The options of `piper`: Piper's own, in both of its programs' spellings."""

import argparse
import math
from functools import partial

from supervisor.cli import argtypes
from supervisor.cli.options import engine_options, socket_option
from supervisor.wire.version import VERSION

#: Of Piper, and without a meaning here; each takes so many words.
_WITHOUT_MEANING = (
    (("-c", "--config"), 1),
    (("--noise-scale",), 1),
    (("--noise-w-scale", "--noise-w"), 1),
    (("--phoneme-silence",), 2),
    (("--volume",), 1),
    (("--no-normalize",), 0),
    (("--cuda", "--use-cuda"), 0),
    (("--data-dir",), 1),
    (("--download-dir",), 1),
    (("--update-voices",), 0),
    (("--espeak-data",), 1),
    (("--tashkeel-model",), 1),
)


def piper_options(parser: argparse.ArgumentParser) -> None:
    """Let a command line be one of Piper's."""
    parser.add_argument(
        "words", nargs="*", metavar="TEXT", help="spoken instead of standard input; one with a - behind --"
    )
    _voice(parser)
    _input(parser)
    _output(parser)
    _manner(parser)
    parser.add_argument("--debug", action="store_true", help="log everything")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--version", action="version", version=VERSION, help=argparse.SUPPRESS)
    for names, count in _WITHOUT_MEANING:
        for name in (*names, *filter(None, map(_underscored, names))):
            _ignored(parser, name, count)
    engine_options(parser)
    socket_option(parser)


def _voice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("-m", "--model"),
        type=argtypes.some,
        metavar="VOICE",
        help="a voice, or a Piper model that stands for one (see piper.voices in the configuration)",
    )
    parser.add_argument(
        *("-s", "--speaker"),
        type=argtypes.some,
        metavar="NAME",
        help="a speaker of it, by name or number, as piper.voices names them",
    )


def _input(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        *("-i", "--input-file"),
        dest="inputs",
        action="append",
        type=argtypes.some,
        metavar="FILE",
        help="lines of text, instead of standard input; may be repeated",
    )
    _unseen(parser)("--input_file", dest="inputs", action="append", type=argtypes.some)
    add(
        "--json-input",
        action="store_true",
        help='each line is an object: {"text", "output_file", "speaker", "speaker_id"}',
    )
    _unseen(parser)("--json_input", dest="json_input", action="store_true")


def _output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        *("-f", "--output-file"),
        dest="output",
        type=argtypes.some,
        metavar="FILE",
        help="one WAV file of all that is spoken; - for standard output",
    )
    _unseen(parser)("--output_file", dest="output", type=argtypes.some)
    add(
        *("-d", "--output-dir"),
        type=argtypes.some,
        metavar="DIR",
        help="a WAV file for each line, whose path goes to standard output",
    )
    _unseen(parser)("--output_dir", dest="output_dir", type=argtypes.some)
    namings = ("timestamp", "text")
    add("--output-dir-naming", choices=namings, default=namings[0], help="what they are named by")
    _unseen(parser)("--output_dir_naming", dest="output_dir_naming", choices=namings)
    add("--output-raw", action="store_true", help="16-bit mono samples on standard output, as they come")
    _unseen(parser)("--output_raw", dest="output_raw", action="store_true")


def _manner(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--length-scale",
        type=_scale,
        default=1.0,
        metavar="X",
        help="over 1 is slower, for engines that have a tempo",
    )
    _unseen(parser)("--length_scale", dest="length_scale", type=_scale)
    add(
        "--sentence-silence",
        type=_silence_s,
        metavar="S",
        help="seconds between sentences, each then spoken by itself; default as narration.pause_* have it",
    )
    _unseen(parser)("--sentence_silence", dest="sentence_silence", type=_silence_s)


def _unseen(parser: argparse.ArgumentParser) -> "partial[argparse.Action]":
    """Return what adds another spelling, which no help shows."""
    return partial(parser.add_argument, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _underscored(name: str) -> str | None:
    """Return an option's other spelling; None if it has none."""
    other = "--" + name.removeprefix("--").replace("-", "_")
    return None if other == name or not name.startswith("--") else other


class _Ignore(argparse.Action):
    """Remembers that an option was given which means nothing here."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        del parser, values
        namespace.ignored = [*namespace.ignored, option_string]


def _ignored(parser: argparse.ArgumentParser, name: str, count: int) -> None:
    parser.add_argument(name, dest="ignored", default=[], nargs=count, action=_Ignore, help=argparse.SUPPRESS)


def _scale(text: str) -> float:
    scale = _number(text)
    if not 0 < scale < math.inf:
        raise argparse.ArgumentTypeError(f"need a number over 0, got {text!r}")
    return scale


def _silence_s(text: str) -> float:
    silence_s = _number(text)
    if not 0 <= silence_s <= 60:  # noqa: PLR2004 - a minute: a longer one is surely a slip of the unit
        raise argparse.ArgumentTypeError(f"need seconds from 0 to 60, got {text!r}")
    return silence_s


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
