"""Traces from files, gzip, pipes and standard input; what is damaged is named with its line."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.traces import Boundary, LifeReady, Record, encode
from supervisor.edge.tracelines import MOST_LINE_BYTES, read_trace
from supervisor.errors import InputError
from tests.supervisor.nights import night, write
from tests.tree import ROOT

READY = LifeReady(t=0.0, life=1)
LINE = encode(READY)


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    records = list(night(segments=30))
    assert list(read_trace(str(write(tmp_path / "trace", records)))) == records


@given(lives=st.lists(st.integers(0, 2**40), max_size=20), blank=st.sampled_from([b"", b"\n", b" \r\n"]))
def test_blank_lines_count_and_say_nothing(
    lives: list[int], blank: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = [LifeReady(t=0.0, life=life) for life in lives]
    path = tmp_path_factory.mktemp("traces") / "trace"
    path.write_bytes(b"".join(encode(record) + blank for record in records))
    assert list(read_trace(str(path))) == records


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "trace.of.another.name"
    path.write_bytes(gzip.compress(LINE * 3))
    assert list(read_trace(str(path))) == [READY] * 3


def test_a_fifo_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LINE * 2,))
    writer.start()
    assert list(read_trace(str(path))) == [READY] * 2
    writer.join()


@pytest.mark.parametrize("stdin", [LINE * 2, gzip.compress(LINE * 2)])
def test_standard_input_is_a_trace_too(stdin: bytes) -> None:
    program = "from supervisor.edge.tracelines import read_trace; print(sum(1 for _ in read_trace('-')))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=stdin, cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout == b"2\n"


def test_kinds_and_fields_of_later_versions_are_passed_by(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(
        b'{"t": 1, "kind": "weather", "sky": "blue"}\n{"t": 2, "kind": "ready", "life": 3, "moon": 1}\n'
    )
    assert list(read_trace(str(path))) == [LifeReady(t=2.0, life=3)]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_byte_order_mark_is_no_damage(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "trace"
    path.write_bytes(mark + LINE)
    assert list(read_trace(str(path))) == [READY]


def damage(path: Path) -> tuple[int, str]:
    """Return how many records came before the damage, and what was said of it."""
    read: list[Record] = []
    with pytest.raises(InputError) as caught:
        read.extend(read_trace(str(path)))
    assert caught.value.exit_code == 1
    assert str(path) in str(caught.value)
    return len(read), str(caught.value).replace(str(path), "PATH")


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b'{"t": 1.0}\n',
        b'{"kind": "ready", "life": 1}\n',
        b'{"t": 1.0, "kind": "ready", "life": "one"}\n',
        b'{"t": 1.0, "kind": 5}\n',
        b"[1, 2]\n",
        b"\xff\xfe\n",
        b'{"t": 1.0, "kind": "ready", "life": 1} {}\n',
        b"\xef\xbb\xbf" + LINE,
    ],
)
def test_a_damaged_line_is_named_and_what_came_before_it_is_read(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "trace"
    path.write_bytes(LINE + b"\n" + LINE + line + LINE)
    read, said = damage(path)
    assert read == 2
    assert said.startswith("PATH, line 4: is no record of a trace (")


def test_a_byte_order_mark_before_damage_is_still_damage(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(b"\xef\xbb\xbfnot json\n")
    assert damage(path)[1].startswith("PATH, line 1: is no record")


def test_a_last_line_that_is_cut_off_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(LINE + LINE[:20])
    told: list[str] = []
    assert len(list(read_trace(str(path), told=told.append))) == 1
    (text,) = told
    assert text.startswith(f"{path}, line 2: is cut off")


def test_a_last_line_without_line_feed_is_whole_if_it_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(LINE + LINE.rstrip())
    assert len(list(read_trace(str(path)))) == 2


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    with path.open("wb") as file:
        file.truncate(100 * MOST_LINE_BYTES)
    assert damage(path)[1] == f"PATH, line 1: is longer than {MOST_LINE_BYTES} bytes: this is no trace"


@pytest.mark.parametrize("cut", [slice(0, -20), slice(0, 25)])
def test_gzip_that_is_cut_off_is_named(tmp_path: Path, cut: slice) -> None:
    path = tmp_path / "trace.gz"
    lines = b"".join(encode(Boundary(t=float(number), what="paragraph")) for number in range(5000))
    path.write_bytes(gzip.compress(lines)[cut])
    assert "the gzip stream is damaged or cut off" in damage(path)[1]


def test_gzip_that_is_damaged_within_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.gz"
    whole = bytearray(gzip.compress(os.urandom(3000).hex().encode()))
    whole[200:300] = bytes(100)
    path.write_bytes(whole)
    said = damage(path)[1]
    assert "gzip" in said or "line 1" in said


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(.*\); check the name"):
        list(read_trace(str(tmp_path / name)))


def test_errors_call_a_trace_by_the_name_that_people_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"?\n")
    with pytest.raises(InputError, match=r"^standard input, line 1:"):
        list(read_trace(str(path), name="-"))
