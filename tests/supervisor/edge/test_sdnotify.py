"""The service manager's end is a real socket; what is sent is read from it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.sdnotify import LONGEST_STATUS_BYTES, Notifier, one_line
from tests.tree import ROOT


class Listener:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    where = str(tmp_path / "notify") if request.param == "path" else f"@tts-supervisor-test-{os.getpid()}"
    listener = Listener(where)
    yield listener
    listener.close()


@pytest.fixture
def notifier(listener: Listener) -> Iterator[Notifier]:
    with closing(Notifier(listener.address)) as notifier:
        yield notifier


def test_each_message_is_one_datagram_as_the_manual_has_it(listener: Listener, notifier: Notifier) -> None:
    told = [
        notifier.ready(),
        notifier.status("speaks 3 of 9"),
        notifier.alive(),
        notifier.extend(1.5),
        notifier.reloading(12.25),
        notifier.stopping(),
    ]
    assert told == [True] * 6
    assert listener.heard() == [
        "READY=1",
        "STATUS=speaks 3 of 9",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=1500000",
        "RELOADING=1\nMONOTONIC_USEC=12250000",
        "STOPPING=1",
    ]


def test_a_status_is_one_line_whatever_is_in_it(listener: Listener, notifier: Notifier) -> None:
    notifier.status("a\nREADY=1\r\nb \udcff")
    assert listener.heard() == ["STATUS=a READY=1 b ?"]


@given(st.text(max_size=4000))
def test_a_line_of_status_is_never_longer_than_is_read_and_is_utf8(text: str) -> None:
    line = one_line(text)
    assert len(line.encode()) <= LONGEST_STATUS_BYTES
    assert len(line.splitlines()) <= 1
    assert not any(char in line for char in "\n\r")


@pytest.mark.parametrize("address", ["", "relative/path", "@", "vsock:2:1234"])
def test_without_a_service_manager_all_is_silence(address: str) -> None:
    notifier = Notifier(address, watchdog_s=3.0)
    assert not notifier.is_heard
    assert notifier.watchdog_s is None
    assert notifier.ready()


def test_a_manager_that_is_gone_raises_nothing(listener: Listener, notifier: Notifier) -> None:
    assert notifier.ready()
    listener.close()
    assert not notifier.ready()
    if not listener.address.startswith("@"):
        Path(listener.address).unlink()
    assert not notifier.ready()


def test_a_manager_that_does_not_read_holds_nobody_up(listener: Listener, notifier: Notifier) -> None:
    answers = [notifier.alive() for _ in range(2000)]  # a queue of datagrams is 10 to 512 long
    assert answers[0]
    assert not answers[-1]
    assert listener.heard() == ["WATCHDOG=1"] * sum(answers)
    assert notifier.alive()


def test_what_is_meant_for_us_is_taken_out_of_the_environment(tmp_path: Path) -> None:
    listener = Listener(str(tmp_path / "notify"))
    environ = {
        "NOTIFY_SOCKET": listener.address,
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    notifier = Notifier.take(environ)
    assert environ == {"HOME": "/"}
    assert notifier.watchdog_s == 30.0
    notifier.close()
    notifier.close()
    assert notifier.ready()
    assert listener.heard() == []
    listener.close()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2500000"}, 2.5),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "1"}, None),  # inherited from who was meant
    ],
)
def test_the_watchdog_is_as_the_environment_says(
    more: dict[str, str], expected: float | None, tmp_path: Path
) -> None:
    notifier = Notifier.take({"NOTIFY_SOCKET": str(tmp_path / "notify"), **more})
    assert notifier.watchdog_s == expected
    notifier.close()


STARTS_ANOTHER = """
import os, subprocess, sys
from supervisor.edge.launch import environment_for, environment_for_strangers
for env in (environment_for(sys.executable, "/a/state", {}), environment_for_strangers()):
    look = "import os; print([n for n in os.environ if n.startswith(('NOTIFY', 'WATCHDOG', 'JOURNAL_S'))])"
    subprocess.run([sys.executable, "-c", look], env=env, check=True)
"""


def test_no_process_of_ours_can_speak_in_our_name() -> None:
    env = {
        **os.environ,
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "1000000",
        "WATCHDOG_PID": "1",
        "JOURNAL_STREAM": "8:1",
    }
    command = [sys.executable, "-c", STARTS_ANOTHER]
    seen = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    assert seen.stdout.splitlines() == ["[]", "[]"]
