"""A leak at every segment of a whole job: the audio is that of the same job without it, bit for bit.

What it costs in time is `benchmarks/steady_leak.py`'s to say.
"""

import hashlib
from pathlib import Path

import pytest

from tests.processes.narration import Narration, Task, narrate, paragraphs

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

MIB = 2**20
SCRIPTED = {"engine.name": '"scripted"', "engine.scripted.seconds_per_char": "0.01", "child.device": '"cpu"'}


def sha256(task: Task) -> str:
    return hashlib.sha256(task.output.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("segments", "soft_bytes"),
    [(100, 400 * MIB), pytest.param(2000, 2048 * MIB, marks=pytest.mark.slow)],
)
def test_a_leak_of_twenty_mebibytes_a_segment_changes_no_sample(
    tmp_path: Path, segments: int, soft_bytes: int
) -> None:
    text = tmp_path / "text.txt"
    text.write_text(paragraphs(segments), "utf-8")
    hard_bytes = soft_bytes + 100 * MIB
    leaking = SCRIPTED | {
        "engine.faults.leak_bytes": '"20MiB"',
        "memory.host.soft": f'"{soft_bytes}B"',
        "memory.host.hard": f'"{hard_bytes}B"',
    }
    calm = Task(text=text, output=tmp_path / "calm.wav", state=tmp_path / "a", sets=SCRIPTED)
    leaky = Task(text=text, output=tmp_path / "leaky.wav", state=tmp_path / "b", sets=leaking)
    narrate(calm, 400.0)
    with Narration(leaky) as run:
        assert run.exit_code(400.0) == 0, run.tail()
    lives = [event for event in run.seen if event.is_child("gone")]
    assert len(lives) > segments * 20 * MIB // hard_bytes
    assert all(event.signal is None for event in lives), lives
    assert sha256(leaky) == sha256(calm)
