"""Clients in other languages, as they are shown to users: each drives a real job from submit to done."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.narration import PATIENCE_S, Task, narrate, paragraphs
from tests.processes.serving import scripted_task
from tests.standin.tools import put_jq, put_node
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

CLIENTS = {"bash and jq": ("bash", "narrate.sh", put_jq), "Node": ("node", "narrate.mjs", put_node)}

Ran = subprocess.CompletedProcess[str]
Client = Callable[..., Ran]


@pytest.fixture(params=CLIENTS.values(), ids=list(CLIENTS))
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """One of them, with what it needs: called with an input, an output and the service's words."""
    program, script, put = request.param
    (tmp_path / "bin").mkdir()
    put(tmp_path / "bin")

    def drive(task: Task, name: str, output: str) -> Ran:
        words = task.words("serve", "--stdio", level="error")
        path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
        return subprocess.run(
            [program, str(ROOT / "examples" / script), name, output, *words],
            cwd=task.text.parent,
            env=task.whole_env() | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    return drive


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
    ran = client(task, "text.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (0, f"{task.output}\n"), ran.stderr
    (tmp_path / "alone").mkdir()
    alone = scripted_task(tmp_path / "alone")
    alone.text.write_bytes(task.text.read_bytes())
    narrate(alone)
    ours, theirs = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (task.output, alone.output))
    assert ours == theirs


def test_what_cannot_be_done_is_an_error_in_another_language(client: Client, task: Task) -> None:
    ran = client(task, "no-such-book.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no-such-book.txt" in ran.stderr


def test_what_is_done_in_part_is_told_in_another_language(client: Client, task: Task) -> None:
    task.text.write_text(paragraphs(3, ["", "xyzzy"]), "utf-8")
    ran = client(task, "text.txt", "out.wav")
    assert (ran.returncode, ran.stdout) == (1, f"{task.output}\n")
    assert '"failed":1' in ran.stderr
