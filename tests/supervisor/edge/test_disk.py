"""What is said when the system refuses to write."""

import errno
import os
from pathlib import Path

import pytest

from supervisor.edge.disk import fsync_folder, make_folder, write_error
from supervisor.errors import DiskFull, Unwritable


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota")])
def test_a_full_disk_or_quota_is_one_with_figures_and_the_mend(
    tmp_path: Path, number: int, words: str
) -> None:
    said = write_error(tmp_path, OSError(number, os.strerror(number)), needed_bytes=4711)
    assert isinstance(said, DiskFull)
    assert said.exit_code == 75
    for part in (words, str(tmp_path), "4711 bytes", "make room"):
        assert part in str(said)


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.EACCES, "writable"),
        (errno.EROFS, "writable"),
        (errno.EIO, "the disk"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.EFBIG, "ulimit"),
        (errno.EEXIST, "a file stands where a folder should be"),
        (errno.ENOTDIR, "a file stands where a folder should be"),
    ],
)
def test_anything_else_names_the_folder_and_the_mend(tmp_path: Path, number: int, mend: str) -> None:
    said = write_error(tmp_path, OSError(number, os.strerror(number)))
    assert isinstance(said, Unwritable)
    for part in (str(tmp_path), os.strerror(number), mend):
        assert part in str(said)


def test_a_folder_is_made_with_its_parents_and_made_again_without_harm(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    make_folder(folder)
    make_folder(folder)
    fsync_folder(folder)
    assert folder.is_dir()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(Unwritable, match=r"/a/b"):
        make_folder(tmp_path / "a" / "b")
