"""A door that was asked for must open; one that is there by itself may be missing."""

import asyncio
import os
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.cli.door import control_door
from supervisor.edge.runtimefolder import open_control_socket, socket_places
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import TryLater
from supervisor.log import Log
from tests.supervisor.doors.client import Steady

LOG = Log(format="text", level="error")


def open_and_close(state: Path, given: Path | None) -> tuple[list[Path], list[str]]:
    """Return the sockets that were there while the door was open, and what was remarked."""
    said: list[str] = []

    async def run() -> list[Path]:
        door = await control_door(StateFolder(state), given, LOG, said.append)(Steady())
        try:
            places = [given] if given else socket_places(state, os.environ)
            return [place for place in places if place.is_socket()]
        finally:
            await door.close()

    return asyncio.run(run()), said


def test_the_door_lies_where_a_service_of_that_state_folder_is_looked_for(tmp_path: Path) -> None:
    there, said = open_and_close(tmp_path, None)
    assert there == socket_places(tmp_path, os.environ)[:1]
    assert not there[0].exists()
    assert said == []


def test_a_door_that_was_asked_for_lies_where_it_was_asked_for(tmp_path: Path) -> None:
    there, _ = open_and_close(tmp_path, tmp_path / "s.sock")
    assert there == [tmp_path / "s.sock"]


def test_one_that_was_asked_for_and_cannot_open_ends_the_job(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with closing(open_control_socket(tmp_path, {}, path)), pytest.raises(TryLater, match="in use"):
        open_and_close(tmp_path, path)


def test_one_that_was_not_and_cannot_is_remarked_and_no_more(tmp_path: Path) -> None:
    with closing(open_control_socket(tmp_path, os.environ, None)):
        _, said = open_and_close(tmp_path, None)
    assert len(said) == 1
    assert said[0].startswith("status, clean and recycle cannot reach this run: the control socket")
