import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from supervisor.doors.http.counters import ENDINGS, REASONS, Counters
from supervisor.doors.http.metrics import families
from supervisor.loop.service import ChildStatus, Status, Totals
from tests.supervisor.doors.http.test_counters import SEGV, gone, ready
from tests.supervisor.doors.http.visit import visiting


def test_a_reader_of_prometheus_takes_all_of_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.tell(ready(1))
            visit.service.tell(gone(SEGV))
            visit.service.tell(ready(2))
            answer = await visit.ask("GET", "/metrics")
            assert answer.headers["content-type"].startswith("text/plain")
            found = list(text_string_to_metric_families(answer.body.decode()))
            assert all(family.documentation and family.name.startswith("tts_supervisor_") for family in found)
            lives = {
                sample.labels["ended"]: sample.value
                for family in found
                for sample in family.samples
                if sample.name == "tts_supervisor_child_lives_total"
            }
            assert lives == dict.fromkeys(ENDINGS, 0.0) | {"crashed": 1.0}

    asyncio.run(run())


def child(device: str) -> ChildStatus:
    return ChildStatus(
        pid=1,
        life=1,
        ready=True,
        device=device,
        segments=0,
        memory={"host_private": 5},
        marks={"host_soft": 7},
    )


def values(status: Status) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("tts_supervisor_"), *sample.labels.values()): sample.value
        for family in families(status, Counters(), 0.0)
        for sample in family.samples
    }


def test_what_the_service_counts_is_told() -> None:
    totals = Totals(segments=3, failed=1, audio_seconds=9.5, cleans=2, attempts=6)
    found = values(Status(state="idle", child=child("cpu"), queue=4, lives=[], totals=totals))
    assert found["segments_total", "spoken"] == 3
    assert found["segments_total", "failed"] == 1
    assert found["attempts_total",] == 6
    assert found["audio_seconds_total",] == 9.5
    assert found["cache_releases_total",] == 2
    assert found["queue_waiting",] == 4
    assert found["state", "idle"] == 1
    assert found["state", "paused"] == 0
    assert found["memory_bytes", "cpu", "host_private"] == 5
    assert found["memory_mark_bytes", "cpu", "host_soft"] == 7
    assert {name[1] for name in found if name[0] == "child_recycles_total"} == set(REASONS)


def test_several_children_are_told_apart() -> None:
    both = [child("cpu"), child("cpu")]
    found = values(Status(state="idle", child=both[0], children=both, queue=0, lives=[], totals=Totals()))
    assert {name[1] for name in found if name[0] == "memory_bytes"} == {"cpu#0", "cpu#1"}
    assert found["children_ready",] == 2
