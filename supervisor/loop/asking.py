"""What a request for speech is refused for before it waits: nobody is to hear of it after it was spoken."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor import errors
from supervisor.config import Config
from supervisor.loop.orders import must_have_vocoder
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from supervisor.loop.speechfile import Format, Wanted
from supervisor.loop.utterance import FOLDER_NAME
from supervisor.loop.wanting import must_take_a_file

#: That audio can be made of, least and most.
RATES_HZ: Final = (8_000, 192_000)

_FORMATS: Final[dict[str, Format]] = {".wav": "wav", ".flac": "flac"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where files of requests lie.

    Attributes:
        state: The state folder, real path.
        folder: That relative paths of clients are relative to.
    """

    state: Path
    folder: Path

    def wanted(self, config: Config, request: SpeechRequest, job: str) -> Wanted:
        """Return what is to be made of a request.

        Args:
            config: All of it.
            request: What was asked for.
            job: Id of the request.

        Raises:
            CannotAsk: `bad_input` if it asks for a rate that there is not, or for a file that cannot be
                written; `disk_full` if not even an empty one has room.
        """
        _must_be_spoken(config, request.sample_rate)
        path, kind = None, "wav"
        if request.output_file is not None:
            path, kind = self._named(request.output_file)
        elif request.audio == "file":
            path = self.state / FOLDER_NAME / f"{job}.wav"
        keeps = request.output_file is not None
        return Wanted(request=request, path=path, format=kind, keeps=keeps, state=self.state)

    def _named(self, name: str) -> tuple[Path, Format]:
        path = self.folder / name
        kind = _FORMATS.get(path.suffix.lower())
        if kind is None or "\0" in name:
            raise _bad(f"output_file: {name!r} must end in .wav or .flac")
        _must_be_writable(path, f"output_file {name}")
        return path, kind


def _must_be_spoken(config: Config, rate_hz: int | None) -> None:
    if rate_hz is not None and not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise _bad(f"sample_rate: {rate_hz} Hz is not within {RATES_HZ[0]} .. {RATES_HZ[1]}")
    try:
        must_have_vocoder(config, rate_hz)
    except errors.ConfigError as error:
        raise _bad(f"sample_rate: {error}") from error


def _must_be_writable(path: Path, said: str) -> None:
    # Where the file will lie: a link stays, what it points at is replaced.
    target = Path(os.path.realpath(path))
    try:
        _must_be_a_file(target, said)
        must_take_a_file(target.parent, said)
    except errors.DiskFull as error:
        raise CannotAsk(str(error), kind="disk_full", retryable=True) from error
    except errors.Unwritable as error:
        raise _bad(str(error)) from error


def _must_be_a_file(target: Path, said: str) -> None:
    """Refuse a name that is a folder's, a device's or a pipe's, and one that is too long."""
    try:
        os.lstat(target.with_name(f".{target.name}.part"))  # as it is called until it is whole
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise errors.Unwritable(f"{said}: the name is too long; choose a shorter one") from error
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # nothing there yet; what is wrong with the folder, the folder tells
    if not stat.S_ISREG(mode):
        raise errors.Unwritable(f"{said}: is there and is no regular file; choose another name")


def _bad(message: str) -> CannotAsk:
    return CannotAsk(message, kind="bad_input", retryable=False)
