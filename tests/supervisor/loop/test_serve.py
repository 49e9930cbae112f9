"""A service from its start to its end in this process: its lock, its ledger, its signals, its manager."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.config import Config
from supervisor.core.notes import ChildState, Note, Notice, SegmentSpoken, Stage
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import ABANDONED
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ConfigError, StateInUse
from supervisor.log import Log
from supervisor.loop.house import House
from supervisor.loop.serve import run_service
from supervisor.loop.signals import STOPS
from supervisor.loop.speaking import Submission
from tests.supervisor.loop.floors import config

pytestmark = pytest.mark.processes

SLOW = {"engine__scripted__wall_per_char_s": 0.005}
BOOK = "\n\n".join(f"This is paragraph {n}, and nothing in it is new." for n in range(8))


class Manager:
    """A service manager that listens, on a socket of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(folder / "notify"))
        patch.setenv("NOTIFY_SOCKET", str(folder / "notify"))

    def heard(self) -> str:
        """All that was said since it was asked last."""
        said: list[str] = []
        while True:
            try:
                said.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return "\n".join(said)

    def close(self) -> None:
        self._socket.close()


class Visit:
    """What is done with a service while it runs; each note may be answered with a signal.

    Attributes:
        job: That was submitted.
        notes: All of them.
        read: What the next reading of the configuration gives.
    """

    def __init__(self, folder: Path, react: Callable[[Note], None], *, submits: bool = True) -> None:
        self.folder = folder
        self.job = ""
        self.notes: list[Note] = []
        self.read: Config | ConfigError = config(**SLOW)
        self._react = react
        self._submits = submits
        self.house: House | None = None

    async def open(self, house: House) -> "Visit":
        self.house = house
        if self._submits:
            wanted = Submission(output=str(self.folder / "out.wav"), text=BOOK)
            self.job = (await house.submit(wanted)).job
        return self

    async def close(self) -> None:
        """Nothing is open."""

    def show(self, note: Note) -> None:
        self.notes.append(note)
        self._react(note)

    def read_again(self) -> Config:
        if isinstance(self.read, ConfigError):
            raise self.read
        return self.read

    def run(self, **sets: object) -> None:
        run_service(
            config=config(**{**SLOW, **sets}),
            state=StateFolder(self.folder / "state"),
            log=Log(format="text", level="error"),
            show=self.show,
            open_doors=self.open,
            read_again=self.read_again,
        )

    @property
    def reloads(self) -> list[str]:
        return [note.text for note in self.notes if isinstance(note, Notice) and note.name == "reload"]

    @property
    def state(self) -> tuple[str, str | None]:
        ledger = Ledger.open(self.folder / "state")
        view = ledger.view(self.job)
        ledger.close()
        assert view is not None
        return view.state, view.error


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def at_segment(segment: int, then: Callable[[], None]) -> Callable[[Note], None]:
    def react(note: Note) -> None:
        if isinstance(note, SegmentSpoken) and note.segment == segment:
            then()

    return react


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_parks_the_work_and_ends_the_service_well(tmp_path: Path, number: signal.Signals) -> None:
    visit = Visit(tmp_path, at_segment(2, lambda: send(number)))
    before = [signal.getsignal(each) for each in STOPS]
    visit.run()
    assert visit.state == ("parked", f"stopped by {number.name}")
    assert [signal.getsignal(each) for each in STOPS] == before
    stages = [note.name for note in visit.notes if isinstance(note, Stage)]
    assert stages.count("parking") == 1
    spoken = sum(isinstance(note, SegmentSpoken) for note in visit.notes)
    assert 3 <= spoken < 8


def test_a_second_signal_ends_it_in_mid_segment(tmp_path: Path) -> None:
    def twice() -> None:
        send(signal.SIGTERM)
        send(signal.SIGINT)

    visit = Visit(tmp_path, at_segment(1, twice))
    visit.run(engine__scripted__wall_per_char_s=0.02)
    assert visit.state[0] == "parked"
    assert sum(isinstance(note, SegmentSpoken) for note in visit.notes) == 2


def test_sighup_reads_the_configuration_anew_and_goes_on(tmp_path: Path) -> None:
    def react(note: Note) -> None:
        at_segment(1, lambda: send(signal.SIGHUP))(note)
        at_segment(7, lambda: send(signal.SIGTERM))(note)

    visit = Visit(tmp_path, react)
    visit.read = config(**SLOW, memory__host__soft="1GiB", memory__host__hard="3GiB")
    visit.run()
    assert any("memory.host.soft" in text for text in visit.reloads)
    assert visit.house is not None
    assert visit.house.config == visit.read
    spoken = [note.segment for note in visit.notes if isinstance(note, SegmentSpoken)]
    assert spoken == list(range(8))
    ready = [note for note in visit.notes if isinstance(note, ChildState) and note.state == "ready"]
    assert [note.life for note in ready] == [1, 2]


@pytest.mark.parametrize("wrong", [True, False])
def test_a_configuration_that_is_wrong_or_the_same_changes_nothing_and_the_manager_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: bool
) -> None:
    manager = Manager(tmp_path, monkeypatch)

    def react(note: Note) -> None:
        at_segment(1, lambda: send(signal.SIGHUP))(note)
        at_segment(4, lambda: send(signal.SIGTERM))(note)

    visit = Visit(tmp_path, react)
    visit.read = ConfigError("child.attemps: unknown key") if wrong else config(**SLOW)
    visit.run()
    said = manager.heard().replace("\n", " ")
    manager.close()
    assert said.index("READY=1") < said.index("RELOADING=1") < said.index("STOPPING=1")
    assert "READY=1" in said[said.index("RELOADING=1") :]
    stays = "the configuration stays as it was: child.attemps: unknown key"
    assert visit.reloads == [stays if wrong else "nothing has changed"]
    assert {note.life for note in visit.notes if isinstance(note, ChildState)} == {1}


def test_the_manager_hears_of_the_start_the_child_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(tmp_path, monkeypatch)
    Visit(tmp_path, at_segment(1, lambda: send(signal.SIGTERM))).run()
    said = manager.heard().splitlines()
    manager.close()
    kinds = [line.partition("=")[0] for line in said]
    assert kinds.index("EXTEND_TIMEOUT_USEC") < kinds.index("READY") < kinds.index("STOPPING")
    assert any(line.startswith("STATUS=") and "child" in line for line in said)


def test_a_state_folder_has_one_owner(tmp_path: Path) -> None:
    def react(note: Note) -> None:
        if isinstance(note, ChildState) and note.state == "ready":
            with pytest.raises(StateInUse):
                Visit(tmp_path, lambda _: None, submits=False).run()
            send(signal.SIGTERM)

    visit = Visit(tmp_path, react, submits=False)
    visit.run()
    assert any(isinstance(note, ChildState) and note.state == "ready" for note in visit.notes)


def test_what_a_killed_service_had_in_hand_is_taken_up_by_the_next(tmp_path: Path) -> None:
    first = Visit(tmp_path, at_segment(3, lambda: send(signal.SIGTERM)))
    first.run()
    ledger = Ledger.open(tmp_path / "state")
    ledger.set_state(first.job, "running")  # as a power cut leaves it
    ledger.close()

    def end(note: Note) -> None:
        if isinstance(note, SegmentSpoken) and note.segment == 7:
            send(signal.SIGTERM)

    second = Visit(tmp_path, end, submits=False)
    second.run()
    second.job = first.job
    spoken = [note.segment for note in second.notes if isinstance(note, SegmentSpoken)]
    assert spoken[-1] == 7
    assert spoken[0] >= 4
    assert second.state[1] != ABANDONED
