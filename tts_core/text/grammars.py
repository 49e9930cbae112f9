"""The grammars that read numbers, dates, money and signs: WeTextProcessing's, built once and kept.

Building takes ten seconds and 650 MiB, so it happens in a process of its own, once for a folder; every
start after that maps what was built. Two processes that start at once wait for one another.

    CACHE/grammars-1-1.2.0-2.1.7/{zh,en}_{tagger,verbalizer}.fst    by form and versions
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tts_core.errors import SettingError, TextError
from tts_core.text.kept import kept
from tts_core.text.libraries import lacking

if TYPE_CHECKING:
    from tn.processor import Processor

#: Goes up with what `grammar_building` writes.
_FORM: Final = 1

#: What has this package in it, for a process that is started with another working folder.
_ROOT: Final = Path(__file__).parents[2]


class Grammar(Protocol):
    """Reads one language: text in, text without digits and signs out."""

    def __call__(self, text: str) -> str:
        """Return a text in words; raise TextError where the grammar has no reading."""
        ...


def open_grammars(cache: Path, *, build: Callable[[Path], None] | None = None) -> tuple[Grammar, Grammar]:
    """Open the Chinese and the English grammar, built before or built now.

    Args:
        cache: Folder to keep them in; made if it is not there.
        build: Writes the files into an empty folder; None: as `grammar_building` does.

    Raises:
        SettingError: If a library is missing, the folder cannot be written, or building fails.
    """
    with _named_troubles(cache):
        versions = "-".join(metadata.version(name) for name in ("WeTextProcessing", "pynini"))
        name = f"grammars-{_FORM}-{versions}"
        try:
            return _read(kept(cache, name, build or _build_apart))
        except (OSError, RuntimeError):  # cut short by a full disk or a power cut: once more
            shutil.rmtree(cache / name, ignore_errors=True)
            return _read(kept(cache, name, build or _build_apart))


def _build_apart(folder: Path) -> None:
    """Build in a process whose memory goes with it."""
    known = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
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
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise SettingError(f"the grammars of WeTextProcessing could not be built: {last[0]}")


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
def _named_troubles(cache: Path) -> Generator[None]:
    try:
        yield
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise lacking("normalised text", error) from None
    except OSError as error:
        raise SettingError(f"{cache}: no place for the grammars of the text ({error})") from None
