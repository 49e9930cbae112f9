"""`get glm-tts`: all its files into one folder, however often that is interrupted."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tts_core.checkpoint import VOCODERS, Checkpoint
from tts_core.errors import TtsError
from tts_core.models.fetching import FetchError, Wanted, fetch
from tts_core.models.listing import GITHUB, SPEAKER, TABLES, Listing, on_hub, with_code
from tts_core.models.progress import Gauge, size
from tts_core.models.record import Record, locked

#: Left over on the disk when all is here: a full one stops more than this.
_SPARE_BYTES = 64 << 20
#: Taken for a file whose size is not told before it is here: the speaker encoder has 27 MiB.
_UNTOLD_BYTES = 32 << 20


class NoRoom(TtsError):
    """The disk has no room for what is still to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the model is published.

    Attributes:
        endpoint: Of the hub; None = its library's default.
        revision: There.
        github: Base of the addresses of the code's files.
        github_revision: There.
        checkout: A checkout of the code that its two parts are copied from instead; None = none.
    """

    endpoint: str | None = None
    revision: str = "main"
    github: str = GITHUB
    github_revision: str = "main"
    checkout: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What is here now.

    Attributes:
        folder: The checkpoint.
        configs: The tables for phonemes.
        commit: Of the weights' repository.
        files: How many files.
        size: Of all of them, in bytes.
        fetched: How many of those came in this run, in bytes.
    """

    folder: Path
    configs: Path
    commit: str
    files: int
    size: int
    fetched: int


def get(folder: Path, sources: Sources, out: TextIO) -> Got:
    """Have the model in a folder, fetching what is not there yet.

    Args:
        folder: Made if it is not there.
        sources: Where from.
        out: Takes the progress.

    Raises:
        FetchError: If something does not come; what is here stays, and the next run goes on.
        NoRoom: If the disk is too small; nothing has been fetched then.
        CheckpointError: If what is published is not the model.
        InUse: If another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        listing = on_hub(sources.endpoint, sources.revision)
        record = Record(folder)
        wanted = [*listing.files, *_of_the_code(listing, sources)]
        gauge = Gauge(out, sum(_size(one, folder) for one in wanted))
        try:
            fetched = _bring(wanted, folder, record, listing.commit, gauge)
            _copy(sources.checkout, folder, gauge)
        finally:
            gauge.close()
        _must_be_whole(folder)
    here = [folder / one.path for one in wanted]
    return Got(
        folder=folder,
        configs=folder / "configs",
        commit=listing.commit,
        files=len(here),
        size=sum(path.stat().st_size for path in here),
        fetched=fetched,
    )


def _of_the_code(listing: Listing, sources: Sources) -> list[Wanted]:
    if sources.checkout is not None:
        return []
    published = {one.path for one in listing.files}
    lacking = [path for path in (SPEAKER, *TABLES) if path not in published]
    return with_code(sources.github, sources.github_revision, lacking)


def _bring(wanted: Sequence[Wanted], folder: Path, record: Record, commit: str, gauge: Gauge) -> int:
    lacking = [one for one in wanted if not _is_here(one, folder, record, commit, gauge)]
    _must_have_room(lacking, folder)
    fetched = 0
    for one in lacking:
        gauge.begin(one.path)
        had, reckoned = _part_bytes(one, folder), _size(one, folder)
        place = fetch(one, folder, gauge.advance)
        _must_be_the_thing(one, place)
        record.take(one, folder, commit)
        fetched += max(0, place.stat().st_size - had)
        gauge.correct(place.stat().st_size - reckoned)
        gauge.say(f"{one.path}  {size(place.stat().st_size)}")
    return fetched


def _is_here(one: Wanted, folder: Path, record: Record, commit: str, gauge: Gauge) -> bool:
    place = folder / one.path
    if not record.has(one, folder):
        if not place.is_file() or one.digest is None or place.stat().st_size != one.size:
            return False
        gauge.say(f"{one.path}: is here, and being checked")
        if one.digest.of(place, lambda _: None) != one.digest.value:
            return False
        record.take(one, folder, commit)
    gauge.skip(place.stat().st_size)
    return True


def _must_have_room(lacking: Sequence[Wanted], folder: Path) -> None:
    wanted = sum(max(0, _size(one, folder) - _part_bytes(one, folder)) for one in lacking)
    free = shutil.disk_usage(folder).free
    if wanted and wanted + _SPARE_BYTES > free:
        raise NoRoom(
            f"{folder}: {size(wanted)} are still to come, and {size(free)} are free (64 MiB are to be left); "
            "make room, or name a folder on another disk with --to"
        )


def _size(one: Wanted, folder: Path) -> int:
    if one.size is not None:
        return one.size
    place = folder / one.path
    return place.stat().st_size if place.is_file() else _UNTOLD_BYTES if one.path == SPEAKER else 1 << 16


def _part_bytes(one: Wanted, folder: Path) -> int:
    part = folder / one.part
    return part.stat().st_size if part.is_file() else 0


def _must_be_the_thing(one: Wanted, place: Path) -> None:
    """Refuse an error page or a pointer in the place of a file that nobody gave a digest of."""
    with place.open("rb") as file:
        head = file.read(64).lstrip()
    if one.digest is None and (not head or head.startswith((b"<", b"version https://git-lfs", b"404"))):
        place.unlink()
        raise FetchError(
            f"{one.path}: {one.url} gave something else ({head[:24]!r}…); name another base with "
            "--github, or a checkout of GLM-TTS with --from"
        )


def _copy(checkout: Path | None, folder: Path, gauge: Gauge) -> None:
    if checkout is None:
        return
    for path in (SPEAKER, *TABLES):
        if not (checkout / path).is_file():
            raise FetchError(
                f"{checkout / path}: there is no such file; name the folder that holds frontend/ and configs/"
            )
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(f"{place.name}.part")
        shutil.copyfile(checkout / path, half)
        half.replace(place)
        gauge.say(f"{path}  copied")


def _must_be_whole(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    faults = min((checkpoint.missing(rate_hz) for rate_hz in VOCODERS), key=len)
    if faults:
        raise FetchError("\n".join(["all that is published has come, and yet:", *faults]))
