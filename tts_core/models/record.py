"""What is known of a folder's files since they were fetched: a second run then reads none of them again."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tts_core.errors import TtsError
from tts_core.models.fetching import Digest, Wanted

_NAME = ".fetched.json"


class InUse(TtsError):
    """Another process is fetching into the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file as it was when its content was last checked.

    Attributes:
        size: In bytes.
        mtime_ns: Of its last change.
        kind: Of its digest.
        value: Of its digest; what it hashes to, where nobody promised anything.
        commit: Of the repository that it came from.
    """

    size: int
    mtime_ns: int
    kind: str
    value: str
    commit: str


class Record:
    """The record of a folder, read once and written after each file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self.files: dict[str, Seen] = {}
        try:
            said = json.loads(self._path.read_text("utf-8"))
            self.files = {path: Seen(**one) for path, one in said["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.files = {}  # it saves work and proves nothing: without it every file is read again

    def has(self, wanted: Wanted, folder: Path) -> bool:
        """Whether a file is here as it was checked, and is the one that is wanted."""
        seen, path = self.files.get(wanted.path), folder / wanted.path
        if seen is None or not path.is_file():
            return False
        about = path.stat()
        unchanged = (about.st_size, about.st_mtime_ns) == (seen.size, seen.mtime_ns)
        return unchanged and (wanted.digest is None or wanted.digest == self.digest(wanted.path))

    def digest(self, path: str) -> Digest | None:
        """Return what a file hashed to."""
        seen = self.files.get(path)
        return None if seen is None else Digest("git" if seen.kind == "git" else "sha256", seen.value)

    def take(self, wanted: Wanted, folder: Path, commit: str) -> None:
        """Note a file that was just checked."""
        path = folder / wanted.path
        digest = wanted.digest or Digest("sha256", Digest("sha256", "").of(path, lambda _: None))
        about = path.stat()
        self.files[wanted.path] = Seen(
            size=about.st_size,
            mtime_ns=about.st_mtime_ns,
            kind=digest.kind,
            value=digest.value,
            commit=commit,
        )
        text = json.dumps({"files": {name: asdict(one) for name, one in self.files.items()}}, indent=1)
        half = self._path.with_suffix(".new")
        half.write_text(text + "\n", "utf-8")
        half.replace(self._path)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep a second download out of a folder.

    Raises:
        InUse: If one is at work.
    """
    descriptor = os.open(folder / ".fetching.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUse(
                f"{folder}: another download into it is at work; wait for it, or choose --to"
            ) from None
        yield
    finally:
        os.close(descriptor)
