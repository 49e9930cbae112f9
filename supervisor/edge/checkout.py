"""A user's checkout of GLM-TTS, told from another by what decides its audio: its code and its checkpoint.

Nine gigabytes are not read for that. Small files count in full, large ones by their size and by pieces
spread over them, so that fine-tuned weights of the same shape are seen as other weights. Where the
folder lies is no part of it.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from supervisor.errors import ConfigError

KEY = "engine.glm_upstream.path"

#: What makes a folder the checkout.
MAIN_SCRIPT = "glmtts_inference.py"

#: Every file in these counts; elsewhere only the code.
_PARTS = ("ckpt", "configs", "frontend")
#: What it writes, what it only learns from, and what is no part of it.
_NOT_ITS_CODE = frozenset({*_PARTS, "outputs", "examples", "grpo", "__pycache__", "site-packages"})

_WHOLE_BYTES = 1 << 20
#: 32 reads of a page: a third of a second for a whole checkpoint on a disk that must seek for each.
_PIECES, _PIECE_BYTES = 32, 4096


def checkout_fingerprint(path: str) -> str:
    """Return what tells this checkout from another, 16 hexadecimal digits.

    Args:
        path: `engine.glm_upstream.path`, absolute, or empty if it was not given.

    Raises:
        ConfigError: If it is no checkout, or cannot be read.
    """
    root = _checked(path)
    whole = hashlib.sha256()
    try:
        for file in _files(root):
            whole.update(f"{file.relative_to(root).as_posix()}\0".encode("utf-8", "surrogateescape"))
            for piece in pieces_of(file):
                whole.update(piece)
    except OSError as error:
        raise ConfigError(
            f"{KEY}: {error.filename} cannot be read ({error.strerror}); make it readable"
        ) from error
    return whole.hexdigest()[:16]


def _checked(path: str) -> Path:
    if not path:
        raise ConfigError(
            f'the engine "glm-upstream" needs {KEY}: the folder of your own GLM-TTS, with {MAIN_SCRIPT} in it'
        )
    root = Path(path)
    if not (root / MAIN_SCRIPT).is_file():
        raise ConfigError(
            f"{KEY} = {path}: there is no {MAIN_SCRIPT} in it; name the folder that GLM-TTS was cloned into"
        )
    return root


def _files(root: Path) -> Iterator[Path]:
    """Yield what counts, in an order that does not depend on the file system."""
    seen: set[str] = set()
    for file in _walk(root, seen, _NOT_ITS_CODE):
        if file.suffix == ".py":
            yield file
    for part in _PARTS:
        yield from _walk(root / part, seen, frozenset({"__pycache__"}))


def _walk(folder: Path, seen: set[str], skipped: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen or not folder.is_dir() or (folder / "pyvenv.cfg").exists():
        return  # a link in a circle, a part that is not there, somebody's virtual environment
    seen.add(real)
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in skipped:
            continue
        if entry.is_dir():
            yield from _walk(entry, seen, skipped)
        elif entry.is_file():
            yield entry


def pieces_of(path: Path) -> Iterator[bytes]:
    """Yield a file's size, and all of it, or pieces spread over it if it is large."""
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        yield f"{size_bytes}\0".encode()
        if size_bytes <= _WHOLE_BYTES:
            yield file.read()
            return
        for piece in range(_PIECES):
            # The first at the beginning, the last at the very end.
            file.seek((size_bytes - _PIECE_BYTES) * piece // (_PIECES - 1))
            yield file.read(_PIECE_BYTES)
