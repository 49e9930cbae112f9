"""One file from the network into its place: resumed where it stood, checked before it counts.

The hub's own library downloads into a file that no later process will find again; so bytes go to a file
beside the place, named by what they are to become, and its `http_get` goes on at the end of that.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal

from tts_core.errors import TtsError

#: Takes how many bytes came, or, negative, were thrown away.
Progress = Callable[[int], None]

_READ_BYTES = 1 << 22

#: What a broken connection may cost, and a step of the progress.
_BLOCK_BYTES = 1 << 18


class FetchError(TtsError):
    """Something cannot be fetched; what came so far is kept, and is gone on with."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file's content must hash to.

    Attributes:
        kind: "sha256" of the content, or "git" for the SHA-1 of it as a git object.
        value: Lower-case hexadecimal digits.
    """

    kind: Literal["sha256", "git"]
    value: str

    def of(self, path: Path, progress: Progress) -> str:
        """Hash a file."""
        if self.kind == "sha256":
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
                progress(len(block))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that is to be here.

    Attributes:
        path: Within the folder, with slashes.
        url: Where it comes from.
        size: In bytes; None = not known before it is here.
        digest: None = its publisher tells none.
        headers: To be sent with the request.
    """

    path: str
    url: str
    size: int | None
    digest: Digest | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def part(self) -> str:
        """Name of what has come so far: of another content it would be another file."""
        return f"{self.path}.{self.digest.value[:12] if self.digest else 'new'}.part"


def fetch(wanted: Wanted, folder: Path, progress: Progress) -> Path:
    """Bring a file into its place, going on with what an earlier run has of it.

    Args:
        wanted: What.
        folder: Under which it is to lie.
        progress: Told as bytes come; those that were here already are told at once.

    Raises:
        FetchError: If it does not come, or is not what was promised.
        OSError: If it cannot be written.
    """
    place, part = folder / wanted.path, folder / wanted.part
    place.parent.mkdir(parents=True, exist_ok=True)
    if wanted.size is None or wanted.digest is None:
        part.unlink(missing_ok=True)  # nothing tells whether its beginning is of the same file
    try:
        _download(wanted, part, progress)
    except hub().troubles as error:
        _keep_or_blame(wanted, error)
    _check(wanted, part)
    part.replace(place)
    return place


def _keep_or_blame(wanted: Wanted, error: Exception) -> None:
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        raise error
    if isinstance(error, OSError) and error.errno == 28:  # noqa: PLR2004 -- ENOSPC, raised without a name
        raise error
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    raise FetchError(
        f"{wanted.path}: did not come whole from {wanted.url} ({said}); run the same command again to go on"
    ) from None


def _download(wanted: Wanted, part: Path, progress: Progress) -> None:
    with part.open("ab") as file:
        here = file.tell()
        if wanted.size is not None and here > wanted.size:
            file.truncate(here := 0)
        progress(here)
        counted = _Counted(file, progress)
        hub().get(wanted.url, counted, resume_size=here, headers=wanted.headers, expected_size=wanted.size)
        file.flush()
        os.fsync(file.fileno())


def _check(wanted: Wanted, part: Path) -> None:
    size = part.stat().st_size
    told = None if wanted.size is None or size == wanted.size else f"{size} bytes instead of {wanted.size}"
    if told is None and wanted.digest is not None:
        seen = wanted.digest.of(part, lambda _: None)
        told = None if seen == wanted.digest.value else f"{wanted.digest.kind} {seen[:12]}…"
    if told is not None:
        part.unlink()
        raise FetchError(
            f"{wanted.path}: came damaged from {wanted.url} ({told}) and was thrown away; run the same "
            "command again, or name another --endpoint"
        )


class _Counted:
    """A file, as far as the hub's library wants one, that tells what is written to it."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def write(self, block: bytes) -> int:
        self._progress(len(block))
        return self._file.write(block)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, at: int) -> int:
        return self._file.seek(at)

    def truncate(self) -> int:
        # The server begins anew.
        before = self._file.seek(0, os.SEEK_CUR), self._file.seek(0, os.SEEK_END)
        self._file.seek(before[0])
        self._progress(before[0] - before[1])
        return self._file.truncate()


# ------------------------------------------------------------------ the hub's library


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a repository.

    Attributes:
        path: In it.
        size: In bytes.
        digest: As the hub has it.
    """

    path: str
    size: int | None
    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository at one commit."""

    commit: str
    files: Sequence[Listed]


class Hub:
    """The few things that are asked of huggingface_hub.

    Attributes:
        endpoint: Its default.
        troubles: What it raises when the network, or the other side, is to blame.
    """

    def __init__(self) -> None:
        # Bars would be drawn for each file, and over ours.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            import huggingface_hub  # noqa: PLC0415 -- 0.3 s, and not there in a small install
            from huggingface_hub import errors, file_download  # noqa: PLC0415 -- see above
        except ImportError:
            raise FetchError(
                "huggingface_hub is not installed here: pip install 'tts-supervisor[glm]' where child.python "
                "points, or download the model by other means (docs/commands.md says which files)"
            ) from None
        # It writes in blocks of 10 MiB, and throws away what it has of one when the connection breaks.
        huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = _BLOCK_BYTES
        self._library, self._download = huggingface_hub, file_download
        self.endpoint: str = huggingface_hub.constants.ENDPOINT
        # Below its own error lies that of whichever HTTP library it stands on at this version.
        below = errors.HfHubHTTPError.__mro__[1]
        self.troubles: tuple[type[Exception], ...] = (OSError, below, ValueError)

    def listed(self, repository: str, endpoint: str | None, revision: str) -> Found:
        """List a repository; raises one of `troubles`."""
        api = self._library.HfApi(endpoint=endpoint)
        try:
            about = api.model_info(repository, revision=revision, files_metadata=True)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it answers, but not as a hub does: {error!r}") from None
        files = [
            Listed(path=one.rfilename, size=one.size, digest=_digest(one)) for one in about.siblings or []
        ]
        return Found(commit=about.sha or revision, files=files)

    def url(self, repository: str, path: str, commit: str, endpoint: str | None) -> str:
        """Return where a file is."""
        return self._library.hf_hub_url(repository, path, revision=commit, endpoint=endpoint)

    def headers(self) -> dict[str, str]:
        """Return what the hub wants to be sent: the user's token, if there is one."""
        return self._library.utils.build_hf_headers()

    def get(
        self,
        url: str,
        file: _Counted,
        *,
        resume_size: int,
        headers: Mapping[str, str],
        expected_size: int | None,
    ) -> None:
        """Download from `resume_size` on, again while bytes come; raises one of `troubles`."""
        self._download.http_get(
            url,
            file,
            resume_size=resume_size,
            headers=dict(headers),
            expected_size=expected_size,
        )


def _digest(one: object) -> Digest | None:
    lfs, blob = getattr(one, "lfs", None), getattr(one, "blob_id", None)
    if lfs is not None:
        return Digest("sha256", lfs.sha256)
    return Digest("git", blob) if isinstance(blob, str) else None


@cache
def hub() -> Hub:
    """Return the hub's library.

    Raises:
        FetchError: If it is not installed.
    """
    return Hub()
