"""A disk of one's own, to cut the power of: an ext4 in a file, for whoever may mount one."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

_EXT4_IOC_SHUTDOWN = 0x8004587D  # linux/ext4.h: _IOR('X', 125, __u32)
_NOLOGFLUSH = 2  # neither data nor the journal is written any more

_SIZE_BYTES = 96 * 2**20


class LoopDisk:
    """A mounted disk.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and what has not reached it is lost."""
        assert os.path.ismount(self.folder), f"{self.folder} is no disk of ours"
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def start_again(self) -> None:
        """Mount it anew, as another machine does that it is put into."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        # A copy: where somebody else's mount namespace has it too, the one that was cut stays in the kernel.
        copy = self._image.with_name(f"again-{self._image.name}")
        subprocess.run(["cp", "--sparse=always", str(self._image), str(copy)], check=True)
        copy.replace(self._image)
        self.mount()

    def mount(self) -> None:
        """Mount it, or skip the test where that is not allowed."""
        words = ["mount", "-t", "ext4", "-o", "loop", str(self._image), str(self.folder)]
        made = subprocess.run(words, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            pytest.skip(f"a disk to cut the power of is mounted by root alone: {made.stderr.strip()}")


@contextmanager
def loop_disk(folder: Path) -> Generator[LoopDisk]:
    """Make and mount a disk, or skip the test where there is no way to."""
    if shutil.which("mkfs.ext4") is None or shutil.which("mount") is None:
        pytest.skip("a disk to cut the power of needs mkfs.ext4 and mount")
    image = folder.with_name(f"{folder.name}.ext4")
    with image.open("wb") as file:
        file.truncate(_SIZE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
    folder.mkdir()
    disk = LoopDisk(image, folder)
    disk.mount()
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
