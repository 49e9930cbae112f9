import pytest

from supervisor.cli.outcome import failure_lines, report
from supervisor.edge.ledger_values import Failure, JobView
from supervisor.loop.requests import Outcome

VIEW = JobView(
    job="j1", state="done", segments=9, done=9, failed=0, seconds=1.0, outputs=["/a.wav"], error=None
)


def outcome(*, failures: int = 0, view: JobView | None = VIEW, code: int = 0, message: str = "") -> Outcome:
    failed = [
        Failure(number=number, chapter=0, text_head="Once", kind="oom", message="too big", attempts=3)
        for number in range(failures)
    ]
    outputs = view.outputs if view else []
    return Outcome(exit_code=code, view=view, outputs=outputs, failures=failed, bad_lines=[], message=message)


def test_without_failures_nothing_is_listed() -> None:
    assert failure_lines(outcome()) == []


def test_failures_are_listed_with_reason_and_mend_and_a_flood_is_counted() -> None:
    few = failure_lines(outcome(failures=2))
    assert few[0].startswith("not spoken (2), silence in their place; run the same command again to try just")
    nowhere = failure_lines(outcome(failures=2, view=None))
    assert nowhere[0].startswith("not spoken (2); run the same command"), "there is no file to be silent in"
    assert few[1].startswith("  segment 1 (chapter 1, 'Once')")
    assert "too big" in few[1]
    many = failure_lines(outcome(failures=500))
    assert len(many) < 60
    assert "450 more" in many[-1]


def test_the_result_is_what_jobs_get_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(outcome(code=3, failures=1), json=True) == 3
    assert capsys.readouterr().out == (
        '{"result":{"job":"j1","state":"done","segments":9,"done":9,"failed":0,"seconds":1.0,"outputs":["/a.wav"]}}\n'
    )


def test_without_a_job_the_last_line_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(outcome(view=None, code=75, message="in use"), json=True) == 75
    shown = capsys.readouterr()
    assert shown.out == '{"error":{"message":"in use","exit_code":75}}\n'
    assert "in use" in shown.err


def test_the_paths_are_printed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(outcome(), json=False)
    assert capsys.readouterr().out == "/a.wav\n"
