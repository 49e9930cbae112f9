"""People may clean and recycle a narration as often as they like: no sample changes, nothing is left."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.cli.calling import Caller
from supervisor.edge.runtimefolder import connect
from supervisor.loop.service import GivenBack, Status
from tests.processes.narration import PATIENCE_S, Narration, Task, narrate, paragraphs, tell

pytestmark = pytest.mark.processes

#: What Python and its allocator keep at their own discretion: an object kept for each of 200 requests, with
#: the answer that it carried, is more.
_NOISE_BYTES = 400 * 1024


def task(folder: Path, *, segments: int, wall_per_char_s: float) -> Task:
    text = folder / "text.txt"
    text.write_text(paragraphs(segments), "utf-8")
    sets = {
        "engine.name": '"scripted"',
        "engine.scripted.seconds_per_char": "0.01",
        "engine.scripted.wall_per_char_s": f"{wall_per_char_s}",
    }
    return Task(text=text, output=folder / "out.wav", state=folder / "state", sets=sets)


def caller(job: Task, run: Narration) -> Caller:
    """A connection to a narration, once it speaks."""
    assert run.until(lambda event: event.event == "door.open") is not None
    assert run.until(lambda event: event.is_child("ready")) is not None
    state = Path(os.path.realpath(job.state))
    return Caller(connect(state, os.environ, None, limit_s=PATIENCE_S), "the narration")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_clean_and_recycle_during_a_job_change_nothing_in_its_audio(tmp_path: Path) -> None:
    calm, busy = tmp_path / "calm", tmp_path / "busy"
    calm.mkdir()
    busy.mkdir()
    quiet = task(calm, segments=40, wall_per_char_s=0.0)
    narrate(quiet)
    disturbed = task(busy, segments=40, wall_per_char_s=0.001)
    with Narration(disturbed, level="info") as run:
        with caller(disturbed, run) as service:
            for _ in range(3):
                assert service.ask("memory/clean", GivenBack, limit_s=PATIENCE_S).took_s >= 0
                assert service.ask("child/recycle", GivenBack, limit_s=PATIENCE_S).took_s > 0
            status = service.ask("status", Status, limit_s=PATIENCE_S)
            while status.totals.recycles < 3:  # counted when the old child is gone: a moment after the answer
                status = service.ask("status", Status, limit_s=PATIENCE_S)
        assert run.exit_code() == 0, run.tail()
    assert (status.totals.recycles, status.totals.cleans, status.totals.deaths) == (3, 3, 0)
    assert [life.life for life in status.lives] == [1, 2, 3]
    assert sha256(disturbed.output) == sha256(quiet.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a process holds."""

    private_bytes: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Holding":
        place = Path(f"/proc/{pid}")
        kib = {
            line.split()[0]: int(line.split()[1])
            for line in (place / "smaps_rollup").read_text("ascii").splitlines()[1:]
        }
        return cls(
            # Whoever else maps them: what a template shares with its forks is its own all the same.
            private_bytes=1024 * kib["Anonymous:"],
            descriptors=len(list((place / "fd").iterdir())),
            threads=len(list((place / "task").iterdir())),
        )


@pytest.mark.timeout(120)
def test_a_hundred_of_each_in_a_row_leave_nothing_in_parent_and_template(tmp_path: Path) -> None:
    job = task(tmp_path, segments=4000, wall_per_char_s=0.0001)
    with Narration(job, level="info") as run, caller(job, run) as service:

        def a_round(cleans: int, recycles: int) -> Status:
            for method, count in (("memory/clean", cleans), ("child/recycle", recycles)):
                for _ in range(count):
                    service.ask(method, GivenBack, limit_s=PATIENCE_S)
                    while run.next(0.0):  # a log that nobody reads would hold up who writes it
                        pass
            return service.ask("status", Status, limit_s=PATIENCE_S)

        status = a_round(10, 60)  # more lives than a status tells of
        assert status.template is not None
        pids = {"parent": run.pid, "template": status.template.pid}
        before = {name: Holding.of(pid) for name, pid in pids.items()}
        status = a_round(100, 100)
        while status.totals.recycles < 160:  # the last one is counted when its child is gone
            status = service.ask("status", Status, limit_s=PATIENCE_S)
        after = {name: Holding.of(pid) for name, pid in pids.items()}
        assert status.template is not None
        assert status.template.pid == pids["template"]
        assert (status.totals.cleans, status.totals.recycles, status.totals.deaths) == (110, 160, 0)
    for name in pids:
        grew = after[name].private_bytes - before[name].private_bytes
        tell(f"{name}: {grew / 1024:+.0f} KiB in 100 releases and 100 recycles; {after[name]}")
        assert grew < _NOISE_BYTES
        assert after[name].threads == before[name].threads
        assert abs(after[name].descriptors - before[name].descriptors) <= 1  # a segment's file may be open
