"""A job that somebody paused waits for him: over restarts, at its rank, whoever else comes."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.ledger_values import HELD, JobState, job_id_for
from supervisor.edge.ledger_wanted import Wanted
from tests.standin.jobs import plan_of, spec_for

FIRST, SECOND = "/out/first.wav", "/out/second.wav"
JOB = job_id_for(FIRST)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as opened:
        yield opened


def submit(ledger: Ledger, output: str) -> None:
    ledger.submit(Wanted(output=output, request=b"a", is_fresh=False, key=None), 1.0)


def state_of(ledger: Ledger, job: str = JOB) -> tuple[str, str | None]:
    view = ledger.view(job)
    assert view is not None
    return view.state, view.error


def waiting(ledger: Ledger) -> list[str]:
    return [stored.job for stored in ledger.queued(9)]


def test_one_that_is_paused_is_not_handed_out_and_has_its_rank_when_it_goes_on(ledger: Ledger) -> None:
    submit(ledger, FIRST)
    submit(ledger, SECOND)
    assert ledger.hold(JOB)
    assert state_of(ledger) == ("paused", HELD)
    assert waiting(ledger) == [job_id_for(SECOND)]
    assert not ledger.take(JOB)
    assert ledger.resume(JOB, 2.0)
    assert state_of(ledger) == ("queued", None)
    assert waiting(ledger) == [JOB, job_id_for(SECOND)]


def test_it_waits_over_the_death_of_whoever_had_it_in_hand(ledger: Ledger) -> None:
    submit(ledger, FIRST)
    ledger.take(JOB)
    assert ledger.hold(JOB)
    ledger.park_abandoned()
    assert ledger.requeue_parked() == 0
    assert state_of(ledger) == ("paused", HELD)


def test_one_that_stands_still_for_want_of_memory_is_another_thing(ledger: Ledger) -> None:
    submit(ledger, FIRST)
    ledger.take(JOB)
    ledger.set_state(JOB, "paused", "host: 1 MiB left")
    assert not ledger.hold(JOB, in_hand=False), "somebody else has it in hand"
    assert not ledger.resume(JOB, 2.0)
    ledger.park_abandoned()
    assert ledger.requeue_parked() == 1


def test_one_that_narrate_parked_can_be_paused_and_is_the_services_when_it_goes_on(ledger: Ledger) -> None:
    ledger.save_plan(spec_for(FIRST), plan_of(["One."]))
    ledger.set_state(JOB, "parked", "stopped")
    assert ledger.hold(JOB, in_hand=False)
    assert ledger.resume(JOB, 2.0)
    assert waiting(ledger) == [JOB]


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_one_that_is_over_is_let_be(ledger: Ledger, state: JobState) -> None:
    submit(ledger, FIRST)
    ledger.set_state(JOB, state)
    assert not ledger.hold(JOB)
    assert not ledger.resume(JOB, 2.0)
    assert state_of(ledger)[0] == state


def test_what_was_paused_can_be_cancelled_tried_again_and_asked_for_anew(ledger: Ledger) -> None:
    submit(ledger, FIRST)
    ledger.hold(JOB)
    assert ledger.hold(JOB), "twice is once"
    assert ledger.cancel(JOB, in_hand=False)
    submit(ledger, FIRST)
    ledger.hold(JOB)
    assert ledger.retry(JOB, 2.0)
    assert waiting(ledger) == [JOB]
    ledger.hold(JOB)
    submit(ledger, FIRST)
    assert waiting(ledger) == [JOB]


def test_of_a_job_that_is_not_there_that_is_said(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no job j0"):
        ledger.hold("j0")
    with pytest.raises(LedgerError, match="no job j0"):
        ledger.resume("j0", 1.0)
