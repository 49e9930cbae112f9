"""What a client asks a service for, as a job: checked as `narrate` checks its command line.

Reads no text and starts nothing, but looks at files: on a file system that hangs, so does this.
"""

import os
import stat
from pathlib import Path
from typing import Final

from supervisor.errors import InputError, UsageError
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.seeing import must_be_as_seen
from supervisor.loop.speaking import GivenInput, Submission
from supervisor.loop.wanting import OURS_ALONE, absolute_in, must_be_readable, output_place, unreadable
from supervisor.narration.decoding import KINDS, MOST_INPUT_BYTES
from supervisor.narration.plan import MAX_SEED, VoiceSpec
from supervisor.wire.speech import speakable

#: As `--sample-rate` has them.
LEAST_RATE_HZ: Final = 8000
MOST_RATE_HZ: Final = 192_000

#: A client's own name for a job: an index, not a document.
MOST_KEY_CHARS: Final = 1000

#: What an inline text is called, as with `say`.
_INLINE: Final = "text"

_ADD: Final = "tts-supervisor voices add NAME --reference FILE --text WHAT_IS_SAID"


def job_wanted(submission: Submission, folder: Path) -> JobRequest:
    """Return the job that a client wants.

    Args:
        submission: What it said.
        folder: Of the service, absolute; what is relative counts from it, unless the client named another.

    Raises:
        UsageError: If a field has an impossible value, or two contradict each other; names it.
        InputError: If an input is no file that can be read, or a text holds nothing.
        DiskFull: If not even an empty file has room where the output is to lie.
        Unwritable: If the output's folder cannot be written.
    """
    _must_be_in_range(submission)
    folder = folder if submission.folder is None else Path(submission.folder)
    must_be_as_seen(submission.seen)
    inputs = _inputs(submission, folder)
    voice = _voice(submission, folder)
    _must_say_something("output", submission.output)
    output, audio_format = output_place(submission.output, folder, called="output")
    return JobRequest(
        output=output,
        # A file's name says its format; `format` is of the files in a folder.
        format=audio_format or submission.format,
        sample_rate_hz=submission.sample_rate,
        voice=voice,
        seed=submission.seed,
        inputs=inputs,
        fresh=submission.fresh,
        folder=str(folder),
        key=submission.key,
    )


def _must_be_in_range(submission: Submission) -> None:
    if not 0 <= submission.seed <= MAX_SEED:
        raise UsageError(f"seed: need a whole number from 0 to {MAX_SEED}, got {submission.seed}")
    rate_hz = submission.sample_rate
    if rate_hz is not None and not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
        raise UsageError(f"sample_rate: need a rate from {LEAST_RATE_HZ} to {MOST_RATE_HZ} Hz, got {rate_hz}")
    if submission.key is not None:
        _must_say_something("key", submission.key)
        if len(submission.key) > MOST_KEY_CHARS:
            seen = len(submission.key)
            raise UsageError(f"key: need at most {MOST_KEY_CHARS} characters, got {seen}; a hash will do")


def _must_say_something(field: str, text: str) -> None:
    """Refuse a name that is empty, or that no file system has."""
    if not text.strip():
        raise UsageError(f"{field}: is empty; give a value, or leave the field out where it has a default")
    if "\0" in text or not _is_utf8(text):
        raise UsageError(f"{field} {text!r}: holds a NUL or half a character; give it as UTF-8")


def _is_utf8(text: str) -> bool:
    # A JSON escape can stand for half a character, which neither the ledger nor a file's name holds.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _voice(submission: Submission, folder: Path) -> VoiceSpec:
    if submission.reference is None and submission.reference_text is None:
        return _named_voice(submission.voice, folder)
    if submission.reference is None or submission.reference_text is None:
        raise UsageError("reference, reference_text: come together: a recording, and what is said in it")
    if submission.voice is not None:
        raise UsageError(f"voice {submission.voice}: there is a reference as well; leave one of the two out")
    if not speakable(submission.reference_text):
        raise UsageError("reference_text: has no letter and no digit; write what is said in the recording")
    must_be_readable(submission.reference, submission.reference)
    return VoiceSpec(reference_path=submission.reference, reference_text=submission.reference_text)


def _named_voice(name: str | None, folder: Path) -> VoiceSpec:
    if name is None:
        return VoiceSpec()
    _must_say_something("voice", name)
    is_path = "/" in name or "." in name
    if is_path and os.path.isfile(absolute_in(folder, name)):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise UsageError(
            f"voice {name}: is a file; a service speaks with voices that have names: add it with {_ADD}, and "
            "give the name"
        )
    return VoiceSpec(name=name)


def _inputs(submission: Submission, folder: Path) -> list[InputSpec]:
    if (submission.inputs is None) == (submission.text is None):
        seen = "neither" if submission.text is None else "both"
        raise UsageError(f"inputs, text: need one of the two, got {seen}")
    if submission.text is not None:
        return [_text(submission.text)]
    if not submission.inputs:
        raise UsageError("inputs: is empty; name the files to be spoken, in their order, or give a text")
    return [_file(one, folder) if isinstance(one, str) else _given(one) for one in submission.inputs]


def _given(one: GivenInput) -> InputSpec:
    """Return an input whose text came with it."""
    _must_say_something("inputs", one.name)
    text = _read(one) if one.text is None else one.text
    if not _is_utf8(text):
        raise InputError(f"{one.name}: holds half a character (a lone surrogate); give it as UTF-8")
    if len(text) > MOST_INPUT_BYTES:
        raise InputError(f"{one.name}: has more than {MOST_INPUT_BYTES} characters; split it, as by chapters")
    return InputSpec(path=one.path, name=one.name, text=text)


def _read(one: GivenInput) -> str:
    path = one.text_file or ""
    must_be_readable(path, path)
    with open(path, "rb") as file:  # noqa: PTH123 - Path would say the same with more words
        content = file.read(MOST_INPUT_BYTES + 1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 ({error}); give the text of {one.name} as UTF-8") from error


def _text(text: str) -> InputSpec:
    if not _is_utf8(text):
        raise InputError("text: holds half a character (a lone surrogate); give it as UTF-8")
    if not text.strip("\ufeff \t\r\n"):
        raise InputError("text: is empty: nothing to speak; give it some text")
    if len(text) > MOST_INPUT_BYTES:
        raise InputError(f"text: has more than {MOST_INPUT_BYTES} characters; split it, as by chapters")
    return InputSpec(path=None, name=_INLINE, text=text)


def _file(name: str, folder: Path) -> InputSpec:
    _must_say_something("inputs", name)
    path = absolute_in(folder, name)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path would say the same with more words
    except OSError as error:
        raise unreadable(name, error) from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{name}: is a folder; name the files in it")
    if not stat.S_ISREG(mode) or path.startswith(OURS_ALONE):
        # `narrate` reads a pipe once, when it starts; a job that waits would find it read, or wait for ever.
        raise InputError(f"{name}: is no file on a disk; name one, or give what it holds as text")
    if Path(path).suffix.lower() not in KINDS:
        raise InputError(
            f"{name}: of an unknown kind; known are {', '.join(KINDS)}; rename it, or give a text"
        )
    must_be_readable(path, name)
    return InputSpec(path=path, name=name)
