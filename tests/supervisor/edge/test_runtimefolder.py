"""The control socket lies where its owner alone can reach it, and nothing that lives is replaced."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.runtimefolder import (
    LONGEST_PATH_BYTES,
    NoService,
    connect,
    hung_up,
    make_private,
    open_control_socket,
    peer_of,
    socket_places,
)
from supervisor.errors import TryLater, Unwritable, UsageError
from tests.standin.unprivileged import unprivileged

STATE = Path("/state/of/somebody")


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def environ(runtime: Path, tmp_path: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """A socket whose service was killed."""
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# ------------------------------------------------------------------ where


def test_the_runtime_folder_comes_first_and_the_name_is_of_the_state_folder(
    environ: dict[str, str], runtime: Path
) -> None:
    first = socket_places(STATE, environ)[0]
    assert first.parent == runtime / "tts-supervisor"
    assert len(first.name) == len("0123456789ab.sock")
    assert first != socket_places(STATE / "other", environ)[0]
    assert first == socket_places(STATE, environ)[0]


def test_the_folder_that_systemd_made_for_a_service_comes_before_all(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir(mode=0o700)
    made = {**environ, "RUNTIME_DIRECTORY": f"{tmp_path / 'made'}:{tmp_path}"}
    assert socket_places(STATE, made)[0].parent == tmp_path / "made"
    with closing(open_control_socket(STATE, made, None)) as opened:
        assert opened.path.parent == tmp_path / "made"
    gone = {**environ, "RUNTIME_DIRECTORY": "/no/such/folder"}
    assert socket_places(STATE, gone) == socket_places(STATE, environ)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may ask another's service")
def test_root_finds_the_service_of_the_machine_where_its_account_has_it(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.edge.runtimefolder.SYSTEM_FOLDER", tmp_path / "machines")
    (tmp_path / "machines").mkdir(mode=0o700)
    with closing(open_control_socket(STATE, {"RUNTIME_DIRECTORY": str(tmp_path / "machines")}, None)):
        os.chown(tmp_path / "machines", 65534, 65534)
        with closing(connect(STATE, environ, None, limit_s=5)) as connection:
            assert connection.getpeername().startswith(str(tmp_path / "machines"))


@pytest.mark.parametrize("value", ["", "relative/folder", "/no/such/folder"])
def test_a_runtime_folder_that_is_none_is_passed_over(value: str, tmp_path: Path) -> None:
    places = socket_places(STATE, {"XDG_RUNTIME_DIR": value, "TMPDIR": str(tmp_path)})
    own = f"tts-supervisor-{os.geteuid()}"
    assert [place.parent for place in places][-2:] == [tmp_path / own, Path("/tmp") / own]
    assert not any(value and str(place).startswith(value) for place in places)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_runtime_folder_of_another_user_is_passed_over(environ: dict[str, str], runtime: Path) -> None:
    os.chown(runtime, 65534, 65534)
    assert all(runtime not in place.parents for place in socket_places(STATE, environ))


def test_a_place_whose_path_is_too_long_is_passed_over(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    places = socket_places(STATE, {"XDG_RUNTIME_DIR": str(deep), "TMPDIR": str(deep)})
    assert places
    assert all(len(os.fsencode(place)) <= LONGEST_PATH_BYTES for place in places)


# ------------------------------------------------------------------ listening


def test_socket_and_folder_are_the_owners_alone_whatever_the_umask(environ: dict[str, str]) -> None:
    for mask in (0o000, 0o277):
        before = os.umask(mask)
        try:
            opened = open_control_socket(STATE, environ, None)
        finally:
            os.umask(before)
        with closing(opened):
            assert (mode(opened.path), mode(opened.path.parent)) == (0o600, 0o700)
        opened.path.parent.rmdir()


WATCHED = """
import os, sys
from pathlib import Path
from supervisor.edge.runtimefolder import open_control_socket
seen = []
def watch(event, words):
    if event == "os.chmod" and str(words[0]) == sys.argv[1]:
        seen.append(os.stat(words[0]).st_mode & 0o777)
sys.addaudithook(watch)
os.umask(0)
open_control_socket(Path("/state"), {}, Path(sys.argv[1])).close()
print(*map(oct, seen))
"""


def test_there_is_no_moment_at_which_others_could_open_the_socket(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WATCHED, str(tmp_path / "s.sock")]
    seen = subprocess.run(words, capture_output=True, text=True, check=True)
    assert seen.stdout.split() == ["0o600"]


def test_the_kernel_says_who_came(environ: dict[str, str]) -> None:
    with (
        closing(open_control_socket(STATE, environ, None)) as listening,
        connect(STATE, environ, None, limit_s=5) as client,
    ):
        server, _ = listening.socket.accept()
        with server:
            assert peer_of(server) == peer_of(client)
            assert (peer_of(server).pid, peer_of(server).uid) == (os.getpid(), os.geteuid())


def test_closing_removes_the_file_once_and_never_anothers(environ: dict[str, str]) -> None:
    first = open_control_socket(STATE, environ, None)
    first.close()
    assert not first.path.exists()
    second = open_control_socket(STATE, environ, None)
    first.close()
    assert second.path.exists()
    second.path.unlink()
    with closing(open_control_socket(STATE, environ, None)) as third:
        second.close()
        assert third.path.exists()


def test_a_socket_that_was_left_is_replaced(stale: Path) -> None:
    with closing(open_control_socket(STATE, {}, stale)), connect(STATE, {}, stale, limit_s=5):
        pass


def test_a_socket_that_somebody_listens_on_is_not(tmp_path: Path) -> None:
    path = tmp_path / "live.sock"
    with closing(open_control_socket(STATE, {}, path)):
        with pytest.raises(TryLater, match=f"in use by process {os.getpid()}"):
            open_control_socket(STATE, {}, path)
        with connect(STATE, {}, path, limit_s=5):
            pass


def test_a_socket_whose_service_takes_no_more_now_is_not_replaced_either(tmp_path: Path) -> None:
    path = tmp_path / "full.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(str(path))
        busy.listen(0)
        first.connect(str(path))
        with pytest.raises(TryLater, match="in use"):
            open_control_socket(STATE, {}, path)
        with pytest.raises(TryLater, match="takes no more connections"):
            connect(STATE, {}, path, limit_s=0.05)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("dear")
    with pytest.raises(UsageError, match="no socket is there"):
        open_control_socket(STATE, {}, path)
    assert path.read_text() == "dear"


def test_a_given_path_that_is_too_long_is_named_with_the_bound(tmp_path: Path) -> None:
    path = tmp_path / ("s" * 120)
    with pytest.raises(UsageError, match=r"bytes long.*may have 107"):
        open_control_socket(STATE, {}, path)
    with pytest.raises(UsageError, match=r"bytes long.*may have 107"):
        connect(STATE, {}, path, limit_s=5)


def test_the_folder_of_a_given_path_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "s.sock"
    with closing(open_control_socket(STATE, {}, path)):
        assert mode(path.parent) == 0o700


def test_a_given_path_whose_folder_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match=r"--socket .*cannot be made"):
        open_control_socket(STATE, {}, tmp_path / "file" / "s.sock")


def test_a_folder_that_cannot_hold_a_socket_is_passed_over(environ: dict[str, str], runtime: Path) -> None:
    (runtime / "tts-supervisor").write_text("a file")
    with closing(open_control_socket(STATE, environ, None)) as opened:
        assert runtime not in opened.path.parents
        with connect(STATE, environ, None, limit_s=5):
            pass


# ------------------------------------------------------------------ the folder


def test_a_private_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    folder.chmod(0o777)
    make_private(folder)
    assert mode(folder) == 0o700


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "own").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unwritable, match="is no folder"):
        make_private(tmp_path / "own")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused_and_not_looked_into(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": "", "TMPDIR": str(tmp_path)}
    with closing(open_control_socket(STATE, environ, None)) as opened:
        os.chown(opened.path.parent, 65534, 65534)
        with pytest.raises(Unwritable, match="belongs to user 65534"):
            make_private(opened.path.parent)
        with pytest.raises(NoService):
            connect(STATE, environ, None, limit_s=5)


# ------------------------------------------------------------------ asking


def test_where_nobody_listens_the_place_and_the_mend_are_named(environ: dict[str, str], stale: Path) -> None:
    with pytest.raises(NoService, match=r"no service listens at .*/tts-supervisor/.*--state") as caught:
        connect(STATE, environ, None, limit_s=5)
    assert str(STATE) in str(caught.value)
    with pytest.raises(NoService, match=r"no service listens at .*stale"):
        connect(STATE, environ, stale, limit_s=5)


ASK = """
import sys
from pathlib import Path
from supervisor.edge.runtimefolder import NoService, connect
try:
    connect(Path("/state"), {}, Path(sys.argv[1]), limit_s=5)
except NoService as error:
    sys.exit(str(error))
"""


def test_a_socket_that_may_not_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with closing(open_control_socket(STATE, {}, path)):
        path.chmod(0)
        words = unprivileged([sys.executable, "-c", ASK, str(path)])
        asked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "cannot be opened (Permission denied)" in asked.stderr


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_who_is_done_talking_has_not_hung_up_and_who_left_has(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    assert not hung_up(ours.fileno())
    theirs.shutdown(socket.SHUT_WR)
    assert not hung_up(ours.fileno())
    theirs.close()
    assert hung_up(ours.fileno())
