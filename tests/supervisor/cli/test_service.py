"""`service install`, `show` and `remove`, as a person calls them; a real systemd is in tests/processes."""

import os
import re
import shutil
from pathlib import Path

import pytest

from supervisor.cli.parser import parse
from supervisor.cli.service import service
from supervisor.errors import UsageError
from tests.supervisor.cli.driver import Home

needs_systemd = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemd is not installed")


def unit_of(home: Home) -> Path:
    return home.path / ".config" / "systemd" / "user" / "tts-supervisor.service"


def alone(home: Home) -> dict[str, str]:
    """An environment in which no systemd of the user runs."""
    return {"XDG_RUNTIME_DIR": str(home.path)}


@needs_systemd
def test_a_unit_is_written_once_shown_replaced_and_removed(home: Home) -> None:
    first = home.run("service", "install", "--user", env=alone(home))
    assert (first.code, first.lines) == (0, [f"{unit_of(home)}: written"])
    assert "does not run here" in first.err
    assert "next: systemctl --user enable --now tts-supervisor.service" in first.err
    text = unit_of(home).read_text("utf-8")
    assert unit_of(home).stat().st_mode & 0o777 == 0o644
    assert home.run("service", "show", "--user", env=alone(home)).out == text
    again = home.run("service", "install", "--user", env=alone(home))
    assert again.lines == [f"{unit_of(home)}: there already, as it should be"]
    other = home.run("--set", "child.attempts=5", "service", "install", "--user", env=alone(home))
    assert other.lines == [f"{unit_of(home)}: replaced"]
    assert "restart tts-supervisor.service" in other.err
    gone = home.run("service", "remove", "--user", env=alone(home))
    assert gone.lines == [f"{unit_of(home)}: removed"]
    assert not unit_of(home).exists()
    assert list(unit_of(home).parent.iterdir()) == []
    again = home.run("service", "remove", "--user", env=alone(home))
    assert again.lines == [f"{unit_of(home)}: there is none"]


def test_what_is_shown_runs_this_very_program_with_the_options_before_the_command(home: Home) -> None:
    home.write("own 5%.toml", "[child]\nattempts = 4\n")
    refused = home.run("--set", "child.attempts=$5", "service", "show", "--user")
    assert refused.code == 2
    words = ("--config", "own 5%.toml", "--state", "there", "--log-format", "json", "-v")
    shown = home.run(*words, "service", "show", "--user", env={"XDG_STATE_HOME": "/a/state"})
    (command,) = [line for line in shown.lines if line.startswith("ExecStart=")]
    own = str(home.path).replace("%", "%%")
    assert command.endswith(f' --config "{own}/own 5%%.toml" --state {own}/there --log-format json -v serve')
    assert re.match(r"ExecStart=/\S+/(tts-supervisor|python\S* -P -m supervisor) ", command)
    assert "Environment=XDG_STATE_HOME=/a/state" in shown.lines


def test_doors_are_in_the_unit_and_a_missing_key_is_told(home: Home) -> None:
    shown = home.run(
        "service", "show", "--user", "--http", "0.0.0.0:8000", "--wyoming", "tcp://0.0.0.0:10200"
    )
    (command,) = [line for line in shown.lines if line.startswith("ExecStart=")]
    assert command.endswith(" serve --http 0.0.0.0:8000 --wyoming tcp://0.0.0.0:10200")
    assert "api_key" not in shown.out
    if shutil.which("systemctl"):
        done = home.run("service", "install", "--user", "--http", "0.0.0.0:8000", env=alone(home))
        assert done.code == 0
        assert "wants a key" in done.err
        (home.path / ".config" / "tts-supervisor").mkdir()
        home.write(".config/tts-supervisor/config.toml", '[http]\napi_key_file = "/etc/key"\n')
        done = home.run("service", "install", "--user", "--http", "0.0.0.0:8000", env=alone(home))
        assert "wants a key" not in done.err


def test_programs_are_told_in_one_object(home: Home) -> None:
    shown = home.run("service", "show", "--user", "--json").last_json
    assert shown.keys() == {"unit", "scope", "installed", "text"}
    assert shown["installed"] is False
    if shutil.which("systemctl"):
        done = home.run("service", "install", "--user", "--json", env=alone(home)).last_json
        assert (done["changed"], done["reloaded"]) == (True, False)
        assert home.run("service", "show", "--user", "--json").last_json["installed"] is True
    removed = home.run("service", "remove", "--user", "--json", env=alone(home)).last_json
    assert removed["unit"] == str(unit_of(home))


@needs_systemd
def test_a_unit_of_somebody_elses_is_left_alone(home: Home) -> None:
    unit_of(home).parent.mkdir(parents=True)
    unit_of(home).write_text("[Service]\nExecStart=/bin/true\n")
    for action in ("install", "remove"):
        done = home.run("service", action, "--user", env=alone(home))
        assert done.code == 2
        assert "was not written by 'service install'" in done.err
    assert "/bin/true" in unit_of(home).read_text("utf-8")
    assert home.run("service", "show", "--user", env=alone(home)).code == 0


@needs_systemd
def test_a_folder_that_cannot_be_written_is_exit_2_with_the_mend(home: Home) -> None:
    home.write(".config", "a file where a folder should be")
    done = home.run("service", "install", "--user", env=alone(home))
    assert done.code == 2
    assert f"{unit_of(home)}: cannot be" in done.err


def test_without_systemd_it_says_so_and_what_to_run(home: Home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = home.run("service", "install", "--user", env={"PATH": str(tmp_path / "empty")})
    assert done.code == 2
    assert "there is no systemd here" in done.err
    assert "serve'" in done.err
    assert home.run("service", "show", "--user", env={"PATH": str(tmp_path / "empty")}).code == 0


def test_the_machines_service_takes_no_state_folder(home: Home) -> None:
    done = home.run("--state", "there", "service", "show", "--system")
    assert done.code == 2
    assert "/var/lib/tts-supervisor" in done.err


@needs_systemd
def test_a_program_behind_a_closed_door_is_refused_for_an_account_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    script = closed / "bin" / "tts-supervisor"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    closed.chmod(0o700)

    def scripts(_name: str) -> str:
        return str(closed / "bin")

    monkeypatch.setattr("sysconfig.get_path", scripts)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(UsageError, match=r"may not enter .*; install tts-supervisor .* or use --user"):
        service(parse(["service", "install"]))


def test_root_means_the_machine_and_everybody_else_themselves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for uid, expected in ((0, "system"), (1000, "user")):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        assert service(parse(["service", "show", "--json"])) == 0
        assert f'"scope":"{expected}"' in capsys.readouterr().out
