"""A name is the same file to two processes, or the work is refused."""

import os
from pathlib import Path

import pytest

from supervisor.errors import InputError
from supervisor.loop.seeing import as_seen, must_be_as_seen


def test_what_is_seen_alike_passes(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text("# One", "utf-8")
    seen = as_seen([str(tmp_path / "book.md"), str(tmp_path)])
    assert seen.keys() == {str(tmp_path / "book.md"), str(tmp_path)}
    must_be_as_seen(seen)


def test_of_what_does_not_exist_yet_the_folder_above_counts(tmp_path: Path) -> None:
    assert as_seen([str(tmp_path / "a" / "b")]).keys() == {str(tmp_path)}


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# One", "utf-8")
    seen = as_seen([str(book)])
    (tmp_path / "other").write_text("# Other", "utf-8")
    os.replace(tmp_path / "other", book)  # noqa: PTH105 - both exist at once, so the inode is another
    with pytest.raises(InputError, match=r"book\.md: the service sees another file there .*PrivateTmp"):
        must_be_as_seen(seen)


def test_a_name_at_which_there_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sees nothing there"):
        must_be_as_seen({str(tmp_path / "gone"): "1:2"})
