"""The options of `piper`: Piper's own, in both of its programs' spellings."""

import argparse
import math

from supervisor.cli import argtypes
from supervisor.cli.options import engine_options, socket_option

#: Of Piper, and without a meaning here; each takes so many words.
_WITHOUT_MEANING = (
    (("-c",), 1),
    (("--noise-scale", "--noise_scale"), 1),
    (("--noise-w-scale", "--noise_w_scale", "--noise-w", "--noise_w"), 1),
    (("--phoneme-silence", "--phoneme_silence"), 2),
    (("--volume",), 1),
    (("--no-normalize", "--no_normalize"), 0),
    (("--cuda", "--use-cuda", "--use_cuda"), 0),
    (("--data-dir", "--data_dir"), 1),
    (("--espeak-data", "--espeak_data"), 1),
    (("--tashkeel-model", "--tashkeel_model"), 1),
)


def piper_options(parser: argparse.ArgumentParser) -> None:
    """Let a command line be one of Piper's."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="TEXT",
        help="spoken instead of standard input; after -- also if it has a -",
    )
    add(
        "-m",
        "--model",
        type=argtypes.some,
        metavar="VOICE",
        help="a voice, or a Piper model that stands for one (see piper.voices in the configuration)",
    )
    add(
        *("-s", "--speaker"),
        type=argtypes.some,
        metavar="NAME",
        help="a speaker of it, by name or number, as piper.voices names them",
    )
    add(
        *("-i", "--input-file", "--input_file"),
        dest="inputs",
        action="append",
        type=argtypes.some,
        metavar="FILE",
        help="lines of text, instead of standard input; may be repeated",
    )
    add(
        *("--json-input", "--json_input"),
        action="store_true",
        help='each line is an object: {"text", "output_file", "speaker", "speaker_id"}',
    )
    add(
        *("-f", "--output-file", "--output_file"),
        dest="output",
        type=argtypes.some,
        metavar="FILE",
        help="one WAV file of all that is spoken; - for standard output",
    )
    add(
        *("-d", "--output-dir", "--output_dir"),
        type=argtypes.some,
        metavar="DIR",
        help="a WAV file for each line, whose path goes to standard output",
    )
    add(*("--output-dir-naming", "--output_dir_naming"), choices=("timestamp", "text"), default="timestamp")
    add(
        *("--output-raw", "--output_raw"),
        action="store_true",
        help="16-bit mono samples on standard output, as they come",
    )
    add(
        *("--length-scale", "--length_scale"),
        type=_scale,
        default=1.0,
        metavar="X",
        help="over 1 is slower, for engines that have a tempo",
    )
    add(
        *("--sentence-silence", "--sentence_silence"),
        type=_silence_s,
        metavar="S",
        help="seconds between sentences, each then spoken by itself; default as narration.pause_* have it",
    )
    add("--debug", action="store_true", help="log everything")
    add("-q", "--quiet", action="store_true", help="say nothing but errors")
    for names, count in _WITHOUT_MEANING:
        _ignored(parser, names, count)
    engine_options(parser)
    socket_option(parser)


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


def _ignored(parser: argparse.ArgumentParser, names: tuple[str, ...], count: int) -> None:
    parser.add_argument(
        *names, dest="ignored", default=[], nargs=count, action=_Ignore, help=argparse.SUPPRESS
    )


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
