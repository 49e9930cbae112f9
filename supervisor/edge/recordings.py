"""Recordings that voices are cloned from, kept by their content: `recordings/SHA256.wav`.

A job refers to its copy: whatever becomes of the file that the user named, a run that goes on weeks
later speaks with the very same voice. Copies are made by the planning process and pruned by the state
folder's owner, so never at once.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.disk import fsync_folder, make_folder, write_error
from supervisor.edge.ledger_schema import LedgerFile
from supervisor.errors import InputError
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.messages import Reference

#: Below the state folder.
FOLDER_NAME = "recordings"

#: Ten minutes of 96 kHz stereo at 16 bits are less than this: a larger file is no sample of a voice.
MOST_RECORDING_BYTES = 256 * 1024 * 1024

_BLOCK_BYTES = 1 << 18


class UnreadableRecording(InputError):
    """A recording cannot be read, or is none; the message names it and the mend."""


class RecordingStore:
    """The recordings of a state folder. Making one touches no disk."""

    def __init__(self, state: Path) -> None:
        """Name the store.

        Args:
            state: The state folder.
        """
        self._state = state
        self._folder = state / FOLDER_NAME

    def keep(self, path: str) -> str:
        """Have a copy of a recording on disk for good, and return its SHA-256 in hex.

        Raises:
            UnreadableRecording: If it cannot be read, or is no recording.
            DiskFull: If there is no room for the copy.
            Unwritable: If the state folder cannot be written.
        """
        sha256 = hash_recording(path)
        return sha256 if self.has(sha256) else self._copy(path)

    def has(self, sha256: str) -> bool:
        """Say whether a recording is here, and still is what it was."""
        try:
            return sha256_of_file(self._state / recording_name(sha256)) == sha256
        except OSError:
            return False

    def prune(self, wanted: set[str]) -> int:
        """Delete all but the wanted ones, and what a killed process left half copied; return how many."""
        names = {Path(recording_name(sha256)).name for sha256 in wanted}
        stale = [path for path in self._folder.glob("*") if path.name not in names]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _copy(self, path: str) -> str:
        make_folder(self._folder)
        part = self._folder / f".{os.getpid()}.part"
        digest = hashlib.sha256()
        try:
            with part.open("wb") as file:
                for block in blocks_of(path):
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            # Of what was copied: the file may have changed since it was looked at.
            sha256 = digest.hexdigest()
            part.replace(self._state / recording_name(sha256))
            fsync_folder(self._folder)
        except OSError as error:
            raise write_error(self._folder, error) from error
        finally:
            part.unlink(missing_ok=True)
        return sha256


def recording_name(sha256: str) -> str:
    """Return a recording's path below the state folder, as the ledger keeps it."""
    return f"{FOLDER_NAME}/{sha256}.wav"


def hash_recording(path: str) -> str:
    """Return a recording's SHA-256, in hex.

    Raises:
        UnreadableRecording: If it cannot be read, or is no recording.
    """
    digest = hashlib.sha256()
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()


def blocks_of(path: str) -> Iterator[bytes]:
    """Yield what a recording holds.

    Raises:
        UnreadableRecording: If it cannot be read, or is no recording.
    """
    try:
        # A FIFO would be waited for, and a device never ends.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        _must_be_a_recording(path, os.fstat(descriptor))
        while block := os.read(descriptor, _BLOCK_BYTES):
            yield block
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        os.close(descriptor)


def prune_recordings(state: Path) -> int:
    """Delete the recordings that no job refers to; return how many. By the state folder's owner alone.

    Raises:
        LedgerError: If the ledger cannot be read; nothing is deleted then.
    """
    if not (state / FOLDER_NAME).is_dir():
        return 0
    return RecordingStore(state).prune(_in_use(state))


def reference_of(voice: VoiceSpec, state: Path) -> Reference | None:
    """Return what a child is told of a planned voice's recording."""
    if voice.reference_path is None:
        return None
    path = str(state / voice.reference_path)
    return Reference(path=path, text=voice.reference_text or "", called=voice.origin or "")


class _Voice(msgspec.Struct):
    reference_sha256: str | None = None


class _Spec(msgspec.Struct):
    voice: _Voice


def _in_use(state: Path) -> set[str]:
    file = LedgerFile(state, read_only=True)
    try:
        chapters = file.rows(tuple[bytes], "SELECT DISTINCT voice FROM chapter")
        specs = file.rows(tuple[bytes], "SELECT spec FROM job WHERE length(spec) > 0")
    finally:
        file.close()
    voices = [msgspec.json.decode(row, type=_Voice) for (row,) in chapters]
    voices += [msgspec.json.decode(row, type=_Spec).voice for (row,) in specs]
    return {voice.reference_sha256 for voice in voices if voice.reference_sha256 is not None}


def _must_be_a_recording(path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableRecording(f"the recording {path} is a folder; name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableRecording(
            f"the recording {path} is no regular file; save it as one: it is read again and again"
        )
    if not status.st_size:
        raise UnreadableRecording(f"the recording {path} is empty; record 3 to 15 seconds of one speaker")
    if status.st_size > MOST_RECORDING_BYTES:
        raise UnreadableRecording(
            f"the recording {path} has {status.st_size} bytes, the most is {MOST_RECORDING_BYTES}; "
            "cut it to 3 to 15 seconds of one speaker"
        )


def _refused(path: str, error: OSError) -> UnreadableRecording:
    said = error.strerror or str(error)
    return UnreadableRecording(
        f"the recording {path} cannot be read ({said}); check the path and its permissions"
    )
