"""The parent after many child lives is the parent after a few."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.narration import Narration, Task, tell

pytestmark = pytest.mark.processes

#: Enough for whatever is opened once to be open.
SETTLED = 6


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


def look(run: Narration) -> tuple[Counter[str], int] | None:
    """Count while the child rests between two segments; None if it was handed one meanwhile."""
    seen = descriptors(run.pid), threads(run.pid)
    while event := run.next(0.0):
        if event.event in ("segment.out", "child.state"):
            return None
    return seen


@pytest.mark.parametrize("start", ["template", "cold"])
@pytest.mark.parametrize(
    "lives",
    [
        pytest.param(16, marks=pytest.mark.timeout(120)),
        pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_descriptors_and_threads_do_not_grow_with_the_lives(lives: int, start: str, tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"Line {number} of the long night."}) for number in range(lives + 20)]
    (tmp_path / "lines.jsonl").write_text("\n".join(lines), "utf-8")
    sets = {
        "engine.name": '"scripted"',
        "engine.scripted.seconds_per_char": "0.002",
        "engine.faults.faults": '["crash@2"]',
        "child.start": f'"{start}"',
        # After each line there is nothing to do for a moment, in which we look.
        "batch.size": "1",
        "batch.rest_s": "0.3",
    }
    state = tmp_path / "state"
    task = Task(text=tmp_path / "lines.jsonl", output=tmp_path / "out.wav", state=state, sets=sets)
    seen: dict[int, tuple[Counter[str], int]] = {}
    resident: dict[int, int] = {}
    life, wanted = 0, [SETTLED, lives]
    with Narration(task) as run:
        for event in run.rest():
            life = event.life if event.is_child("starting") else life
            if event.event == "segment.done" and wanted and life >= wanted[0] and (counts := look(run)):
                seen[wanted.pop(0)] = counts
                resident[life] = resident_bytes(run.pid)
        assert run.exit_code() == 0, run.tail()
    assert not wanted, f"never at rest: {run.tail()}"
    for (kinds, number), (of_life, size) in zip(seen.values(), resident.items(), strict=True):
        tell(
            f"in life {of_life}: {kinds.total()} descriptors, {number} threads, VmRSS {size / 2**20:.1f} MiB"
        )
    assert seen[lives] == seen[SETTLED]


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
