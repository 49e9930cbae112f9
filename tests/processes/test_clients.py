"""Clients in other languages, as they are shown to users: each drives a real job from submit to done."""

import hashlib
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.processes.narration import PATIENCE_S, Task, narrate, paragraphs
from tests.processes.serving import scripted_task
from tests.standin.tools import put_jq, put_node
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

CLIENTS = {"bash and jq": ("bash", "narrate.sh", put_jq), "Node": ("node", "narrate.mjs", put_node)}

Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One of them.

    Attributes:
        words: What it is started with.
        folder: For programs that it needs.
    """

    words: tuple[str, str]
    folder: Path

    def start(self, task: Task, name: str, output: str) -> "subprocess.Popen[str]":
        """Have it narrate, with a service of its own."""
        return subprocess.Popen(
            [*self.words, name, output, *task.words("serve", "--stdio", level="error")],
            cwd=task.text.parent,
            env=task.whole_env() | {"PATH": os.pathsep.join([str(self.folder), os.environ["PATH"]])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def drive(self, task: Task, name: str, output: str) -> Ran:
        """Have it narrate to the end."""
        with self.start(task, name, output) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
        return Ran(process.args, process.returncode, out, err)


@pytest.fixture(params=CLIENTS.values(), ids=list(CLIENTS))
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """Each, with what it needs."""
    program, script, put = request.param
    (tmp_path / "bin").mkdir()
    put(tmp_path / "bin")
    return Client(words=(program, str(ROOT / "examples" / script)), folder=tmp_path / "bin")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    folder = tmp_path / "client"
    folder.mkdir()
    task = scripted_task(folder, **{"engine.faults.poison": '{ xyzzy = "crash" }', "child.attempts": "1"})
    task.text.write_text(paragraphs(3), "utf-8")
    return task


def test_a_job_is_driven_from_its_submission_to_its_end_in_another_language(
    client: Client, task: Task, tmp_path: Path
) -> None:
    ran = client.drive(task, "text.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (0, f"{task.output}\n"), ran.stderr
    (tmp_path / "alone").mkdir()
    alone = scripted_task(tmp_path / "alone")
    alone.text.write_bytes(task.text.read_bytes())
    narrate(alone)
    ours, theirs = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (task.output, alone.output))
    assert ours == theirs


def test_what_cannot_be_done_is_an_error_in_another_language(client: Client, task: Task) -> None:
    ran = client.drive(task, "no-such-book.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no-such-book.txt" in ran.stderr


def test_what_is_done_in_part_is_told_in_another_language(client: Client, task: Task) -> None:
    task.text.write_text(paragraphs(3, ["", "xyzzy"]), "utf-8")
    ran = client.drive(task, "text.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (3, f"{task.output}\n"), ran.stderr


def test_a_client_that_is_killed_and_run_again_goes_on_where_it_was(client: Client, task: Task) -> None:
    task.text.write_text(paragraphs(6), "utf-8")
    slow = replace(task, sets={**task.sets, "engine.scripted.wall_per_char_s": "0.006"})
    with client.start(slow, "text.txt", "out.wav") as first:
        assert first.stderr is not None
        assert any("1 of 6" in line for line in first.stderr)
        first.kill()
        first.stderr.read()  # until the service has parked the work as well
    ran = client.drive(slow, "text.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (0, f"{task.output}\n"), ran.stderr
    assert "1 of 6" not in ran.stderr, "what was spoken is not spoken again"
    assert "6 of 6" in ran.stderr
