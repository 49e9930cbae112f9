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
from typing import BinaryIO

import msgspec

from supervisor.edge.disk import fsync_folder, settle, write_error, write_whole
from supervisor.edge.recordings import blocks_of, hash_recording
from supervisor.errors import UsageError

#: Below the state folder.
FOLDER_NAME = "voices"

#: A name is a folder's, a word of a command line and a string in JSON lines.
MOST_NAME_CHARS = 64
_NAME = re.compile(r"[^\W_][\w-]*")

_FACTS = "voice.json"


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
        path = self.recording(voice)
        try:
            write_whole(path, blocks_of(recording))
            yield voice
        finally:
            there = self.find(name)
            if there is None or there.sha256 != voice.sha256:
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty: there is a voice
                path.parent.rmdir()

    def put(self, voice: ClonedVoice, *, replace: bool) -> None:
        """Make a voice of what is being added.

        Raises:
            UsageError: If there is one of that name by now, without `replace`.
            DiskFull: If there is no room for it.
            Unwritable: If the state folder cannot be written.
        """
        before = self.find(voice.name)
        settle(self._folder.parent.parent, self._folder.parent, self._folder)
        try:
            write_whole(self._place(voice.name) / _FACTS, [msgspec.json.encode(voice)], anew=not replace)
        except FileExistsError as error:
            raise UsageError(_taken(voice.name)) from error
        if before is not None and before.sha256 != voice.sha256:
            self.recording(before).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Take a voice away; jobs that speak with it have copies of their own.

        Raises:
            UsageError: If there is no such voice.
            Unwritable: If the state folder cannot be written.
        """
        if self.find(name) is None:
            there = ", ".join(voice.name for voice in self.all()) or "none"
            raise UsageError(f"there is no cloned voice {name!r}; those there are: {there}")
        folder = self._place(name)
        try:
            (folder / _FACTS).unlink(missing_ok=True)
            fsync_folder(folder)  # before its recording goes: no power cut leaves the one without the other
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()
        except OSError as error:
            raise write_error(folder, error) from error

    def _place(self, name: str) -> Path:
        return self._folder / unicodedata.normalize("NFC", name)


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
            return _wav_seconds(file)
    except (OSError, struct.error):  # a header that is cut short
        return None


def _wav_seconds(file: BinaryIO) -> float | None:
    riff, wave = struct.unpack("<4s4x4s", file.read(12))
    if (riff, wave) != (b"RIFF", b"WAVE"):
        return None
    a_second_bytes = 0
    while True:
        name, size_bytes = struct.unpack("<4sI", file.read(8))
        begin = file.tell()
        if name == b"fmt ":
            (a_second_bytes,) = struct.unpack("<8xI", file.read(12))
        elif name == b"data":
            # Written as a stream, it may say more than there is.
            there_bytes = min(size_bytes, file.seek(0, os.SEEK_END) - begin)
            return round(there_bytes / a_second_bytes, 3) if a_second_bytes else None
        file.seek(begin + size_bytes + size_bytes % 2)


def _is_name(name: str) -> bool:
    return len(name) <= MOST_NAME_CHARS and _NAME.fullmatch(unicodedata.normalize("NFC", name)) is not None


def _taken(name: str) -> str:
    return (
        f"there is a cloned voice {name!r} already; give another name, add --replace, or take it away with "
        f"'tts-supervisor voices remove {name}'"
    )
