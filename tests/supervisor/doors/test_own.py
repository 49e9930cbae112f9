"""Lists of jobs fit on their line and go on where they ended."""

import json

import pytest

from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.own import listed
from supervisor.edge.ledger_values import JobView
from supervisor.loop.service import CannotAsk


def view(number: int, outputs: int = 1) -> JobView:
    return JobView(
        job=f"j{number:012}",
        state="done",
        segments=9,
        done=9,
        failed=0,
        seconds=1.23456,
        outputs=[f"/books/{number}/{output}.wav" for output in range(outputs)],
        error=None,
    )


def test_a_job_is_listed_as_jobs_get_has_it() -> None:
    (job,) = json.loads(listed([view(7)], None))
    assert job == {
        "job": "j000000000007",
        "state": "done",
        "segments": 9,
        "done": 9,
        "failed": 0,
        "seconds": 1.235,
        "outputs": ["/books/7/0.wav"],
    }


def test_however_many_there_are_each_line_fits_and_all_are_found() -> None:
    jobs = [view(number) for number in range(10_000)]
    found: list[str] = []
    after = None
    while True:
        text = listed(jobs, after)
        assert len(text) < LONGEST_LINE_BYTES
        page: list[dict[str, str]] = json.loads(text)
        if not page:
            break
        found += [job["job"] for job in page]
        after = found[-1]
    assert found == [job.job for job in jobs]


def test_a_job_that_does_not_fit_is_listed_alone_rather_than_never() -> None:
    jobs = [view(0), view(1, outputs=60_000), view(2)]
    assert [job["job"] for job in json.loads(listed(jobs, jobs[0].job))] == [jobs[1].job]


def test_a_list_after_a_job_that_is_none_is_refused() -> None:
    with pytest.raises(CannotAsk, match="there is no job 'x'"):
        listed([view(0)], "x")
