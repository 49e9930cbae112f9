"""Where the audio of a line goes: a file under its name when it is whole, or standard output."""

import os
import re
import stat
import time
from pathlib import Path
from typing import Final, Protocol

from supervisor.doors.backlog import Backlog, Room
from supervisor.doors.piper.stdout import Stdout
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.disk import write_error
from supervisor.errors import Unwritable
from supervisor.loop.plainaudio import SAMPLE_BYTES, wav_header

#: What no name of a file may hold, and what shells and other systems take amiss.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]+")

#: A name has 255 bytes, and `.wav.part` is behind it.
_MOST_NAME_BYTES: Final = 240

#: A stream is handed on in such pieces.
_PIECE_BYTES: Final = 256 * 1024


class Sink(Protocol):
    """Takes the audio of one utterance."""

    def take(self, pcm: bytes) -> None:
        """Take samples."""
        ...

    def end(self, rate_hz: int) -> str | None:
        """Finish it; return the path to tell, None where there is none."""
        ...

    def discard(self) -> None:
        """Leave nothing of it; after `end` nothing happens."""
        ...


class FileSink:
    """A WAV file. It stands under its name when it is whole, over one that stood there."""

    def __init__(self, path: Path) -> None:
        """Begin it.

        Args:
            path: As the program wrote it: so it is told, for programs look for it by that name.

        Raises:
            DiskFull: If there is no room.
            Unwritable: If it cannot be written, or is something else than a file.
        """
        self._path = path
        self._part = AudioPart(_target(path), durable=False)

    def take(self, pcm: bytes) -> None:  # noqa: D102 -- as in Sink, here and below
        self._part.append(pcm)

    def end(self, rate_hz: int) -> str | None:  # noqa: D102 -- likewise
        self._part.commit(rate_hz)
        return str(self._path)

    def discard(self) -> None:  # noqa: D102 -- likewise
        self._part.discard()


class RawSink:
    """Bare samples on standard output, as they come."""

    def __init__(self, stdout: Stdout) -> None:
        self._stdout = stdout

    def take(self, pcm: bytes) -> None:  # noqa: D102 -- likewise
        self._stdout.put(pcm)

    def end(self, rate_hz: int) -> str | None:  # noqa: D102 -- likewise
        del rate_hz
        return None

    def discard(self) -> None:
        """Nothing can be taken back."""


class WavSink:
    """A whole WAV on standard output, with its length in its header."""

    def __init__(self, stdout: Stdout, folder: Path) -> None:
        """Begin it.

        Args:
            stdout: Takes it when it is whole.
            folder: Where its samples wait until then.
        """
        self._stdout = stdout
        self._samples = Backlog(Room(_PIECE_BYTES, folder))

    def take(self, pcm: bytes) -> None:  # noqa: D102 -- likewise
        self._samples.put(pcm)

    def end(self, rate_hz: int) -> str | None:  # noqa: D102 -- likewise
        self._stdout.put(wav_header(rate_hz, self._samples.waiting_bytes // SAMPLE_BYTES))
        while piece := self._samples.take(_PIECE_BYTES):
            self._stdout.put(piece)
        self.discard()
        return None

    def discard(self) -> None:  # noqa: D102 -- likewise
        self._samples.close()


class NoSink:
    """`-f /dev/null`: somebody measures."""

    def take(self, pcm: bytes) -> None:
        """Forget them."""

    def end(self, rate_hz: int) -> str | None:
        """There is a path nevertheless, and whoever waits for it."""
        del rate_hz
        return os.devnull

    def discard(self) -> None:
        """There is nothing."""


class Namer:
    """Names for files that nobody named, in one folder; none comes twice."""

    def __init__(self, folder: Path, *, by_text: bool) -> None:
        self._folder = folder
        self._by_text = by_text
        self._last_ns = 0

    def name(self, text: str) -> Path:
        """Return where the next utterance is to lie: `NANOSECONDS.wav`, or its text."""
        if self._by_text and (words := text_name(text)):
            return self._folder / f"{words}.wav"
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        return self._folder / f"{self._last_ns}.wav"


def text_name(text: str) -> str:
    """Return a text as a file may be called; empty if nothing of it can be."""
    plain = _UNFIT.sub("", " ".join(text.split())).strip(". ")
    return plain.encode("utf-8")[:_MOST_NAME_BYTES].decode("utf-8", "ignore").strip()


def _target(path: Path) -> Path:
    """Return what a path leads to: through links, since they are to stay.

    Raises:
        Unwritable: If there is something that is no file.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise write_error(path, error) from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no file that could be replaced"
        raise Unwritable(f"{path}: is {what}; name a file, or - for standard output")
    return target
