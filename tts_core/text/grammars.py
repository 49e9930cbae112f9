"""The grammars that read numbers, dates, money and signs: WeTextProcessing's, built once and kept.

Building takes ten seconds and 650 MiB, so it happens in a process of its own, once for a folder; every
start after that maps what was built. Two processes that start at once wait for one another.

    CACHE/grammars-2-1.2.0-2.1.7/{zh,en}_{tagger,verbalizer}.fst    by libraries' versions
    CACHE/grammars.lock                                             held while building
"""

import fcntl
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final, Protocol

from tts_core.errors import SettingError, TextError

if TYPE_CHECKING:
    from tn.processor import Processor

#: Goes up with what `grammar_building` writes.
_FORM: Final = 2

_BUILDING: Final = "building-"


class Grammar(Protocol):
    """Reads one language: text in, text without digits and signs out."""

    def __call__(self, text: str) -> str:
        """Return a text in words; raise TextError where the grammar has no reading."""
        ...


def open_grammars(cache: Path) -> tuple[Grammar, Grammar]:
    """Open the Chinese and the English grammar, built before or built now.

    Args:
        cache: Folder to keep them in; made if it is not there.

    Raises:
        SettingError: If a library is missing, the folder cannot be written, or building fails.
    """
    with _named_troubles(cache):
        folder = _built(cache)
        try:
            return _read(folder)
        except (OSError, RuntimeError):  # cut short by a full disk or a power cut: once more
            shutil.rmtree(folder, ignore_errors=True)
            return _read(_built(cache))


def _built(cache: Path) -> Path:
    versions = "-".join(metadata.version(name) for name in ("WeTextProcessing", "pynini"))
    folder = cache / f"grammars-{_FORM}-{versions}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "grammars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():  # else somebody built it while we waited
            for left_over in cache.glob(f"{_BUILDING}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            _build(cache).rename(folder)
    return folder


def _build(cache: Path) -> Path:
    """Build into a new folder beside the final one, in a process whose memory goes with it."""
    folder = Path(mkdtemp(prefix=_BUILDING, dir=cache))
    root = Path(__file__).parents[2]
    known = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(  # noqa: S603 -- our own interpreter, no shell
        [sys.executable, "-m", "tts_core.text.grammar_building", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": known},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise SettingError(f"{cache}: the grammars of WeTextProcessing could not be built: {last[0]}")
    return folder


def _read(folder: Path) -> tuple[Grammar, Grammar]:
    return _Reader(_processor(folder, "zh")), _Reader(_processor(folder, "en"))


def _processor(folder: Path, language: str) -> "Processor":
    from pynini import Fst  # noqa: PLC0415 -- loads a compiled library

    quiet_library()
    from tn.processor import Processor  # noqa: PLC0415 -- as above

    processor = Processor(f"{language}_normalizer", "en_tn" if language == "en" else "tn")
    # Not optimised again, as the library does: that would number the states anew.
    processor.tagger = Fst.read(str(folder / f"{language}_tagger.fst"))
    processor.verbalizer = Fst.read(str(folder / f"{language}_verbalizer.fst"))
    return processor


def quiet_library() -> None:
    """Keep the library from telling on stderr which file it read; it adds no handler where one is."""
    logger = logging.getLogger("wetext")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)


class _Reader:
    """A Grammar."""

    def __init__(self, processor: "Processor") -> None:
        self._processor = processor

    def __call__(self, text: str) -> str:
        try:
            return str(self._processor.normalize(text))
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            seen = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 -- enough to find it by
            raise TextError(f"{seen!r}: the grammar has no reading of this text ({error})") from None


@contextmanager
def _named_troubles(cache: Path) -> Iterator[None]:
    try:
        yield
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise SettingError(f"text cannot be normalised ({error}): pip install 'tts-supervisor[glm]'") from None
    except OSError as error:
        raise SettingError(f"{cache}: no place for the grammars of the text ({error})") from None
