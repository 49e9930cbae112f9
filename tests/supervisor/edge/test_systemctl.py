"""Where a unit lies, and how it comes there: real files; a real systemd is in tests/processes."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from supervisor.edge import systemctl
from supervisor.edge.unit import MARK
from supervisor.errors import SupervisorError, UsageError

needs_systemd = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemd is not installed")


def test_a_unit_lies_where_systemd_looks(tmp_path: Path) -> None:
    assert str(systemctl.unit_path("system", {})) == "/etc/systemd/system/tts-supervisor.service"
    own = systemctl.unit_path("user", {"XDG_CONFIG_HOME": str(tmp_path)})
    assert own == tmp_path / "systemd" / "user" / "tts-supervisor.service"
    usual = systemctl.unit_path("user", {"XDG_CONFIG_HOME": "relative"})
    assert usual == Path.home() / ".config" / "systemd" / "user" / "tts-supervisor.service"


def test_a_unit_is_written_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "a.service"
    assert systemctl.installed_unit(path) is None
    for text in (f"{MARK}\none\n", f"{MARK}\ntwo\n"):
        systemctl.write_unit(path, text)
        assert systemctl.installed_unit(path) == text
    assert [entry.name for entry in path.parent.iterdir()] == ["a.service"]
    systemctl.remove_unit(path)
    systemctl.remove_unit(path)
    assert systemctl.installed_unit(path) is None


def test_what_stands_in_the_way_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"a\.service: cannot be written .*--user"):
        systemctl.write_unit(tmp_path / "file" / "a.service", MARK)
    folder = tmp_path / "a.service"
    folder.mkdir()
    with pytest.raises(UsageError, match=r"a\.service: cannot be written"):
        systemctl.write_unit(folder, MARK)
    with pytest.raises(UsageError, match="cannot be removed"):
        systemctl.remove_unit(folder)
    with pytest.raises(UsageError, match="cannot be read"):
        systemctl.installed_unit(folder)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_stranger_s_unit_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "a.service").write_text("[Service]\n")
    with pytest.raises(UsageError, match="was not written by 'service install'"):
        systemctl.installed_unit(tmp_path / "a.service")


def test_a_user_s_systemd_runs_where_its_socket_is(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert not systemctl.is_running("user", {})
    assert not systemctl.is_running("user", environ)
    (tmp_path / "systemd").mkdir()
    with socket.socket(socket.AF_UNIX) as private:
        private.bind(str(tmp_path / "systemd" / "private"))
        assert systemctl.is_running("user", environ)


@needs_systemd
def test_the_version_is_what_systemd_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    version = systemctl.systemd_version()
    assert version is not None
    assert version > 200
    monkeypatch.setenv("PATH", str(tmp_path))
    assert systemctl.systemd_version() is None


@needs_systemd
def test_what_systemd_refuses_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(SupervisorError, match=r"'systemctl --user .*daemon-reload' failed: \S"):
        systemctl.systemctl("user", "daemon-reload")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(SupervisorError, match="cannot be run"):
        systemctl.systemctl("user", "daemon-reload")
