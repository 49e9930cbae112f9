import json

import pytest

from supervisor.cli.doctor import lines
from supervisor.doctor import Check
from tests.supervisor.cli.driver import Home

pytestmark = pytest.mark.processes


def test_doctor_lets_a_real_child_speak(home: Home) -> None:
    done = home.run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.out)["checks"]}
    assert done.code == 0
    assert checks["engine espeak"]["ok"]
    assert all(check.keys() == {"name", "ok", "detail", "mend"} for check in checks.values())
    assert not (home.path / ".local").exists()


def test_doctor_fails_when_narration_could_not_run(home: Home) -> None:
    home.write("file", "")
    done = home.run("--state", "file/state", "--set", "engine.name=scripted", "doctor")
    assert done.code == 1
    assert "narration cannot run: state folder" in done.out
    assert "--state" in done.out


def test_what_is_lacking_but_not_needed_does_not_end_in_failure(home: Home) -> None:
    done = home.run("--set", "engine.name=scripted", "--set", "engine.faults.leak_bytes=1MiB", "doctor")
    assert done.code == 0
    assert "lacks" in done.out


def test_every_mend_stands_under_its_check() -> None:
    checks = [
        Check(name="a", ok=True, detail="fine"),
        Check(name="b", ok=False, detail="absent", mend="get one", needed=False),
    ]
    assert lines(checks) == ["ok     a  fine", "lacks  b  absent", "        get one", "narration can run"]
