"""The state folder has one owner, and anybody may look."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.edge.statefolder import StateFolder, audio_name, default_state_path
from supervisor.errors import StateInUse, Unwritable
from tests.tree import ROOT

OWNER = """
import signal, sys
from pathlib import Path
from supervisor.edge.statefolder import StateFolder
with StateFolder(Path(sys.argv[1])).lock():
    print("mine", flush=True)
    signal.pause()
"""


def test_the_folder_that_systemd_made_for_a_service_is_the_state_folder() -> None:
    environ = {"STATE_DIRECTORY": "/var/lib/tts-supervisor", "XDG_STATE_HOME": "/xdg"}
    assert default_state_path(environ) == Path("/var/lib/tts-supervisor")
    two = {**environ, "STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}
    assert default_state_path(two) == Path("/var/lib/one")
    for unset in ("", "relative"):
        assert default_state_path({**environ, "STATE_DIRECTORY": unset}) == Path("/xdg/tts-supervisor")


def test_a_second_owner_is_turned_away_with_the_pid_of_the_first(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "state")]
    state = StateFolder(tmp_path / "state")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"mine\n"
        with pytest.raises(StateInUse, match=rf"process {owner.pid}\b.*--state") as caught:
            state.lock()
        assert caught.value.exit_code == 75
        assert state.owner_pid() in (owner.pid, None)  # None: a kernel that does not tell
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    state.lock().release()  # a killed owner leaves no lock


def test_the_lock_is_given_back_once_and_can_be_taken_again(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with state.lock() as lock:
        with pytest.raises(StateInUse):
            StateFolder(tmp_path).lock()
        lock.release()
        state.lock().release()
    assert state.owner_pid() is None


def test_the_lock_is_not_left_to_processes_that_are_started(tmp_path: Path) -> None:
    with (
        StateFolder(tmp_path).lock() as lock,
        subprocess.Popen(["sleep", "60"], close_fds=False) as child,
    ):
        lock.release()
        StateFolder(tmp_path).lock().release()
        child.kill()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match="file/state"):
        StateFolder(tmp_path / "file" / "state").lock()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(Unwritable, match="writable"):
            StateFolder(tmp_path / "state").lock()
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_root_leaves_nothing_in_a_folder_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 12345, -1)
    with pytest.raises(Unwritable, match="belongs to user 12345"):
        StateFolder(tmp_path / "state").lock()
    assert list((tmp_path / "state").iterdir()) == []


def test_a_file_in_the_place_of_a_jobs_audio_is_named(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.must_take_audio("j1")
    state.must_take_audio("j1")
    (tmp_path / "audio" / "j2").write_text("")
    with pytest.raises(Unwritable, match="audio/j2"):
        state.must_take_audio("j2")


def test_making_one_touches_no_disk_and_owning_needs_it(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    assert not state.path.exists()
    assert state.owner_pid() is None
    state.lock().release()
    assert state.path.is_dir()


def test_one_folder_has_one_spelling(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert StateFolder(tmp_path / "link").path == StateFolder(tmp_path / "real").path


def test_audio_lies_under_its_job_and_key(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert (
        state.audio_path("j1", "k1") == state.path / audio_name("j1", "k1") == state.path / "audio/j1/k1.wav"
    )
    assert state.part_path("j1", "k1").name == "k1.wav.part"
    assert state.crash_folder.parent == state.path


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("/var/state", Path("/var/state/tts-supervisor")),
        ("relative", Path.home() / ".local/state/tts-supervisor"),  # the standard: not absolute, not valid
        (None, Path.home() / ".local/state/tts-supervisor"),
    ],
)
def test_the_default_is_in_the_xdg_state_folder(configured: str | None, expected: Path) -> None:
    assert default_state_path({} if configured is None else {"XDG_STATE_HOME": configured}) == expected


def test_a_service_notes_its_door_beside_its_pid_and_the_next_owner_takes_the_note_away(
    tmp_path: Path,
) -> None:
    state = StateFolder(tmp_path / "state")
    assert state.noted_door() is None
    with state.lock():
        assert state.noted_door() is None
        state.note_door(tmp_path / "größe.sock")
        assert state.noted_door() == tmp_path / "größe.sock"
        with pytest.raises(StateInUse, match=rf"in use by process {os.getpid()};"):
            state.lock()
    assert state.noted_door() == tmp_path / "größe.sock"
    with state.lock():
        assert state.noted_door() is None


def test_a_door_that_cannot_be_noted_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="gone"):
        StateFolder(tmp_path / "gone").note_door(tmp_path / "s.sock")
