"""Whether two processes mean the same file by a name: a service may have a /tmp, or a home, of its own."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from supervisor.errors import InputError
from supervisor.loop.wanting import nearest


def as_seen(paths: Iterable[str]) -> dict[str, str]:
    """Return what is seen at these paths; of one that does not exist, at the folder that does above it.

    Args:
        paths: Absolute.

    Returns:
        Paths that exist, with device and inode of each.
    """
    there = {str(nearest(Path(path))) for path in paths}
    return {path: identity for path in sorted(there) if (identity := _identity(path))}


def must_be_as_seen(seen: Mapping[str, str]) -> None:
    """Refuse paths at which this process sees another file, or none, than who asked.

    Args:
        seen: As `as_seen` returns it.

    Raises:
        InputError: If there is one; names it.
    """
    for path, identity in seen.items():
        here = _identity(path)
        if here == identity:
            continue
        what = "sees another file there" if here else "sees nothing there"
        raise InputError(
            f"{path}: the service {what} than who asks: it has folders of its own (PrivateTmp=, ProtectHome= "
            "of its unit), or may not look; choose a place that both see, or open this one to the service"
        )


def _identity(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - Path would say the same with more words
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"
