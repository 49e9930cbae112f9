"""What is looked at before a job is taken; the command line's own tests are in cli/test_request.py."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.errors import InputError, Unwritable, UsageError
from supervisor.loop.wanting import absolute_in, must_be_readable, nearest, output_place


def test_what_is_relative_counts_from_the_folder_and_links_stay_as_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert absolute_in(tmp_path, "link/../a.txt") == f"{tmp_path}/a.txt"
    assert absolute_in(tmp_path, "link/a.txt") == f"{tmp_path}/link/a.txt"
    assert absolute_in(tmp_path, "/etc/a.txt") == "/etc/a.txt"
    assert output_place("link/a.flac", tmp_path, called="o") == (f"{tmp_path}/link/a.flac", "flac")


def test_a_folder_has_no_format_of_its_own(tmp_path: Path) -> None:
    assert output_place("new/", tmp_path, called="o") == (f"{tmp_path}/new/", None)
    assert output_place(".", tmp_path, called="o") == (f"{tmp_path}/", None)


def test_what_is_refused_is_called_as_whoever_gave_it_calls_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"^output a\.mp3: need a file that ends in \.wav or \.flac"):
        output_place("a.mp3", tmp_path, called="output")
    with pytest.raises(Unwritable, match=r"^-o file/a\.wav: .*file is no folder; choose another output$"):
        output_place("file/a.wav", tmp_path, called="-o")
    with pytest.raises(Unwritable, match=r"^output /proc/a\.wav: cannot write in /proc .*permissions$"):
        output_place("/proc/a.wav", tmp_path, called="output")


def test_the_probe_is_made_and_removed_while_signals_are_held(tmp_path: Path) -> None:
    seen: list[str] = []

    @contextmanager
    def held() -> Generator[None]:
        seen.append(f"{len(list(tmp_path.iterdir()))} before")
        yield
        seen.append(f"{len(list(tmp_path.iterdir()))} after")

    output_place("deep/er/a.wav", tmp_path, called="o", held=held)
    assert seen == ["0 before", "0 after"]


def test_a_file_that_cannot_be_read_is_named_as_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^b\.txt: cannot be read \(No such file or directory\); check"):
        must_be_readable(f"{tmp_path}/b.txt", "b.txt")
    (tmp_path / "a.txt").touch()
    must_be_readable(f"{tmp_path}/a.txt", "a.txt")


def test_what_would_be_waited_for_is_refused_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")  # nobody writes into it: to open it would take for ever
    for path, name in ((f"{tmp_path}/pipe.wav", "pipe.wav"), ("/dev/zero", "zero")):
        with pytest.raises(InputError, match=rf"^{name}: is no regular file; save it as one"):
            must_be_readable(path, name)


def test_the_nearest_of_a_path_is_what_exists_of_it(tmp_path: Path) -> None:
    assert nearest(tmp_path / "x" / "y") == tmp_path
    assert nearest(tmp_path) == tmp_path


def test_looking_at_a_place_makes_no_name_in_it(tmp_path: Path) -> None:
    before_ns = tmp_path.stat().st_mtime_ns
    output_place("story.wav", tmp_path, called="-o story.wav")
    assert tmp_path.stat().st_mtime_ns == before_ns
