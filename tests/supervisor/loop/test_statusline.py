"""The line that systemd shows."""

import pytest
from msgspec.structs import replace

from supervisor.errors import DiskFull, GaveUp, GpuLost, ProcessStuck, SupervisorError
from supervisor.loop.health import Ailment
from supervisor.loop.service import ChildStatus, Status, Totals
from supervisor.loop.statusline import ended_as, in_words, last_words

CHILD = ChildStatus(pid=7, life=2, ready=True, device="cpu", segments=4, memory={})
STATUS = Status(state="idle", child=CHILD, queue=3, lives=[], totals=Totals())
HUNG = Ailment(kind="driver_hangs", words="it hangs", mend="reboot", since="", stops=False)


def test_a_service_that_is_well_says_state_child_and_queue() -> None:
    assert in_words(STATUS) == "idle; child 7, 4 segments; 3 waiting"
    assert in_words(replace(STATUS, child=None)) == "idle; no child; 3 waiting"
    young = replace(CHILD, ready=False)
    assert in_words(replace(STATUS, child=young)) == "idle; child 7, not ready; 3 waiting"


def test_what_ails_stands_between_with_its_mend_and_nothing_stands_there_twice() -> None:
    ailing = replace(STATUS, state="paused", why="others hold it", health=[HUNG])
    assert in_words(ailing) == "paused: others hold it; it hangs; reboot; child 7, 4 segments; 3 waiting"
    assert (
        in_words(replace(ailing, why="it hangs"))
        == "paused: it hangs; reboot; child 7, 4 segments; 3 waiting"
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GpuLost("it holds 9 MiB"), "driver_does_not_let_go: it holds 9 MiB"),
        (ProcessStuck("pid 7"), "cannot_be_killed: pid 7"),
        (GaveUp("five died"), "gave_up: five died"),
        (DiskFull("no room"), "no room"),
    ],
)
def test_the_last_line_begins_with_the_state_that_wants_a_person(error: SupervisorError, line: str) -> None:
    assert last_words(STATUS, error) == line
    assert ended_as(STATUS, error) == (line.partition(":")[0] if ":" in line else "failed")


def test_an_end_of_a_lost_gpu_is_called_that() -> None:
    lost = Ailment(kind="gpu_lost", words="it is lost", mend="reboot", since="", stops=True)
    ailing = replace(STATUS, health=[lost])
    assert last_words(ailing, GpuLost("it is lost")) == "gpu_lost: it is lost"
    assert last_words(ailing, GaveUp("five died")) == "gave_up: five died"
