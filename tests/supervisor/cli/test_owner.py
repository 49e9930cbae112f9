"""Who owns a state folder is found by asking whoever listens, at each place where it may."""

import os
from pathlib import Path

import pytest

from supervisor.cli import owner
from supervisor.cli.owner import service_of, service_that_starts
from supervisor.edge.runtimefolder import socket_places
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from tests.supervisor.cli.lines_service import Answering, Json, lines_service, refusal, result


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    (runtime / "tts-supervisor").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return StateFolder(tmp_path / "state")


def default_place(state: StateFolder) -> Path:
    return socket_places(state.path, os.environ)[0]


def a_service_of(state: StateFolder) -> Answering:
    def answering(request: Json) -> list[Json]:
        if request["method"] == "status":
            return [result(request, state="idle", child=None, queue=0, lives=[], totals={})]
        return [result(request, state=str(state.path), values={"engine.name": '"scripted"'})]

    return answering


def a_narration(request: Json) -> list[Json]:
    error = {"code": -32601, "message": "no method 'config/get'; there are status"}
    return [{"jsonrpc": "2.0", "id": request["id"], "error": error}]


def test_where_nobody_listens_there_is_none(state: StateFolder, tmp_path: Path) -> None:
    assert service_of(state, None) is None
    assert service_of(state, tmp_path / "no.sock") is None
    assert service_that_starts(state, None) is None


def test_a_service_is_found_in_the_runtime_folder_and_named(state: StateFolder) -> None:
    with lines_service(default_place(state), a_service_of(state)):
        there = service_of(state, None)
        assert there is not None
        with there.caller:
            assert there.settings.values == {"engine.name": '"scripted"'}
            assert there.who == f"the service that owns the state folder {state.path} (process {os.getpid()})"


@pytest.mark.parametrize("how", ["noted", "given"])
def test_a_service_elsewhere_is_found_by_its_note_or_by_the_option(
    state: StateFolder, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "s.sock"
    with lines_service(path, a_service_of(state)), state.lock():
        if how == "noted":
            state.note_door(path)
        there = service_of(state, path if how == "given" else None)
        assert there is not None
        there.caller.close()


def test_a_note_that_leads_nowhere_leads_on(state: StateFolder, tmp_path: Path) -> None:
    with lines_service(default_place(state), a_service_of(state)), state.lock():
        state.note_door(tmp_path / "gone.sock")
        there = service_of(state, tmp_path / "gone too.sock")
        assert there is not None
        there.caller.close()


def test_a_narration_and_the_service_of_another_folder_are_none(state: StateFolder, tmp_path: Path) -> None:
    other = StateFolder(tmp_path / "other")
    for answering in (a_narration, a_service_of(other)):
        with lines_service(default_place(state), answering), state.lock():
            assert service_of(state, None) is None
            assert service_that_starts(state, None) is None


def test_a_service_that_takes_the_folder_before_it_opens_its_door_is_waited_for(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    with state.lock():
        monkeypatch.setattr(owner, "_OPENS_S", 0.01)
        assert service_that_starts(state, None) is None
        monkeypatch.setattr(owner, "_OPENS_S", 30.0)
        monkeypatch.setattr("time.sleep", looks.append)
        with lines_service(default_place(state), a_service_of(state)):
            there = service_that_starts(state, None)
            assert there is not None
            there.caller.close()


def test_one_that_listens_and_refuses_is_no_reason_to_begin_here(state: StateFolder) -> None:
    with (
        lines_service(default_place(state), lambda request: [refusal(request, "bad_input", "not you")]),
        pytest.raises(SupervisorError, match="not you"),
    ):
        service_of(state, None)
