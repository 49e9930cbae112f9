import asyncio
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics

from supervisor.doors.http.counters import ENDINGS, REASONS, Counters
from supervisor.doors.http.metrics import families, wants_openmetrics
from supervisor.loop.service import ChildStatus, Status, Totals
from tests.blocks import blocks
from tests.supervisor.doors.http.test_counters import gone, ready
from tests.supervisor.doors.http.visit import Answer, visiting
from tests.tree import page

#: What Prometheus itself sends.
SCRAPER = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def asked(folder: Path, headers: Mapping[str, str] | None = None) -> Answer:
    """What `/metrics` answers after a few lives."""

    async def run() -> Answer:
        async with visiting(folder) as visit:
            for note in (ready(1), gone("crashed"), ready(2), gone("recycled", life=2, reason="leak")):
                visit.service.tell(note)
            return await visit.ask("GET", "/metrics", headers=dict(headers or {}))

    return asyncio.run(run())


def read(answer: Answer) -> list[Metric]:
    """Families, by the reader of the format that the answer says it is in."""
    is_open = answer.headers["content-type"] == OPENMETRICS
    reader = openmetrics if is_open else parser
    return list(reader.text_string_to_metric_families(answer.body.decode()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] -- untyped there


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", TEXT),
        (SCRAPER, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; version=one", TEXT),
        ("application/openmetrics-text; version=99.0.0, text/plain", TEXT),
    ],
)
def test_either_format_is_read_by_its_own_reader_and_says_the_same(
    tmp_path: Path, accept: str | None, media: str
) -> None:
    answer = asked(tmp_path, {} if accept is None else {"Accept": accept})
    assert (answer.status, answer.headers["content-type"], answer.headers["vary"]) == (200, media, "Accept")
    assert answer.body.endswith(b"# EOF\n") is (media == OPENMETRICS)
    found = read(answer)
    lives = {
        sample.labels["ended"]: sample.value
        for family in found
        for sample in family.samples
        if sample.name == "tts_supervisor_child_lives_total"
    }
    assert lives == dict.fromkeys(ENDINGS, 0.0) | {"crashed": 1.0, "recycled": 1.0}


@pytest.mark.parametrize(
    ("accepted", "is_open"),
    [
        ([], False),
        ([SCRAPER], True),
        (["text/plain", "application/openmetrics-text"], True),
        (["application/openmetrics-text;q=0"], False),
        (["application/openmetrics-text;q=0.3", "text/plain;q=0.4"], False),
        (["application/openmetrics-text;q=0.4, text/*;q=0.3"], True),
        (["application/openmetrics-text;q=many"], False),
        (["application/openmetrics-text;q=7"], False),
        (["APPLICATION/OpenMetrics-Text; Version=1.0.0 ; Q=1"], True),
        ([";,;=,=;q=;"], False),
    ],
)
def test_what_is_liked_best_is_sent(accepted: list[str], is_open: bool) -> None:
    assert wants_openmetrics(accepted) is is_open


def test_prometheus_own_checker_has_nothing_to_say(tmp_path: Path) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed; the readers above check the same grammar")
    answer = asked(tmp_path)
    words = [tool, "check", "metrics"]
    said = subprocess.run(words, input=answer.body, capture_output=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_every_family_is_named_once_with_its_unit_and_in_words(tmp_path: Path) -> None:
    found = read(asked(tmp_path, {"Accept": SCRAPER}))
    names = [family.name for family in found]
    assert len(set(names)) == len(names)
    for family in found:
        assert family.name.startswith("tts_supervisor_")
        assert family.documentation.endswith(".")
        assert family.name.endswith(("_seconds", "_bytes")) is bool(family.unit), family.name
        assert family.type in ("counter", "gauge", "histogram")
        named = Counter((sample.name, *sorted(sample.labels.items())) for sample in family.samples)
        assert set(named.values()) <= {1}
        if family.type == "counter":
            assert {sample.name for sample in family.samples} == {f"{family.name}_total"}


def test_the_histogram_of_respawns_agrees_with_itself(tmp_path: Path) -> None:
    found = {family.name: family for family in read(asked(tmp_path, {"Accept": SCRAPER}))}
    samples = found["tts_supervisor_child_respawn_seconds"].samples
    counts = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    edges = [float(sample.labels["le"]) for sample in samples if sample.name.endswith("_bucket")]
    assert edges == sorted(edges)
    assert counts == sorted(counts)
    whole = {sample.name.rpartition("_")[2]: sample.value for sample in samples}
    assert (edges[-1], counts[-1], whole["count"]) == (float("inf"), 1.0, 1.0)
    assert 0 <= whole["sum"] < 10


# ------------------------------------------------------------------ what is told


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


def standing(*children: ChildStatus, totals: Totals | None = None) -> Status:
    return Status(
        state="idle",
        child=children[0],
        children=[*children] if len(children) > 1 else [],
        queue=4,
        lives=[],
        totals=totals or Totals(),
    )


def told(status: Status) -> Iterator[tuple[tuple[str, ...], float]]:
    for family in families(status, Counters(), 0.0):
        for sample in family.samples:
            yield (sample.name.removeprefix("tts_supervisor_"), *sample.labels.values()), sample.value


def test_what_the_service_counts_is_told() -> None:
    totals = Totals(segments=3, failed=1, audio_seconds=9.5, cleans=2, attempts=6, lost_seconds=1.25)
    found = dict(told(standing(child("cpu"), totals=totals)))
    assert found["segments_total", "spoken"] == 3
    assert found["segments_total", "failed"] == 1
    assert found["attempts_total",] == 6
    assert found["audio_seconds_total",] == 9.5
    assert found["lost_seconds_total",] == 1.25
    assert found["cache_releases_total",] == 2
    assert found["queue_waiting",] == 4
    assert found["state", "idle"] == 1
    assert found["state", "paused"] == 0
    assert found["memory_bytes", "cpu", "host_private"] == 5
    assert found["memory_mark_bytes", "cpu", "host_soft"] == 7
    assert {name[1] for name in found if name[0] == "child_recycles_total"} == set(REASONS)


def test_several_children_are_told_apart() -> None:
    found = dict(told(standing(child("cpu"), child("cpu"))))
    assert {name[1] for name in found if name[0] == "memory_bytes"} == {"cpu#0", "cpu#1"}
    assert found["children_ready",] == 2


@pytest.mark.parametrize("device", ['a "card"', "back\\slash", "two\nlines", "卡 0"])
def test_an_odd_name_of_a_device_comes_back_as_it_is(device: str) -> None:
    class One:
        def collect(self) -> Iterator[Metric]:
            return families(standing(child(device)), Counters(), 0.0)

    from prometheus_client import exposition  # noqa: PLC0415 -- 5 MiB that one test needs

    text = exposition.generate_latest(One()).decode()
    found = {
        sample.labels["device"]
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
        if "device" in sample.labels
    }
    assert found == {device}


# ------------------------------------------------------------------ what the document says of it


def rules_and_scrape(folder: Path) -> str:
    """Write the files of docs/http.md, each named in its first line; return their text."""
    shown = [block.text for block in blocks("docs/http.md") if block.language == "yaml"]
    for text in shown:
        (folder / text.partition("\n")[0].removeprefix("# ")).write_text(text, "utf-8")
    assert {path.name for path in folder.glob("*.yml")} == {"prometheus.yml", "tts-supervisor.rules.yml"}
    return "".join(shown)


def test_rules_in_the_document_speak_of_figures_that_there_are(tmp_path: Path) -> None:
    there = {
        sample.name
        for family in families(standing(child("cpu")), Counters(), 0.0)
        for sample in family.samples
    }
    named = set(re.findall(r"tts_supervisor_\w+", rules_and_scrape(tmp_path)))
    assert named
    assert named <= there


def test_the_document_has_a_row_for_every_figure() -> None:
    rows = re.findall(r"^\| (`[a-z_]+[^|]*`) \|", page("docs/http.md").split("## Figures")[1], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}
    there = {family.name for family in families(standing(child("cpu")), Counters(), 0.0)}
    plain = {name.removesuffix("_total") for name in listed}
    assert plain == {name.removeprefix("tts_supervisor_") for name in there}


def test_prometheus_own_checker_takes_the_rules_in_the_document(tmp_path: Path) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    rules_and_scrape(tmp_path)
    for words in (
        ("check", "rules", "tts-supervisor.rules.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ):
        done = subprocess.run([tool, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout
