"""The parent after many child lives is the parent after a few."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.narration import Narration, Task, paragraphs, tell

pytestmark = pytest.mark.processes

#: Enough for whatever is opened once to be open.
SETTLED = 10


def descriptors(pid: int) -> Counter[str]:
    """Open descriptors by kind: numbers of pipes and names of files may differ from life to life."""
    kinds: Counter[str] = Counter()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kinds[str(path.readlink()).partition(":[")[0]] += 1
        except FileNotFoundError:  # closed while we looked
            continue
    return kinds


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.parametrize(
    "lives",
    [
        pytest.param(24, marks=pytest.mark.timeout(120)),
        pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_descriptors_and_threads_do_not_grow_with_the_lives(lives: int, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(paragraphs(lives + 20), "utf-8")
    sets = {
        "engine.name": '"scripted"',
        "engine.scripted.seconds_per_char": "0.002",
        # The parent waits for the child to load, and nothing else is open, while we look.
        "engine.scripted.load_s": "0.1",
        "engine.faults.faults": '["crash@2"]',
    }
    state = tmp_path / "state"
    task = Task(text=tmp_path / "text.txt", output=tmp_path / "out.wav", state=state, sets=sets)
    seen: dict[int, tuple[Counter[str], int]] = {}
    resident: dict[int, int] = {}
    with Narration(task, level="info") as run:
        for event in run.rest():
            if event.is_child("starting") and event.life in (SETTLED, lives):
                run.over_after(0.05)
                seen[event.life] = descriptors(run.pid), threads(run.pid)
                resident[event.life] = resident_bytes(run.pid)
        assert run.exit_code() == 0, run.tail()
    (fds, count), (fds_later, count_later) = seen[SETTLED], seen[lives]
    for life, (kinds, number) in seen.items():
        mib = resident[life] / 2**20
        tell(f"in life {life}: {kinds.total()} descriptors, {number} threads, VmRSS {mib:.1f} MiB")
    assert fds_later == fds
    assert count_later == count


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
