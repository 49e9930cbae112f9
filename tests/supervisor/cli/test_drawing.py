import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor.cli.drawing import draw, must_be_drawable, sources
from supervisor.cli.parser import parse
from supervisor.edge.tracelines import read_trace
from supervisor.errors import DiskFull, InputError, SupervisorError, Unwritable, UsageError
from tests.standin.tinydisk import tiny_disk
from tests.supervisor.nights import night, write

pytestmark = pytest.mark.processes


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.svg", "a.pdf"])
def test_pictures_are_known_by_their_suffix(tmp_path: Path, name: str) -> None:
    must_be_drawable(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "error"),
    [("a.gif", UsageError), ("a", UsageError), ("no/a.png", Unwritable), ("d.png", Unwritable)],
)
def test_what_can_be_no_picture_is_refused(tmp_path: Path, name: str, error: type[SupervisorError]) -> None:
    (tmp_path / "d.png").mkdir()
    with pytest.raises(error, match=name):
        must_be_drawable(str(tmp_path / name))


def test_a_plain_file_is_read_where_it_lies(tmp_path: Path, opened: ExitStack) -> None:
    path = str(write(tmp_path / "trace", night(segments=2)))
    (found,) = sources([path], opened, again=True)
    assert (found.name, found.path, found.fd) == (path, path, None)


@pytest.mark.parametrize("again", [True, False])
def test_what_comes_through_a_pipe_is_kept_if_it_is_read_again(
    tmp_path: Path, opened: ExitStack, again: bool
) -> None:
    records = list(night(segments=5))
    kept = write(tmp_path / "kept", records)
    reader, writer = os.pipe()
    os.write(writer, kept.read_bytes())
    os.close(writer)
    (found,) = sources([f"/dev/fd/{reader}"], opened, again=again)
    assert found.name == f"/dev/fd/{reader}"
    for _ in range(2 if again else 1):
        assert list(read_trace(found.path)) == records
    os.close(reader)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept"]


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_trace_that_is_none_is_refused_by_its_name(tmp_path: Path, opened: ExitStack, name: str) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        sources([str(tmp_path / name)], opened, again=False)


def test_a_full_disk_has_its_own_exit_code_and_leaves_the_picture_of_before(
    tmp_path: Path, opened: ExitStack, fonts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in fonts.items():
        monkeypatch.setenv(name, value)
    trace = write(tmp_path / "trace", night(segments=20))
    with tiny_disk(tmp_path / "disk", size_bytes=16_384) as disk:
        output = disk / "night.png"
        output.write_bytes(b"of before")
        args = parse(["plot", str(trace), "-o", str(output)])
        with pytest.raises(DiskFull):
            draw(args, sources([str(trace)], opened, again=True), str(output))
        assert [(each.name, each.read_bytes()) for each in disk.iterdir()] == [("night.png", b"of before")]


def test_a_process_that_cannot_even_answer_is_an_error_in_words(
    tmp_path: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    trace = write(tmp_path / "trace", night(segments=2))
    args = parse(["plot", str(trace), "-o", "x.png"])
    with pytest.raises(SupervisorError, match="without an answer"):
        draw(args, sources([str(trace)], opened, again=True), "x.png")
