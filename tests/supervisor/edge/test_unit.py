"""The unit: what is shipped is what is generated, systemd finds no fault in it, and any path survives."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.unit import MARK, STEPS_SINCE, UNIT_NAME, Scope, Unit
from supervisor.errors import GaveUp, GpuLost, ProcessStuck, TryLater, UsageError
from tests.blocks import Block, every
from tests.tree import page

SCOPES: tuple[Scope, ...] = get_args(Scope)

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def unit(scope: Scope, *, version: int = STEPS_SINCE - 1, program: str = "/usr/bin/tts-supervisor") -> str:
    return Unit(scope=scope, command=[program], systemd_version=version).text()


#: With every door, and folders to write.
DOORS = ("--http", "[::1]:8000", "--wyoming", "tcp://0.0.0.0:10200", "--wyoming", "unix:///run/wy/a.sock")
FOLDERS = ("/srv/audio books", "/run/wy")


def values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("scope", SCOPES)
def test_the_units_of_the_repository_are_the_generated_ones(scope: Scope) -> None:
    assert page(f"systemd/{scope}/{UNIT_NAME}") == unit(scope), "run: python systemd/write_units.py"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_unit_says_whose_it_is_and_what_it_runs(scope: Scope) -> None:
    text = unit(scope)
    assert text.startswith(MARK)
    assert values(text, "ExecStart") == ["/usr/bin/tts-supervisor serve"]
    assert values(text, "Type") == ["notify"]
    assert not re.search(r"[{}?]\w|\n\n\n|[ \t]\n", text)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_wants_a_person_is_never_restarted_and_the_rest_is(scope: Scope) -> None:
    (prevented,) = values(unit(scope), "RestartPreventExitStatus")
    terminal = {kind.exit_code for kind in (UsageError, GpuLost, ProcessStuck, GaveUp)}
    assert set(map(int, prevented.split())) == terminal
    assert TryLater.exit_code not in terminal
    assert values(unit(scope), "Restart") == ["on-failure"]


def test_delays_grow_where_systemd_knows_how() -> None:
    older, newer = unit("system"), unit("system", version=STEPS_SINCE)
    assert values(older, "RestartSteps") == []
    assert values(newer, "RestartSteps") == ["6"]
    assert len(values(older, "RestartSec")) == len(values(newer, "RestartSec")) == 1


@pytest.mark.parametrize("scope", SCOPES)
def test_every_directive_stands_under_a_comment(scope: Scope) -> None:
    # A block of lines has one reason for all; its first line is the comment.
    service = unit(scope).partition("[Service]\n")[2].partition("[Install]")[0]
    blocks = [block.splitlines() for block in service.split("\n\n") if block.strip()]
    assert blocks
    assert all(block[0].startswith("#") for block in blocks)


# What a path may hold, with what systemd would take for its own: specifiers, variables, quotes, spaces.
names = st.text(st.sampled_from(list("aZ0-_. %$\"'\\;#é中")), min_size=1, max_size=12)


def read_back(words: str, *, is_program: bool) -> str:
    """One word as systemd.service(5) and systemd.syntax(7) read it."""
    if words.startswith('"'):
        assert words.endswith('"')
        words = re.sub(r"\\(.)", r"\1", words[1:-1])
    words = words.replace("%%", "%")
    return words if is_program else words.replace("$$", "$")


@given(names, names)
def test_any_path_survives_the_units_syntax(folder: str, option: str) -> None:
    command = [f"/a/{folder}/tts-supervisor", "--config", f"/b/{option}"]
    text = Unit(scope="user", command=command, systemd_version=252).text()
    (line,) = values(text, "ExecStart")
    program, _, rest = line.partition(" --config ")
    assert read_back(program, is_program=True) == command[0]
    assert read_back(rest.removesuffix(" serve"), is_program=False) == command[2]


@given(st.lists(names, max_size=3))
def test_any_word_of_a_door_survives_it(words: list[str]) -> None:
    text = Unit(scope="user", command=["/a/p"], doors=[f"-{w}" for w in words], systemd_version=252).text()
    (line,) = values(text, "ExecStart")
    assert line.startswith("/a/p serve")
    alone = [
        values(Unit(scope="user", command=["/a/p"], doors=[f"-{w}"], systemd_version=252).text(), "ExecStart")
        for w in words
    ]
    rest = [one.removeprefix("/a/p serve ") for (one,) in alone]
    assert [read_back(word, is_program=False) for word in rest] == [f"-{word}" for word in words]
    assert line == " ".join(["/a/p serve", *rest])


def test_folders_that_it_may_write_are_holes_in_the_machines_sandbox_alone() -> None:
    folders = ["/srv/audio", "/srv/a 100%"]
    made = {
        scope: Unit(scope=scope, command=["/usr/bin/p"], writable=folders, systemd_version=252).text()
        for scope in SCOPES
    }
    assert values(made["system"], "ReadWritePaths") == ["-/srv/audio", '"-/srv/a 100%%"']
    assert values(made["user"], "ReadWritePaths") == []


def test_what_is_set_for_the_service_stands_in_it() -> None:
    made = Unit(
        scope="user",
        command=["/usr/bin/tts-supervisor"],
        systemd_version=252,
        environment={"XDG_STATE_HOME": "/a b/100%"},
    )
    assert values(made.text(), "Environment") == ['"XDG_STATE_HOME=/a b/100%%"']


# ------------------------------------------------------------------ what systemd says of it


def analyze(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, text=True)


def written(folder: Path, scope: Scope, version: int) -> Path:
    path = folder / UNIT_NAME
    # A program that is there: this interpreter stands for ours.
    made = Unit(scope=scope, command=[sys.executable], doors=DOORS, writable=FOLDERS, systemd_version=version)
    path.write_text(made.text(), "utf-8")
    return path


@needs_analyze
@pytest.mark.parametrize("scope", SCOPES)
def test_systemd_finds_no_fault_in_it(scope: Scope, tmp_path: Path) -> None:
    version = int(analyze(tmp_path, "--version").stdout.split()[1])
    path = written(tmp_path, scope, version)
    done = analyze(tmp_path, "verify", *(["--user"] if scope == "user" else []), f"./{path.name}")
    # Of this unit: what else is installed may have faults of its own.
    assert [line for line in done.stderr.splitlines() if UNIT_NAME in line] == []
    assert done.returncode == 0, done.stderr


@needs_analyze
@pytest.mark.parametrize("block", every("ini"), ids=lambda block: f"{block.page}:{block.line}")
def test_systemd_finds_no_fault_in_a_drop_in_that_is_shown(block: Block, tmp_path: Path) -> None:
    path = written(tmp_path, "system", STEPS_SINCE - 1)
    drop_in = tmp_path / f"{UNIT_NAME}.d" / "shown.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(block.text, "utf-8")
    done = analyze(tmp_path, "verify", f"./{path.name}")
    assert [line for line in done.stderr.splitlines() if drop_in.name in line] == []
    drop_in.write_text(block.text + "\n[Service]\nNoSuchKey=1\n", "utf-8")
    assert "NoSuchKey" in analyze(tmp_path, "verify", f"./{path.name}").stderr, "it was not read at all"


@needs_analyze
def test_the_machines_service_is_exposed_to_little(tmp_path: Path) -> None:
    path = written(tmp_path, "system", STEPS_SINCE - 1)
    done = analyze(tmp_path, "security", "--offline=yes", f"./{path.name}")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= 1.8
