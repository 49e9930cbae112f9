"""The user's program gets its event, its own environment, and an end with ours."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.core.death import Death
from supervisor.edge.alerts import start_alert
from supervisor.edge.process import Process
from supervisor.wire.lifeline import LIFE_VARIABLE, PARENT_VARIABLE, STATE_VARIABLE
from tests.tree import ROOT

PATIENCE_S = 10.0


def ended(process: Process) -> tuple[Death | None, bytes]:
    """Wait for its end; return how that was, and what it said."""
    select.select([process.pidfd], [], [], PATIENCE_S)
    death = process.reap()
    said = b""
    while select.select([process.stderr_fd], [], [], PATIENCE_S)[0] and (
        piece := os.read(process.stderr_fd, 65536)
    ):
        said += piece
    process.close()
    return death, said


def test_the_event_is_all_of_its_standard_input() -> None:
    event = b'{"why": "' + b"x" * 300_000 + b'"}'  # more than a pipe holds
    death, said = ended(start_alert(["wc", "-c"], event))
    assert (death, said.strip()) == (Death(exit_code=0), b"%d" % len(event))


def test_its_words_are_its_own_and_no_shell_reads_them() -> None:
    _, said = ended(start_alert(["echo", "$HOME; two  words", "*"], b""))
    assert said == b"$HOME; two  words *\n"


def test_its_environment_is_ours_without_what_is_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PARENT_VARIABLE, STATE_VARIABLE, LIFE_VARIABLE, "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "private")
    monkeypatch.setenv("MAIL_TO", "night@example.org")
    monkeypatch.setenv("PYTHONPATH", "/of/the/users/own")
    _, said = ended(start_alert(["env"], b""))
    lines = said.decode().splitlines()
    assert "MAIL_TO=night@example.org" in lines
    assert "PYTHONPATH=/of/the/users/own" in lines
    assert not any(line.endswith("=private") for line in lines)


def test_it_holds_none_of_our_descriptors(tmp_path: Path) -> None:
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        _, said = ended(start_alert(["ls", "-l", "/proc/self/fd"], b""))
    assert b"ours" not in said


def test_a_program_that_is_not_there_is_named() -> None:
    death, said = ended(start_alert(["no-such-program"], b""))
    assert death == Death(exit_code=127)
    assert said == b"alerts.command: no-such-program cannot be run (No such file or directory)\n"


PARENT = """
import select, sys
from supervisor.edge.alerts import start_alert
process = start_alert(["sh", "-c", "echo it runs; exec sleep 600"], b"")
select.select([process.stderr_fd], [], [])
print(process.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_when_we_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    ready, _, _ = select.select([pidfd], [], [], PATIENCE_S)
    os.close(pidfd)
    assert ready
