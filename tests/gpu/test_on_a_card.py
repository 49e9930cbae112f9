"""What only a real GPU can show: who holds a context, what comes back, how soon the next child speaks."""

import hashlib
import time
from pathlib import Path

import pytest

from benchmarks.gpu_respawn import WAYS, settings_for
from benchmarks.narrated import Told, narrate
from supervisor.wire.forking import TEMPLATE_NAME
from tests.engines.torch_stand_in.weights import write_weights
from tests.gpu.card import Card, has_context, task_in
from tests.processes.narration import Narration, Task, ours, paragraphs, survivors, tell

pytestmark = [pytest.mark.gpu, pytest.mark.processes, pytest.mark.timeout(600)]

GIB = 2**30
STAND_IN = "engine.torch-stand-in"
#: What a driver keeps for itself once a first context was there.
KEPT_BYTES = 64 * 2**20
#: By then the driver has let go, or never will: the gate's own hard limit.
LET_GO_S = 50.0


def named(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


def settled_bytes(card: Card, at_most_bytes: int) -> int:
    """What is used once it has fallen that far, or when it should have."""
    until_s = time.monotonic() + LET_GO_S
    while card.used_bytes() > at_most_bytes and time.monotonic() < until_s:
        pass  # each question to the driver takes its time: no need to rest between them
    return card.used_bytes()


def test_neither_parent_nor_template_has_a_context_and_only_the_child_is_on_the_card(
    card: Card, tmp_path: Path
) -> None:
    held = {f"{STAND_IN}.held_bytes": '"1GiB"', "child.start": '"template"'}
    task = task_in(tmp_path, paragraphs(500), held)
    with Narration(task) as run:
        ready = run.until(lambda event: event.is_child("ready"))
        assert ready is not None, run.tail()
        assert ready.pid is not None
        assert run.until(lambda event: event.event == "segment.done"), run.tail()
        (template,) = [pid for pid in ours(task.state) if named(pid) == TEMPLATE_NAME]
        assert has_context(ready.pid)
        assert not has_context(run.pid)
        assert not has_context(template)
        assert not {run.pid, template} & card.pids()
        run.kill()
    assert survivors(task.state) == []
    assert settled_bytes(card, card.before_bytes + KEPT_BYTES) <= card.before_bytes + KEPT_BYTES


def test_a_child_that_leaks_on_the_card_is_replaced_and_all_of_its_memory_comes_back(
    card: Card, tmp_path: Path
) -> None:
    text = paragraphs(30)
    calm = task_in(tmp_path / "calm", text, {f"{STAND_IN}.held_bytes": '"1GiB"'})
    with Narration(calm) as run:
        assert run.exit_code() == 0, run.tail()
    marks = {
        "memory.device.soft": f'"{card.before_bytes + 6 * GIB}B"',
        "memory.device.hard": f'"{card.before_bytes + 8 * GIB}B"',
    }
    leaks = {f"{STAND_IN}.held_bytes": '"1GiB"', f"{STAND_IN}.leak_bytes": '"512MiB"'}
    task = task_in(tmp_path / "leak", text, marks | leaks)
    with Narration(task) as run:
        assert run.exit_code(300.0) == 0, run.tail()
    ended = [event for event in run.seen if event.is_child("gone") and event.why != "no more work"]
    assert len(ended) >= 2
    assert all(event.signal is None for event in ended), ended
    assert sha256(task) == sha256(calm)
    assert settled_bytes(card, card.before_bytes + KEPT_BYTES) <= card.before_bytes + KEPT_BYTES


@pytest.mark.slow
def test_a_child_from_the_template_is_there_within_a_second_and_beside_its_predecessor_without_a_gap(
    card: Card, tmp_path: Path
) -> None:
    weights = write_weights(tmp_path / "weights.bin", 4 * GIB, "bfloat16")
    text = tmp_path / "text.txt"
    text.write_text(paragraphs(24), "utf-8")
    told: dict[tuple[str, str], Told] = {}
    for start, place in WAYS:
        sets = settings_for(weights, start, place, used_bytes=card.before_bytes)
        told[start, place] = narrate(tmp_path, text, sets | {"child.max_segments": "4"})
        tell(f"{start}, {place}: gaps {[round(gap_s, 3) for gap_s in told[start, place].gaps_s]} s")
    assert len({one.sha256 for one in told.values()}) == 1
    assert all(one.lives >= 6 and len(one.gaps_s) >= 5 for one in told.values())
    after, beside = told["template", "after"], told["template", "beside"]
    assert sorted(after.gaps_s)[2] <= 1.0
    assert sorted(after.gaps_s)[2] < sorted(told["cold", "after"].gaps_s)[2]
    # No gap at all: the first segment of a life comes as soon after the last one as any other.
    assert sorted(beside.gaps_s)[2] <= 2 * max(beside.steps_s)
