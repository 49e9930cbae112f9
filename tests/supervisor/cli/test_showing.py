from supervisor.cli.showing import Manifest, absolute, overview, verdict_lines
from supervisor.edge.ledger_values import JobView
from supervisor.narration.plan import Span
from supervisor.verify import Verdict


def test_a_manifest_counts_what_its_spans_say() -> None:
    spans = [
        Span(source=0, start=0, end=2, reason="markup"),
        Span(source=0, start=2, end=7, reason=None),
        Span(source=0, start=7, end=8, reason="markup"),
        Span(source=0, start=8, end=9, reason="blank"),
    ]
    manifest = Manifest(name="a.md", characters=9, spans=spans)
    assert (manifest.spoken, manifest.skipped) == (5, {"markup": 3, "blank": 1})


def test_an_overview_has_a_row_a_job() -> None:
    view = JobView(
        job="j1", state="parked", segments=9, done=4, failed=1, seconds=61.0, outputs=[], error="stopped"
    )
    header, row = overview([view], {"j1": "/a.wav"})
    assert header.split() == ["JOB", "STATE", "SEGMENTS", "FAILED", "AUDIO", "OUTPUT"]
    assert row.split() == ["j1", "parked", "4/9", "1", "0:01:01", "/a.wav"]


def test_a_verdict_that_is_no_says_so_last() -> None:
    verdict = Verdict(
        job="j1",
        ok=False,
        characters=10,
        spoken=5,
        failed=0,
        waiting=0,
        skipped={"blank": 5},
        segments={"done": 1, "failed": 0, "waiting": 0},
        audio_files=1,
        outputs=[],
        failures=[],
        bad_lines=[],
        problems=["a.wav has another hash"],
    )
    shown = verdict_lines(verdict)
    assert "problem: a.wav has another hash" in shown
    assert "NOT in order" in shown[-1]
    assert "10 characters: 5 spoken, 5 skipped (5 blank)" in shown[0]


def test_a_job_is_named_by_an_absolute_path_without_a_slash_at_its_end() -> None:
    assert absolute("/a/b/../c/") == "/a/c"
