"""Nothing but the door's lines is on standard output, and nobody but the door reads standard input."""

import fcntl
import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supervisor.doors.pipes import request
from tests.supervisor.doors.stdio_server import STRAY
from tests.tree import ROOT

LINES = b"".join(
    line + b"\n"
    for line in (
        request("synthesize", 1, text="One. Two."),
        request("synthesize", 2, text="Three.", audio="inline"),
        request("no/such", 3),
    )
)


def server(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "tests.supervisor.doors.stdio_server", str(folder), *options]


def ids(out: bytes) -> list[object]:
    lines = [json.loads(line) for line in out.splitlines()]
    assert all(line["jsonrpc"] == "2.0" for line in lines)
    return sorted(line["id"] for line in lines if "id" in line)


def test_standard_output_holds_the_doors_lines_alone_whatever_is_printed(tmp_path: Path) -> None:
    seen = subprocess.run(server(tmp_path, "--loud"), cwd=ROOT, input=LINES, capture_output=True, check=True)
    assert ids(seen.stdout) == [1, 2, 3]
    assert STRAY.encode() not in seen.stdout
    for way in ("print", "write", "C", "a child"):
        assert f"{STRAY} of {way}".encode() in seen.stderr
    assert b'why="input ended"' in seen.stderr


def test_files_may_stand_for_both(tmp_path: Path) -> None:
    asked, answered = tmp_path / "asked.jsonl", tmp_path / "answered.jsonl"
    asked.write_bytes(LINES)
    answered.write_bytes(b'{"jsonrpc":"2.0"}\n')
    with asked.open("rb") as into, answered.open("ab") as out:
        subprocess.run(
            server(tmp_path), cwd=ROOT, stdin=into, stdout=out, stderr=subprocess.DEVNULL, check=True
        )
    assert ids(answered.read_bytes()) == [1, 2, 3]
    assert answered.read_bytes().startswith(b'{"jsonrpc":"2.0"}\n')


def test_nothing_at_all_is_an_end_like_any_other(tmp_path: Path) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(server(tmp_path), cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, check=True)


def test_sockets_may_stand_for_both_as_node_has_it(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            server(tmp_path),
            cwd=ROOT,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        ours.sendall(LINES)
        ours.shutdown(socket.SHUT_WR)
        out = b"".join(iter(lambda: ours.recv(65536), b""))
        assert process.wait(10) == 0
    assert ids(out) == [1, 2, 3]


def test_a_terminal_may_stand_for_both(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        server(tmp_path),
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, request("ping", 7) + b"\n\x04")
    out = b""
    while b'"result":{}' not in out:
        out += os.read(ours, 65536)
    assert process.wait(10) == 0
    os.close(ours)


def test_a_pipe_with_a_name_that_is_open_for_both_ends_with_none_of_its_writers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lines")
    both = os.open(tmp_path / "lines", os.O_RDWR)
    process = subprocess.Popen(
        server(tmp_path), cwd=ROOT, stdin=both, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    os.close(both)
    assert process.stdout is not None
    with process.stdout as out:
        for number in (1, 2):
            (tmp_path / "lines").write_bytes(request("ping", number) + b"\n")
            assert json.loads(out.readline())["id"] == number
        process.terminate()
        process.wait(10)


def test_what_others_share_with_us_still_blocks(tmp_path: Path) -> None:
    (read_fd, into_fd), (out_fd, write_fd) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        server(tmp_path), cwd=ROOT, stdin=read_fd, stdout=write_fd, stderr=subprocess.DEVNULL
    )
    os.write(into_fd, request("ping", 1) + b"\n")
    assert b'"id":1' in os.read(out_fd, 4096)
    for fd in (read_fd, write_fd):
        assert not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
    for fd in (into_fd, read_fd, write_fd):
        os.close(fd)
    assert process.wait(10) == 0
    os.close(out_fd)


@pytest.mark.parametrize(("redirect", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_stream_that_is_closed_is_told(redirect: str, name: str) -> None:
    claim = "from supervisor.doors.streams import claim_streams; claim_streams()"
    command = f'exec "$0" -c "{claim}" {redirect}'
    seen = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert f"UsageError: standard {name} is closed" in seen.stderr


def test_without_standard_error_strays_go_nowhere(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *server(tmp_path, "--loud")]
    seen = subprocess.run(command, cwd=ROOT, input=LINES, capture_output=True, check=False)
    assert ids(seen.stdout) == [1, 2, 3]
