"""Requests through the ledger and back: what was asked for, and what is to be done."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from supervisor.config import load_config
from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.ledger_submissions import OtherInHand
from supervisor.edge.ledger_values import JobSpec, job_id_for
from supervisor.edge.ledger_wanted import Wanted
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.orders import planning_order
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.submitted import request_again, request_of, submit
from supervisor.narration.plan import Plan, Source, VoiceSpec
from supervisor.planning.__main__ import PlanningOrder, carry_out
from tests.standin.jobs import plan_of, speak_all, spec_for

OUTPUT = "/out/story.wav"
JOB = job_id_for(OUTPUT)
ASKED = JobRequest(
    output=OUTPUT,
    format="wav",
    sample_rate_hz=16_000,
    voice=VoiceSpec(name="ada"),
    seed=7,
    inputs=[
        InputSpec(path="/in/a.md", name="a.md"),
        InputSpec(path=None, name="text", text="Größe 你好 \U0001f600\0"),
    ],
    folder="/in",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as opened:
        yield opened


def asked(**changed: bool | str | int) -> JobRequest:
    return msgspec.structs.replace(ASKED, **changed)


def plan() -> tuple[JobSpec, Plan]:
    spec = msgspec.structs.replace(spec_for(OUTPUT), folder="/in", voice=ASKED.voice, seed=7)
    plan = plan_of(["One."])
    return spec, replace(plan, sources=(Source(name="a.md", text="One."), Source(name="text", text="Two.")))


def next_of(ledger: Ledger) -> JobRequest:
    (stored,) = ledger.queued()
    return request_of(ledger, stored)


@pytest.mark.parametrize(
    "request_", [ASKED, asked(key="k"), asked(fresh=True), asked(keep=False), asked(key="k", fresh=True)]
)
def test_before_it_is_planned_a_job_comes_back_as_it_was_asked_for(
    ledger: Ledger, request_: JobRequest
) -> None:
    assert submit(ledger, request_, 1.0).job == JOB
    assert next_of(ledger) == request_
    assert request_again(ledger, JOB) == request_


def test_the_same_request_is_the_same_whatever_its_key(ledger: Ledger) -> None:
    assert submit(ledger, ASKED, 1.0).is_new
    assert not submit(ledger, asked(key="k"), 1.0).is_new
    for other in (asked(seed=8), asked(fresh=True), asked(format="flac"), asked(keep=False)):
        with pytest.raises(OtherInHand):
            submit(ledger, other, 1.0)


def test_once_it_is_planned_its_texts_are_the_ledgers_whatever_became_of_its_files(ledger: Ledger) -> None:
    submit(ledger, asked(key="k", keep=False, fresh=True), 1.0)
    ledger.take(JOB)
    ledger.forget(JOB, keep_deliveries=True)
    ledger.save_plan(*plan())
    ledger.park_abandoned()
    ledger.requeue_parked()
    again = next_of(ledger)
    assert again.inputs == [
        InputSpec(path="/in/a.md", name="a.md", text="One."),
        InputSpec(path=None, name="text", text="Two."),
    ]
    assert (again.voice, again.seed, again.folder, again.key) == (ASKED.voice, 7, "/in", "k")
    assert (again.again, again.fresh, again.keep) == (True, False, False)


def planned_by(ledger: Ledger, request: JobRequest) -> list[str]:
    """Have the planner plan what is to be done, and return the keys of its segments."""
    config = load_config(sets=["engine.name=scripted"], environ={})
    line = planning_order(config, ledger.folder, request)
    carry_out(msgspec.json.decode(line, type=PlanningOrder))
    return [segment.key for segment in ledger.segments(JOB)]


@pytest.mark.parametrize("fresh", [False, True])
def test_the_next_service_goes_on_with_the_same_segments_though_the_file_changed_or_went(
    ledger: Ledger, tmp_path: Path, fresh: bool
) -> None:
    (tmp_path / "a.md").write_text("# One\n\nHello. Good-bye.\n\n# Two\n\nAgain.\n")
    inputs = [InputSpec(path=f"{tmp_path}/a.md", name="a.md"), InputSpec(path=None, name="text", text="Two.")]
    request = msgspec.structs.replace(ASKED, inputs=inputs, folder=str(tmp_path), fresh=fresh)
    submit(ledger, request, 1.0)
    ledger.take(JOB)
    keys = planned_by(ledger, request_of_job(ledger))
    assert [view.state for view in ledger.views()] == ["running"]
    speak_all(ledger, StateFolder(ledger.folder), JOB)
    for change in (lambda: (tmp_path / "a.md").write_text("Other."), (tmp_path / "a.md").unlink):
        ledger.park_abandoned()
        ledger.requeue_parked()
        change()
        assert planned_by(ledger, next_of(ledger)) == keys
        assert ledger.is_all_spoken(JOB)
        ledger.take(JOB)


def request_of_job(ledger: Ledger) -> JobRequest:
    stored = ledger.submission(JOB)
    assert stored is not None
    return request_of(ledger, stored)


def test_a_job_that_narrate_made_is_done_again_from_its_plan(ledger: Ledger) -> None:
    ledger.save_plan(*plan())
    before = request_again(ledger, JOB)
    assert (before.output, before.again, [each.text for each in before.inputs]) == (
        OUTPUT,
        True,
        ["One.", "Two."],
    )
    ledger.retry(JOB, 1.0)
    assert next_of(ledger) == before


def test_a_new_submission_counts_and_not_the_plan_before_it(ledger: Ledger) -> None:
    ledger.save_plan(*plan())
    ledger.set_state(JOB, "done")
    submit(ledger, ASKED, 1.0)
    assert next_of(ledger) == ASKED
    ledger.set_state(JOB, "failed", "a.md: there is no such file")
    ledger.retry(JOB, 2.0)
    assert next_of(ledger) == ASKED


def test_what_cannot_be_read_or_is_not_there_is_named(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="j-none"):
        request_again(ledger, "j-none")
    ledger.submit(Wanted(output=OUTPUT, request=b'{"output": 1}'), 1.0)
    with pytest.raises(LedgerError, match=rf"{JOB}: what was submitted cannot be read.*submit it again"):
        request_again(ledger, JOB)


def test_a_request_is_the_same_bytes_where_a_later_version_knows_more_of_it(ledger: Ledger) -> None:
    # What has its default is not written: a field that a later version adds changes no stored request.
    submit(ledger, ASKED, 1.0)
    stored = ledger.submission(JOB)
    assert stored is not None
    assert set(msgspec.json.decode(stored.request, type=dict[str, msgspec.Raw])) == {
        *("output", "format", "sample_rate_hz", "voice", "seed", "inputs", "folder"),
    }
