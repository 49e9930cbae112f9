"""Every door open and nobody there: the parent sleeps from one reading of memory to the next."""

from pathlib import Path

import pytest

from tests.processes.everydoor import EveryDoor, every_door, pidfd_of
from tests.processes.narration import readable, tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

#: Waking for a reading that was due, and for what the test itself asked just before.
MOST_WAKEUPS = 6


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def wakeups(pid: int) -> int:
    """How often any thread of a process has gone to sleep."""
    return sum(
        int(line.split()[1])
        for task in tasks(pid)
        for line in (task / "status").read_text("ascii").splitlines()
        if line.startswith("voluntary_ctxt_switches:")
    )


def processor_s(pid: int) -> float:
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks(pid)) / 1e9


def left_alone(service: EveryDoor, for_s: float) -> tuple[int, float]:
    """Wakeups and seconds of a processor while nobody asks for anything."""
    with pidfd_of(service.pid) as pidfd:
        assert not readable(pidfd, 1.0)  # what was just asked for is over
        before = wakeups(service.pid), processor_s(service.pid)
        assert not readable(pidfd, for_s)
    return wakeups(service.pid) - before[0], processor_s(service.pid) - before[1]


def test_doors_that_nobody_uses_wake_nobody(tmp_path: Path) -> None:
    with every_door(tmp_path, **{"memory.poll_s": "60.0"}) as service:
        count, _ = left_alone(service, 3.0)
    assert count <= MOST_WAKEUPS


@pytest.mark.slow  # timed: asked for, and read
@pytest.mark.timeout(200)
def test_a_minute_of_nothing_costs_next_to_nothing(tmp_path: Path) -> None:
    with every_door(tmp_path) as service:
        count, ran_s = left_alone(service, 60.0)
        tell(f"every door open, 60 s: {ran_s / 60:.2%} of a processor, {count} wakeups")
    assert ran_s / 60 < 0.02
