from supervisor.cli.showing import Manifest, absolute, degrade_lines, overview, verdict_lines
from supervisor.edge.ledger_values import JobView
from supervisor.narration.degrading import DegradedChapter, StepTaken
from supervisor.narration.plan import Span
from supervisor.policy.degrade import Step
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
        degraded=[],
        problems=["a.wav has another hash"],
    )
    shown = verdict_lines(verdict)
    assert "problem: a.wav has another hash" in shown
    assert "NOT in order" in shown[-1]
    assert "10 characters: 5 spoken, 5 skipped (5 blank)" in shown[0]


def test_a_chapter_that_was_changed_has_a_line_for_each_step() -> None:
    def step(step: Step, chars: int | None, rate_hz: int | None) -> StepTaken:
        return StepTaken(step=step, segment_chars=chars, sample_rate_hz=rate_hz, at_s=0.0, why="9 GiB of 8")

    steps = [step("smaller_segments", 100, None), step("24khz", 100, 24_000)]
    assert degrade_lines([DegradedChapter(chapter=2, title="Night", steps=steps)]) == [
        "chapter 3 (Night): segments of at most 100 characters: 9 GiB of 8",
        "chapter 3 (Night): spoken at 24000 Hz: 9 GiB of 8",
    ]


def test_a_job_is_named_by_an_absolute_path_without_a_slash_at_its_end() -> None:
    assert absolute("/a/b/../c/") == "/a/c"
