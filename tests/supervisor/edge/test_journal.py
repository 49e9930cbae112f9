"""journald's end is a real socket; a real journald reads the same in tests/processes/test_systemd.py."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.journal import PRIORITIES, JournalSocket, encode, journal_of
from supervisor.log import LEVELS, Entry, Field, Level


def entry(level: Level = "info", **fields: Field) -> Entry:
    return Entry(event="child.gone", level=level, fields=fields, message="child.gone so it goes")


def decode(datagram: bytes) -> dict[str, bytes]:
    """Read the native protocol as journald does."""
    fields: dict[str, bytes] = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if equals:
            datagram = rest
        else:
            (length,) = struct.unpack("<Q", rest[:8])
            value, end, datagram = rest[8 : 8 + length], rest[8 + length : 9 + length], rest[9 + length :]
            assert end == b"\n"
        fields[name.decode("ascii")] = value
    return fields


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.setblocking(False)
        yield listener


def stream_of(path: Path) -> str:
    seen = path.stat()
    return f"{seen.st_dev}:{seen.st_ino}"


def test_an_event_has_a_line_for_people_and_a_field_for_each_of_its_own() -> None:
    fields = decode(encode(entry("warning", life=3, planned=False, why=None, seconds=0.5, how="two\nlines")))
    assert fields == {
        "MESSAGE": b"child.gone so it goes",
        "PRIORITY": b"4",
        "SYSLOG_IDENTIFIER": b"tts-supervisor",
        "TTS_EVENT": b"child.gone",
        "TTS_LIFE": b"3",
        "TTS_PLANNED": b"false",
        "TTS_SECONDS": b"0.5",
        "TTS_HOW": b"two\nlines",
    }


def test_every_level_has_a_priority_and_worse_is_lower() -> None:
    assert PRIORITIES.keys() == LEVELS.keys()
    ranks = [PRIORITIES[level] for level in LEVELS]
    assert list(LEVELS.values()) == sorted(LEVELS.values())
    assert ranks == sorted(ranks, reverse=True)


# As a child writes them: lone surrogates, line ends, NUL.
@given(st.dictionaries(st.sampled_from(["line", "why", "job"]), st.text(st.characters()), max_size=3))
def test_whatever_is_in_a_value_the_fields_stay_apart(values: dict[str, str]) -> None:
    found = decode(encode(Entry(event="notice", level="info", fields=values, message="so it goes")))
    expected = {f"TTS_{k.upper()}": v.encode("utf-8", "backslashreplace") for k, v in values.items()}
    assert {name: value for name, value in found.items() if name in expected} == expected
    assert len(found) == 4 + len(values)


def test_events_go_to_journald_where_standard_error_does(journald: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        found = journal_of(
            {"JOURNAL_STREAM": stream_of(tmp_path / "stderr")},
            path=str(tmp_path / "socket"),
            fd=stderr.fileno(),
        )
        assert found is not None
        with closing(found):
            assert found(entry(life=1))
    assert decode(journald.recv(65536))["TTS_LIFE"] == b"1"


def test_elsewhere_nothing_goes_there(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with (tmp_path / "stderr").open("wb") as stderr:
        for environ in (
            {},
            {"JOURNAL_STREAM": ""},
            {"JOURNAL_STREAM": "nonsense"},
            {"JOURNAL_STREAM": stream_of(tmp_path / "journal")},  # led into a file by 2>, say
        ):
            assert journal_of(environ, fd=stderr.fileno()) is None
        fd, stream = stderr.fileno(), stream_of(tmp_path / "stderr")
    assert journal_of({"JOURNAL_STREAM": stream}, fd=fd) is None  # closed


def test_what_journald_does_not_take_is_said_and_holds_nobody_up(
    journald: socket.socket, tmp_path: Path
) -> None:
    with closing(JournalSocket(str(tmp_path / "socket"))) as journal:
        assert not journal(entry(line="x" * 10_000_000))
        taken = [journal(entry()) for _ in range(2000)]
        assert taken[0]
        assert not taken[-1]
        journald.close()
        assert not journal(entry())
    assert not journal(entry())
