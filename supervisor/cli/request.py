"""What the words of a command line stand for: a configuration, a state folder, a job.

Everything that can be refused before any work is refused here.
"""

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from supervisor.cli.parser import Arguments
from supervisor.cli.stops import held
from supervisor.config import Config, Given, Loaded, Reading, load, read
from supervisor.edge.statefolder import StateFolder, default_state_path
from supervisor.errors import InputError, UsageError
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.wanting import (
    OURS_ALONE,
    AudioFormat,
    must_be_readable,
    nearest,
    output_place,
    unreadable,
)
from supervisor.narration.decoding import KINDS, MOST_INPUT_BYTES, DecodingError, decode
from supervisor.narration.fitting import PLAIN_ENGINES
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.speech import speakable


def configuration(args: Arguments, *, speaks: bool = False, extra: Iterable[Given] = ()) -> Config:
    """Read the configuration that this command line asks for.

    Args:
        args: The command line.
        speaks: Whether the command has `--engine`, `--device` and `--cpu`.
        extra: Values that win over all.

    Raises:
        ConfigError: See `load`.
    """
    return loaded(args, speaks=speaks, extra=extra).config


def loaded(args: Arguments, *, speaks: bool = False, extra: Iterable[Given] = ()) -> Loaded:
    """Likewise, with where each value comes from."""
    return load(reading(args, speaks=speaks, extra=extra))


def reading(
    args: Arguments, *, file: Path | None = None, speaks: bool = False, extra: Iterable[Given] = ()
) -> Reading:
    """Read what the sources of the configuration say, and judge nothing yet.

    Args:
        args: The command line.
        file: Instead of `--config`.
        speaks: See `configuration`.
        extra: See `configuration`.

    Raises:
        UsageError: If a `--set` is none.
    """
    options = _speech_options(args) if speaks else []
    if args.log_format is not None:
        options.append(Given(key="log.format", value=args.log_format, origin="--log-format"))
    if args.verbose:
        options.append(Given(key="log.level", value="debug", origin="-v"))
    return read(file=file or args.config, sets=args.sets, options=[*options, *extra])


def _speech_options(args: Arguments) -> list[Given]:
    options: list[Given] = []
    if args.engine is not None:
        options.append(Given(key="engine.name", value=args.engine, origin="--engine"))
    if args.device is not None:
        options.append(Given(key="child.device", value=args.device, origin="--device"))
    if args.cpu:
        options.append(Given(key="child.device", value="cpu", origin="--cpu"))
    return options


def named_state_folder(args: Arguments) -> StateFolder:
    """Return the state folder as it is named, be it one or not; nothing is created yet."""
    return StateFolder(default_state_path(os.environ) if args.state is None else args.state)


def state_folder(args: Arguments) -> StateFolder:
    """Return the state folder; nothing is created yet.

    Raises:
        UsageError: If a file stands where it, or a folder above it, should be.
    """
    state = named_state_folder(args)
    place = nearest(state.path)
    if not place.is_dir():
        raise UsageError(f"the state folder {place} is a file, not a folder; choose another with --state")
    return state


def voice(args: Arguments, config: Config) -> VoiceSpec:
    """Return who is to speak.

    Raises:
        UsageError: If one half of a reference is missing or holds no words, if a voice is named as well, or
            if the engine cannot clone.
        InputError: If the recording is no file, or cannot be read.
    """
    if (args.reference is None) != (args.reference_text is None):
        raise UsageError(
            "--reference and --reference-text come together: a recording, and what is said in it"
        )
    if args.reference is None:
        return VoiceSpec(name=args.voice)
    if config.engine.name in PLAIN_ENGINES:
        raise UsageError(
            f"--reference: the engine {config.engine.name!r} cannot clone a voice; leave it out, or choose "
            "an engine that can with --engine"
        )
    if args.voice is not None:
        raise UsageError(
            f"--voice {args.voice} and --reference both say who speaks; leave one out (a cloned voice has a "
            "recording of its own)"
        )
    must_be_words(args.reference_text, "--reference-text")
    path = os.path.abspath(args.reference)  # noqa: PTH100 - links stay as the user wrote them
    must_be_readable(path, args.reference)
    return VoiceSpec(reference_path=path, reference_text=args.reference_text)


def must_be_words(text: str | None, called: str) -> None:
    """Refuse as what is said in a recording a text in which nothing is said.

    Args:
        text: As the user gave it.
        called: The option.

    Raises:
        UsageError: If it has neither letter nor digit.
    """
    if not speakable(text or ""):
        raise UsageError(
            f"{called} {text!r}: has no letter and no digit; write what is said in the recording"
        )


def inputs(names: list[str]) -> list[InputSpec]:
    """Return the inputs, each known to be readable; `-` and pipes are read here.

    Raises:
        UsageError: If `-` stands twice.
        InputError: If one cannot be read, or if what is read here is not UTF-8.
    """
    if names.count("-") > 1:
        raise UsageError("'-' stands for standard input, which can be read only once")
    return [_input(name) for name in names]


def _input(name: str) -> InputSpec:
    if name == "-":
        return InputSpec(path=None, name="stdin", text=standard_input())
    path = os.path.abspath(name)  # noqa: PTH100 - links stay as the user wrote them
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path would say the same with more words
        # A FIFO, /dev/stdin, <(command): read once and here, for planning is another process.
        is_file = stat.S_ISREG(mode) and not path.startswith(OURS_ALONE)
        text = None if is_file else _read_once(path, name)
    except OSError as error:
        raise unreadable(name, error) from error
    except DecodingError as error:
        raise InputError(f"{name}: {error}") from error
    if text is None:
        must_be_readable(path, name)
    return InputSpec(path=path, name=name, text=text)


def _read_once(path: str, name: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - Path would say the same with more words
        content = file.read(MOST_INPUT_BYTES + 1)
    return decode(name, content, KINDS.get(Path(path).suffix.lower(), "text"))


def standard_input() -> str:
    """Read all of standard input as UTF-8.

    Raises:
        InputError: If it is not UTF-8, or closed.
    """
    if sys.stdin is None:
        raise InputError("standard input: is closed; give the text on it, or name a file")
    read = sys.stdin.buffer.read()
    try:
        return read.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"standard input: is not UTF-8 (byte {read[error.start]:#04x} at offset {error.start}); "
            "convert it first, as with iconv -f LATIN1 -t UTF-8"
        ) from error


def output(text: str, wanted: AudioFormat | None) -> tuple[str, AudioFormat]:
    """Return the absolute output, with `/` at its end for a folder, and the format of its files.

    Args:
        text: As after `-o`.
        wanted: As after `--format`.

    Raises:
        UsageError: If it is neither a .wav or .flac file nor a folder, or contradicts `--format`.
        DiskFull: If not even an empty file has room there.
        Unwritable: If its folder cannot be written.
    """
    path, suffix = output_place(text, Path.cwd(), called="-o", held=held)
    if suffix is None:
        return path, wanted or "wav"
    if wanted is not None and wanted != suffix:
        raise UsageError(
            f"-o {text}: its name says {suffix}, --format says {wanted}; leave --format out for a file"
        )
    return path, suffix


def job_request(args: Arguments, config: Config, wanted: AudioFormat | None) -> JobRequest:
    """Return the job that `narrate` is to do.

    Raises:
        SupervisorError: If anything about it is refused.
    """
    path, audio_format = output(args.output or "", wanted)
    return JobRequest(
        output=path,
        format=audio_format,
        sample_rate_hz=args.sample_rate,
        voice=voice(args, config),
        seed=args.seed,
        inputs=inputs(args.inputs),
        fresh=args.fresh,
    )
