"""The plotting process, as its own: an order in, an answer and a picture out."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.supervisor.nights import night, write
from tests.tree import ROOT

pytestmark = pytest.mark.processes


def carry_out(
    order: object, env: Mapping[str, str], *, raw: bytes | None = None
) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.plotting"],
        input=json.dumps(order).encode() if raw is None else raw,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def order(folder: Path, **changed: object) -> dict[str, object]:
    trace = write(folder / "trace", night(segments=30))
    plain = {
        "traces": [{"name": "it", "path": str(trace)}],
        "output": str(folder / "it.svg"),
        "config": None,
        "sets": [],
    }
    return plain | changed


def test_an_order_becomes_a_picture(tmp_path: Path, fonts: dict[str, str]) -> None:
    assert carry_out(order(tmp_path), fonts) == (0, {})
    assert "it: 1 life, 30 segments" in (tmp_path / "it.svg").read_text()


def test_the_marks_of_the_configuration_are_drawn(tmp_path: Path, fonts: dict[str, str]) -> None:
    sets = ["memory.host.hard=3GiB", "memory.host.soft=2GiB"]
    (tmp_path / "far.toml").write_text('[memory.device]\nsoft = "900GiB"\nhard = "901GiB"\n')
    wanted = order(tmp_path, sets=sets, config=str(tmp_path / "far.toml"))
    assert carry_out(wanted, fonts)[0] == 0
    drawn = (tmp_path / "it.svg").read_text()
    assert "hard mark 901.0" in drawn
    assert "hard mark 3.0" not in drawn


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"traces": [{"name": "gone", "path": "/dev/null/gone"}]}, 1, "gone: cannot be read"),
        ({"sets": ["memory.poll_s=never"]}, 2, "memory.poll_s"),
        ({"output": "/dev/null/it.png"}, 1, "/dev/null"),
        ({"colour": "red"}, 1, "the order cannot be read"),
    ],
)
def test_what_is_wrong_comes_back_in_words(
    tmp_path: Path, fonts: dict[str, str], changed: dict[str, object], code: int, said: str
) -> None:
    status, answer = carry_out(order(tmp_path, **changed), fonts)
    assert (status, answer["exit_code"]) == (1, code)
    assert said in str(answer["error"])


def test_without_matplotlib_the_mend_is_said(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('none here')")
    status, answer = carry_out(order(tmp_path), {"PYTHONPATH": str(tmp_path)})
    assert (status, answer["exit_code"]) == (1, 1)
    assert "pip install matplotlib" in str(answer["error"])
