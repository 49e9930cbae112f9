"""The engine library's own commands, for inspection: `python -m tts_core dump …` and `… text …`."""

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from tts_core.errors import TtsError


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and do it; returns the exit status: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(words)
    try:
        return _dump(options) if options.command == "dump" else _text(options)
    except TtsError as error:
        sys.stderr.write(f"tts_core: {error}\n")
        return 1
    except BrokenPipeError:
        # Who read has heard enough; what is left would be written, and fail, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tts_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    dump = commands.add_parser(
        "dump",
        help="speak one item as the model's own batch script does, and write every stage's result",
        description="Speaks one item in float32 on the CPU exactly as the model's own batch script does (its "
        "splitting, its two normalisations, its history, its seeding) and writes prompt_text, prompt_speech, "
        "prompt_feat, embedding, tokens, mel and wav; without a vocoder in the folder all but wav.",
    )
    dump.add_argument("checkpoint", type=Path, help="folder in the layout of the release")
    dump.add_argument("--item", type=Path, required=True, help="JSON: seed, prompt_text, text")
    dump.add_argument("--reference", type=Path, required=True, help="recording in which prompt_text is said")
    dump.add_argument("--sample-rate", type=int, choices=(24_000, 32_000), default=24_000)
    dump.add_argument("--phonemes", action="store_true", help="spell by phonemes; needs --configs")
    dump.add_argument("-o", "--out", type=Path, required=True, help="safetensors file to write")
    text = commands.add_parser(
        "text",
        help="normalise, split and spell texts as the model's own code does",
        description='Reads {"text"} objects, one a line, on standard input, and writes a line for each, with '
        "normalised, segments, segments_normalised and phonemes.",
    )
    for command in (dump, text):
        command.add_argument("--configs", type=Path, help="folder with the model's pronunciation tables")
        command.add_argument("--cache", type=Path, default=_cache(), help="for built grammars (%(default)s)")
    return parser


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path("~/.cache").expanduser()
    return base / "tts-supervisor" / "grammars"


def _dump(options: argparse.Namespace) -> int:
    from tts_core.dumping import Order, dump  # noqa: PLC0415 -- torch takes seconds, and --help needs none

    order = Order(
        checkpoint=options.checkpoint,
        item=options.item,
        reference=options.reference,
        sample_rate_hz=options.sample_rate,
        phonemes=options.phonemes,
        configs=options.configs,
        cache=options.cache,
        out=options.out,
    )
    for name, tensor in dump(order).items():
        sys.stdout.write(f"{name:14} {str(tensor.dtype).removeprefix('torch.'):8} {tuple(tensor.shape)}\n")
    return 0


def _text(options: argparse.Namespace) -> int:
    from tts_core.text.inspection import run  # noqa: PLC0415 -- likewise

    # JSON is UTF-8, whatever the locale says; bytes that are not are for `run` to tell of.
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    return run(options.configs, sys.stdin, sys.stdout, cache=options.cache)


if __name__ == "__main__":
    sys.exit(main())
