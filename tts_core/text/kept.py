"""A folder that is made once and kept: whole or not at all, however many processes want it at once.

CACHE/NAME/           made, and never written again
CACHE/.NAME.lock      held while it is made; the system lets go of it if the maker dies
CACHE/.NAME.XXXX/     being made; what a maker that died has left is cleared by the next one
"""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp


def kept(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of a cache, made now if it is not there.

    Args:
        cache: Made if it is not there.
        name: Of the folder in it; says all that its content depends on.
        make: Fills an empty folder. If it raises, nothing remains.

    Raises:
        OSError: If the cache cannot be written.
    """
    folder = cache / name
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():  # else another process made it while this one waited
            _make(folder, make)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    for left in folder.parent.glob(f".{folder.name}.*/"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        make(aside)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
