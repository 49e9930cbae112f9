"""What the words of a command line stand for: a configuration, a state folder, a job.

Everything that can be refused before any work is refused here.
"""

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from supervisor.cli.parser import Arguments
from supervisor.cli.stops import held
from supervisor.config import Config, Given, Reading, load, read
from supervisor.edge.disk import FULL_ERRNOS, write_error
from supervisor.edge.statefolder import StateFolder, default_state_path
from supervisor.errors import InputError, Unwritable, UsageError
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.narration.decoding import KINDS, MOST_INPUT_BYTES, DecodingError, decode
from supervisor.narration.fitting import PLAIN_ENGINES
from supervisor.narration.plan import VoiceSpec

AudioFormat = Literal["wav", "flac"]

#: Names below these can mean another file in another process.
_OURS_ALONE = ("/dev/", "/proc/")
_SUFFIXES: dict[str, AudioFormat] = {".wav": "wav", ".flac": "flac"}


def configuration(args: Arguments, *, speaks: bool = False, extra: Iterable[Given] = ()) -> Config:
    """Read the configuration that this command line asks for.

    Args:
        args: The command line.
        speaks: Whether the command has `--engine`, `--device` and `--cpu`.
        extra: Values that win over all.

    Raises:
        ConfigError: See `load`.
    """
    return load(reading(args, speaks=speaks, extra=extra)).config


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
    place = _nearest(state.path)
    if not place.is_dir():
        raise UsageError(f"the state folder {place} is a file, not a folder; choose another with --state")
    return state


def voice(args: Arguments, config: Config) -> VoiceSpec:
    """Return who is to speak.

    Raises:
        UsageError: If one half of a reference is missing, or the engine cannot clone.
        InputError: If the recording cannot be read.
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
    path = os.path.abspath(args.reference)  # noqa: PTH100 - links stay as the user wrote them
    _must_be_readable(path, args.reference)
    return VoiceSpec(name=args.voice, reference_path=path, reference_text=args.reference_text)


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
        is_file = stat.S_ISREG(mode) and not path.startswith(_OURS_ALONE)
        text = None if is_file else _read_once(path, name)
    except OSError as error:
        raise _unreadable(name, error) from error
    except DecodingError as error:
        raise InputError(f"{name}: {error}") from error
    if text is None:
        _must_be_readable(path, name)
    return InputSpec(path=path, name=name, text=text)


def _read_once(path: str, name: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - Path would say the same with more words
        content = file.read(MOST_INPUT_BYTES + 1)
    return decode(name, content, KINDS.get(Path(path).suffix.lower(), "text"))


def _must_be_readable(path: str, name: str) -> None:
    try:
        with open(path, "rb"):  # noqa: PTH123 - Path would say the same with more words
            return
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> InputError:
    said = error.strerror or str(error)
    return InputError(f"{name}: cannot be read ({said}); check the path and its permissions")


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
    path = os.path.abspath(text)  # noqa: PTH100 - links stay as the user wrote them
    if text.endswith("/") or os.path.isdir(path):  # noqa: PTH112 - text may end in a slash, which Path drops
        _must_be_writable(Path(path), text)
        return path.rstrip("/") + "/", wanted or "wav"
    suffix = _SUFFIXES.get(Path(path).suffix.lower())
    if suffix is None:
        raise UsageError(
            f"-o {text}: need a file that ends in .wav or .flac, or a folder: one that exists, or a name "
            "that ends in /"
        )
    if wanted is not None and wanted != suffix:
        raise UsageError(
            f"-o {text}: its name says {suffix}, --format says {wanted}; leave --format out for a file"
        )
    _must_be_writable(Path(path).parent, text)
    return path, suffix


def _must_be_writable(folder: Path, text: str) -> None:
    # What does not exist yet is created later: its nearest ancestor decides.
    place = _nearest(folder)
    if not place.is_dir():
        raise Unwritable(f"-o {text}: {place} is no folder; choose another output")
    try:
        _make_and_remove(place / f".tts-supervisor-probe-{os.getpid()}")
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise write_error(place, error) from error
        said = error.strerror or str(error)
        raise Unwritable(
            f"-o {text}: cannot write in {place} ({said}); choose another output, or mend its permissions"
        ) from error


def _nearest(place: Path) -> Path:
    # Not Path.exists, which raises where a folder may not be searched.
    while not os.path.exists(place) and place != place.parent:  # noqa: PTH110 - see above
        place = place.parent
    return place


def _make_and_remove(path: Path) -> None:
    # A real name: permissions alone do not tell of read-only mounts, nor of much to root, and a
    # file system that has none of ours (/proc) says so only when one is made.
    with held():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        path.unlink()


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
