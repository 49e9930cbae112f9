"""What is said when the system refuses to write."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.edge.disk import free_bytes, fsync_folder, make_folder, settle, write_error, write_whole
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


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "facts.json"
    write_whole(path, [b"one ", b"two"])
    assert path.read_bytes() == b"one two"

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_whole(path, broken())
    with pytest.raises(FileExistsError):
        write_whole(path, [b"three"], anew=True)
    assert (path.read_bytes(), list(path.parent.iterdir())) == (b"one two", [path])
    write_whole(path, [b"four"])
    assert path.read_bytes() == b"four"


def test_a_file_where_none_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable):
        write_whole(tmp_path / "file" / "facts.json", [b"one"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unwritable, match="cannot write in"):
        write_whole(tmp_path / "folder", [b"one"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_is_not_there_or_not_ours_is_settled_without_a_word(tmp_path: Path) -> None:
    settle(tmp_path, tmp_path / "nothing")
    with pytest.raises(Unwritable, match="a file stands where a folder should be"):
        settle(Path(__file__))


def test_who_writes_alone_writes_over_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".facts.json.part").write_bytes(b"half of an older o")
    write_whole(tmp_path / "facts.json", [b"whole"], alone=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"facts.json": b"whole"}


def test_room_is_what_the_disk_says_and_none_where_there_is_no_folder(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    assert free_bytes(tmp_path / "none") == 0
