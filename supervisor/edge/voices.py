"""Cloned voices in the state folder: `voices/NAME/voice.json`, and beside it the recording `SHA256.wav`.

A voice is there when its `voice.json` is: that file comes last, goes first, and is replaced at once.
Adding and removing need no lock: a job has copies of the recordings that it speaks with.
"""

import contextlib
import os
import re
import struct
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from supervisor.edge.disk import make_folder, write_error, write_whole
from supervisor.edge.recordings import blocks_of, hash_recording
from supervisor.errors import UsageError

#: Below the state folder.
FOLDER_NAME = "voices"

#: A name is a folder's, a word of a command line and a string in JSON lines.
MOST_NAME_CHARS = 64
_NAME = re.compile(r"[^\W_][\w-]*")

_FACTS = "voice.json"

#: Where a WAV's size of audio is not told (it was written as a stream).
_UNKNOWN_BYTES = 0xFFFF_FFFF


class ClonedVoice(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that is cloned from a recording.

    Attributes:
        name: As it is called.
        text: What is said in the recording.
        sha256: Of the recording's bytes, in hex.
        seconds: Length of the recording; None where its header does not tell.
    """

    name: str
    text: str
    sha256: str
    seconds: float | None


class VoiceShelf:
    """The cloned voices of a state folder. Making one touches no disk."""

    def __init__(self, state: Path) -> None:
        """Name the shelf.

        Args:
            state: The state folder.
        """
        self._folder = state / FOLDER_NAME

    def find(self, name: str) -> ClonedVoice | None:
        """Return a voice, or None: there is no cloned voice of that name."""
        if not _is_name(name):
            return None
        try:
            facts = (self._place(name) / _FACTS).read_bytes()
        except OSError:
            return None
        try:
            return msgspec.json.decode(facts, type=ClonedVoice)
        except msgspec.DecodeError:
            return None

    def all(self) -> list[ClonedVoice]:
        """Return all voices, by name."""
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 - names alone are wanted
        except OSError:
            return []
        return [voice for voice in map(self.find, names) if voice is not None]

    def recording(self, voice: ClonedVoice) -> Path:
        """Return where a voice's recording lies."""
        return self._place(voice.name) / f"{voice.sha256}.wav"

    def must_be_free(self, name: str) -> None:
        """Refuse a name that is taken.

        Raises:
            UsageError: If it is.
        """
        if self.find(name) is not None:
            raise UsageError(_taken(name))

    @contextmanager
    def adding(self, name: str, recording: str, text: str) -> Generator[ClonedVoice]:
        """Have a recording on the shelf for as long as it is tried; without `put` it goes again.

        Args:
            name: As `checked_name` gives it.
            recording: Path of the recording.
            text: What is said in it.

        Raises:
            UnreadableRecording: If it cannot be read.
            DiskFull: If there is no room for it.
            Unwritable: If the state folder cannot be written.
        """
        voice = ClonedVoice(
            name=name, text=text, sha256=hash_recording(recording), seconds=wav_seconds(recording)
        )
        try:
            write_whole(self.recording(voice), blocks_of(recording))
            yield voice
        finally:
            self._sweep(name)

    def put(self, voice: ClonedVoice, *, replace: bool) -> None:
        """Make a voice of what is being added.

        Raises:
            UsageError: If there is one of that name by now, without `replace`.
            DiskFull: If there is no room for it.
            Unwritable: If the state folder cannot be written.
        """
        try:
            write_whole(self._place(voice.name) / _FACTS, [msgspec.json.encode(voice)], anew=not replace)
        except FileExistsError as error:
            raise UsageError(_taken(voice.name)) from error

    def remove(self, name: str) -> None:
        """Take a voice away; jobs that speak with it have copies of their own.

        Raises:
            UsageError: If there is no such voice.
            Unwritable: If the state folder cannot be written.
        """
        if self.find(name) is None:
            there = ", ".join(voice.name for voice in self.all()) or "none"
            raise UsageError(f"there is no cloned voice {name!r}; those there are: {there}")
        try:
            (self._place(name) / _FACTS).unlink(missing_ok=True)
        except OSError as error:
            raise write_error(self._folder, error) from error
        self._sweep(name)

    def _place(self, name: str) -> Path:
        return self._folder / unicodedata.normalize("NFC", name)

    def _sweep(self, name: str) -> None:
        """Leave of a name's folder what belongs to its voice; without a voice nothing."""
        voice, folder = self.find(name), self._place(name)
        kept = set() if voice is None else {_FACTS, self.recording(voice).name}
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if path.name not in kept:
                    path.unlink()
            if not kept:
                folder.rmdir()


def checked_name(name: str) -> str:
    """Return a voice's name in its one spelling.

    Raises:
        UsageError: If it is no name.
    """
    if not _is_name(name):
        raise UsageError(
            f"{name!r} is no name for a voice: it begins with a letter or digit, holds letters, digits, - "
            f"and _ alone, and is at most {MOST_NAME_CHARS} characters long"
        )
    return unicodedata.normalize("NFC", name)


def wav_seconds(path: str) -> float | None:
    """Return how long a WAV is by its header; None for anything else, and where it does not tell."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
            if head[:4] != b"RIFF" or head[8:] != b"WAVE":
                return None
            a_second_bytes = 0
            while len(chunk := file.read(8)) == 8:  # noqa: PLR2004 - a chunk's name and its size
                name, size_bytes = struct.unpack("<4sI", chunk)
                if name == b"data":
                    known = a_second_bytes and size_bytes != _UNKNOWN_BYTES
                    return round(size_bytes / a_second_bytes, 3) if known else None
                body = file.read(size_bytes + size_bytes % 2) if name == b"fmt " else b""
                if name == b"fmt ":
                    (a_second_bytes,) = struct.unpack_from("<I", body, 8)
                else:
                    file.seek(size_bytes + size_bytes % 2, os.SEEK_CUR)
    except (OSError, struct.error):
        return None
    return None


def _is_name(name: str) -> bool:
    return len(name) <= MOST_NAME_CHARS and _NAME.fullmatch(unicodedata.normalize("NFC", name)) is not None


def _taken(name: str) -> str:
    return (
        f"there is a cloned voice {name!r} already; give another name, add --replace, or take it away with "
        f"'tts-supervisor voices remove {name}'"
    )
