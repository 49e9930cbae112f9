"""A file system that is full soon: a small tmpfs, for whoever may mount one."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tiny_disk(folder: Path, *, size_bytes: int) -> Generator[Path]:
    """Mount a tmpfs of so many bytes, or skip the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("a full disk is rehearsed on a small tmpfs: there is no mount here")
    if made.returncode != 0:
        pytest.skip(
            f"a full disk is rehearsed on a small tmpfs, which only root may mount: {made.stderr.strip()}"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, *, size_bytes: int) -> None:
    """Make a mounted tiny disk as large as this from now on; what is on it stays."""
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(folder)], check=True)
