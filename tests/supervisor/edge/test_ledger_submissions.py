"""Submitted jobs: the same twice is one, none is lost whoever dies, and each waits its turn."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.ledger_queries import VIEWS
from supervisor.edge.ledger_schema import FILE_NAME
from supervisor.edge.ledger_submissions import OtherInHand
from supervisor.edge.ledger_values import ABANDONED, JobState, job_id_for
from supervisor.edge.ledger_wanted import Wanted
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import DiskFull
from tests.standin.jobs import plan_of, speak, speak_all, spec_for
from tests.standin.oldledger import backdate
from tests.standin.tinydisk import tiny_disk
from tests.tree import ROOT

OUTPUT = "/out/story.wav"
JOB = job_id_for(OUTPUT)
PLAN = plan_of(["One.", "Two."])
THREE = plan_of(["One.", "Two.", "Three."])


def wanted(
    output: str = OUTPUT, request: bytes = b"a", *, fresh: bool = False, key: str | None = None
) -> Wanted:
    return Wanted(output=output, request=request, is_fresh=fresh, key=key)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    with closing(Ledger.open(state.path)) as opened:
        yield opened


def states(ledger: Ledger) -> list[tuple[str, str]]:
    return [(view.job, view.state) for view in ledger.views()]


def waiting(ledger: Ledger) -> list[str]:
    return [stored.job for stored in ledger.queued(100)]


def plan(ledger: Ledger, output: str = OUTPUT) -> None:
    ledger.save_plan(spec_for(output), PLAN)


# ------------------------------------------------------------------ submitting


def test_a_submitted_job_is_queued_with_no_segments_before_it_is_planned(ledger: Ledger) -> None:
    assert ledger.submit(wanted(), 1.7e9).is_new
    view = ledger.view(JOB)
    assert view is not None
    assert view.as_json() == {
        "job": JOB,
        "state": "queued",
        "segments": 0,
        "done": 0,
        "failed": 0,
        "seconds": 0.0,
        "outputs": [],
    }
    assert (ledger.spec(JOB), ledger.outputs()) == (None, {JOB: OUTPUT})
    assert not ledger.is_all_spoken(JOB)
    with pytest.raises(LedgerError, match="not planned yet"):
        ledger.files(JOB)


def test_what_was_submitted_comes_back_as_it_was(ledger: Ledger) -> None:
    ledger.submit(wanted(request=b'{"x": 1}', fresh=True, key="k"), 1.7e9)
    (stored,) = ledger.queued()
    assert ledger.submission(JOB) == stored
    assert (stored.job, stored.output, stored.request, stored.at_s) == (JOB, OUTPUT, b'{"x": 1}', 1.7e9)
    assert (stored.fresh, stored.planned, stored.key) == (1, 0, "k")
    assert ledger.submission("j-none") is None


def test_jobs_wait_in_the_order_in_which_they_came_and_are_listed_with_those_narrate_made(
    ledger: Ledger,
) -> None:
    ledger.submit(wanted("/out/b.wav"), 1.0)
    plan(ledger)
    ledger.submit(wanted("/out/a.wav"), 2.0)
    b, a = job_id_for("/out/b.wav"), job_id_for("/out/a.wav")
    assert [job for job, _ in states(ledger)] == [b, JOB, a]
    assert waiting(ledger) == [b, a]
    assert [stored.job for stored in ledger.queued()] == [b]


def test_the_same_again_is_the_same_job_as_long_as_it_is_not_over(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    assert not ledger.submit(wanted(), 2.0).is_new
    assert ledger.take(JOB)
    assert not ledger.submit(wanted(), 3.0).is_new
    assert (states(ledger), waiting(ledger)) == ([(JOB, "running")], [])
    ledger.set_state(JOB, "paused", "memory")
    assert not ledger.submit(wanted(), 4.0).is_new
    assert states(ledger) == [(JOB, "paused")]


@pytest.mark.parametrize("other", [wanted(request=b"b"), wanted(fresh=True)])
def test_another_request_for_an_output_in_hand_is_refused_and_changes_nothing(
    ledger: Ledger, other: Wanted
) -> None:
    ledger.submit(wanted(), 1.0)
    for state in ("queued", "running"):
        with pytest.raises(OtherInHand, match=rf"{OUTPUT} is {state}.*cancel it first"):
            ledger.submit(other, 2.0)
        ledger.take(JOB)
    stored = ledger.submission(JOB)
    assert stored is not None
    assert (stored.request, stored.fresh, stored.at_s) == (b"a", 0, 1.0)


@pytest.mark.parametrize("over", ["done", "failed", "cancelled", "parked"])
def test_a_job_that_is_over_is_queued_again_behind_the_others_and_keeps_what_is_spoken(
    ledger: Ledger, state: StateFolder, over: JobState
) -> None:
    ledger.submit(wanted(), 1.0)
    ledger.take(JOB)
    plan(ledger)
    speak_all(ledger, state, JOB)
    ledger.set_state(JOB, over, "a reason")
    ledger.submit(wanted("/out/b.wav"), 2.0)
    assert ledger.submit(wanted(request=b"b"), 3.0).is_new
    assert waiting(ledger) == [job_id_for("/out/b.wav"), JOB]
    view = ledger.view(JOB)
    assert view is not None
    assert (view.state, view.error, view.done) == ("queued", None, 2)
    stored = ledger.submission(JOB)
    assert stored is not None
    assert (stored.request, stored.planned) == (b"b", 0)
    assert ledger.save_plan(spec_for(OUTPUT), PLAN).reused == 2


def test_a_job_that_narrate_made_can_be_submitted(ledger: Ledger) -> None:
    plan(ledger)  # and was killed before it ran
    assert ledger.submit(wanted(), 1.0).is_new
    assert waiting(ledger) == [JOB]


# ------------------------------------------------------------------ keys


def test_a_key_is_its_job_whatever_else_is_said_and_whatever_became_of_it(ledger: Ledger) -> None:
    ledger.submit(wanted(key="k"), 1.0)
    for state in ("running", "done", "cancelled", "failed"):
        ledger.set_state(JOB, state)
        outcome = ledger.submit(wanted("/out/other.wav", b"b", key="k"), 2.0)
        assert (outcome.job, outcome.is_new) == (JOB, False)
        assert states(ledger) == [(JOB, state)]


def test_an_earlier_key_stays_known_after_a_later_one(ledger: Ledger) -> None:
    ledger.submit(wanted(key="first"), 1.0)
    assert not ledger.submit(wanted(key="second"), 1.0).is_new
    ledger.set_state(JOB, "done")
    assert ledger.submit(wanted(request=b"b", key="third"), 1.0).is_new
    ledger.set_state(JOB, "done")
    for key in ("first", "second", "third"):
        assert not ledger.submit(wanted(key=key), 1.0).is_new
    assert waiting(ledger) == []
    stored = ledger.submission(JOB)
    assert stored is not None
    assert stored.key == "third"


def test_a_key_of_a_request_that_was_refused_is_not_taken(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    with pytest.raises(OtherInHand):
        ledger.submit(wanted(request=b"b", key="k"), 1.0)
    assert ledger.submit(wanted("/out/other.wav", key="k"), 1.0).is_new


def test_a_job_that_is_forgotten_takes_its_submission_and_its_keys_along(ledger: Ledger) -> None:
    ledger.submit(wanted(key="k"), 1.0)
    ledger.submit(wanted("/out/b.wav", key="b"), 1.0)
    ledger.remove(JOB)
    assert (ledger.submission(JOB), ledger.view(JOB)) == (None, None)
    assert waiting(ledger) == [job_id_for("/out/b.wav")]
    assert ledger.submit(wanted("/out/c.wav", key="k"), 1.0).job == job_id_for("/out/c.wav")
    assert not ledger.submit(wanted(key="b"), 1.0).is_new


# ------------------------------------------------------------------ in hand


def test_what_is_in_hand_is_taken_once_and_stays_so_when_its_plan_is_written(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    assert ledger.take(JOB)
    assert not ledger.take(JOB)
    plan(ledger)
    assert (states(ledger), waiting(ledger)) == ([(JOB, "running")], [])
    stored = ledger.submission(JOB)
    assert stored is not None
    assert stored.planned == 1


def test_what_was_cancelled_meanwhile_is_not_taken(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    assert ledger.cancel(JOB)
    assert not ledger.take(JOB)
    assert (states(ledger), waiting(ledger)) == ([(JOB, "cancelled")], [])


def test_a_cancelled_job_keeps_its_speech_and_one_that_is_over_stays_as_it_is(
    ledger: Ledger, state: StateFolder
) -> None:
    ledger.submit(wanted(), 1.0)
    ledger.take(JOB)
    plan(ledger)
    speak_all(ledger, state, JOB)
    assert not ledger.cancel(JOB, in_hand=False)
    assert states(ledger) == [(JOB, "running")]
    assert ledger.cancel(JOB)
    view = ledger.view(JOB)
    assert view is not None
    assert (view.state, view.done) == ("cancelled", 2)
    for over in ("done", "failed", "cancelled"):
        ledger.set_state(JOB, over)
        assert not ledger.cancel(JOB)
        assert states(ledger) == [(JOB, over)]


@pytest.mark.parametrize("over", ["done", "failed", "cancelled", "parked"])
def test_retry_queues_a_job_again_behind_the_others(ledger: Ledger, over: JobState) -> None:
    ledger.submit(wanted(key="k"), 1.0)
    ledger.take(JOB)
    plan(ledger)
    key = ledger.waiting(JOB, -1, 1)[0].key
    ledger.set_aside(JOB, key, "engine", "no")
    ledger.set_state(JOB, over)
    ledger.submit(wanted("/out/b.wav"), 2.0)
    assert ledger.retry(JOB, 3.0)
    assert waiting(ledger) == [job_id_for("/out/b.wav"), JOB]
    assert ledger.waiting(JOB, -1, 1)[0].key == key
    stored = ledger.submission(JOB)
    assert stored is not None
    assert (stored.request, stored.planned, stored.at_s, stored.key) == (b"a", 1, 3.0, "k")


def test_retry_leaves_what_is_queued_or_in_hand_as_it_is(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    assert not ledger.retry(JOB, 2.0)
    ledger.take(JOB)
    assert not ledger.retry(JOB, 2.0)
    assert states(ledger) == [(JOB, "running")]
    with pytest.raises(LedgerError, match="j-none"):
        ledger.retry("j-none", 2.0)


def test_retry_queues_a_job_that_narrate_made_as_planned(ledger: Ledger) -> None:
    plan(ledger)
    ledger.set_state(JOB, "parked", "stopped")
    assert ledger.retry(JOB, 2.0)
    (stored,) = ledger.queued()
    assert (stored.job, stored.request, stored.planned) == (JOB, b"", 1)


# ------------------------------------------------------------------ owners that die


def test_a_service_finds_what_one_before_it_had_in_hand_at_its_old_rank(state: StateFolder) -> None:
    outputs = [f"/out/{name}.wav" for name in "dcba"]
    with closing(Ledger.open(state.path)) as ledger:
        for output in outputs:
            ledger.submit(wanted(output), 1.0)
        for output in outputs[:3]:
            ledger.take(job_id_for(output))
        ledger.set_state(job_id_for(outputs[1]), "paused", "memory")
        ledger.set_state(job_id_for(outputs[2]), "parked", "asked to stop")
    with closing(Ledger.open(state.path)) as ledger:
        ledger.park_abandoned()
        assert ledger.requeue_parked() == 3
        assert waiting(ledger) == [job_id_for(output) for output in outputs]
        assert all(view.error is None for view in ledger.views())


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_jobs_that_narrate_left_stay_parked_for_a_service(ledger: Ledger, end: JobState) -> None:
    plan(ledger)
    ledger.set_state(JOB, "running")
    ledger.submit(wanted("/out/b.wav"), 1.0)
    over = job_id_for("/out/b.wav")
    ledger.set_state(over, end)
    plan(ledger, "/out/b.wav")  # by narrate, later: its submission was over
    ledger.set_state(over, "running")
    ledger.park_abandoned()
    assert ledger.requeue_parked() == 0
    assert [(view.state, view.error) for view in ledger.views()] == [("parked", ABANDONED)] * 2


def test_a_job_that_narrate_brings_to_its_end_is_no_longer_the_services(ledger: Ledger) -> None:
    ledger.submit(wanted(), 1.0)
    plan(ledger)
    ledger.set_state(JOB, "running")
    ledger.set_state(JOB, "done")
    assert (waiting(ledger), ledger.requeue_parked()) == ([], 0)


def test_a_fresh_start_is_made_once_however_often_a_service_dies(ledger: Ledger, state: StateFolder) -> None:
    plan(ledger)
    speak_all(ledger, state, JOB)
    ledger.set_state(JOB, "done")
    ledger.submit(wanted(fresh=True), 1.0)
    ledger.take(JOB)
    ledger.forget(JOB, keep_deliveries=True)  # as the planner does, and dies before it has written its plan
    ledger.park_abandoned()
    ledger.requeue_parked()
    (stored,) = ledger.queued()
    assert (stored.request, stored.fresh, stored.planned, ledger.spec(JOB)) == (b"a", 0, 0, None)
    ledger.take(JOB)
    assert ledger.save_plan(spec_for(OUTPUT), PLAN).reused == 0
    assert states(ledger) == [(JOB, "running")]


def test_a_fresh_start_of_a_job_that_is_over_makes_it_narrates_and_keeps_its_keys(ledger: Ledger) -> None:
    ledger.submit(wanted(key="k"), 1.0)
    ledger.set_state(JOB, "done")
    ledger.forget(JOB, keep_deliveries=True)
    assert (ledger.view(JOB), ledger.submission(JOB)) == (None, None)
    plan(ledger)
    assert ledger.submit(wanted("/out/b.wav", key="k"), 1.0).job == JOB


WRITER = """
import sys
from pathlib import Path
from random import Random
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_wanted import Wanted
ledger = Ledger.open(Path(sys.argv[1]))
for number in range(100_000):
    outcome = ledger.submit(Wanted(output=f"/out/{number}.wav", request=b"a", key=str(number)), 1.0)
    print(outcome.job, flush=True)
"""


def test_every_job_that_was_answered_is_there_after_a_kill(state: StateFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(state.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        answered = [writer.stdout.readline().strip() for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        answered += [line.strip() for line in writer.stdout if line.endswith("\n")]
    with closing(Ledger.open(state.path)) as ledger:
        there = [stored.job for stored in ledger.queued(100_000)]
        assert there[: len(answered)] == answered
        assert len(there) - len(answered) in (0, 1)  # one may be durable and not answered
        for number, job in enumerate(answered):
            assert ledger.submit(wanted("/out/again.wav", key=str(number)), 2.0).job == job


def test_a_full_disk_takes_no_job_and_loses_none(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", size_bytes=1 << 20) as folder, closing(Ledger.open(folder)) as ledger:
        taken: list[str] = []

        def fill() -> None:
            while True:
                taken.append(ledger.submit(wanted(f"/out/{len(taken)}.wav", bytes(20_000)), 1.0).job)

        with pytest.raises(DiskFull, match="make room"):
            fill()
        assert taken
        assert waiting(ledger) == taken


def test_a_job_that_is_over_is_counted_when_it_ends_and_anew_when_it_goes_on(
    ledger: Ledger, state: StateFolder
) -> None:
    plan(ledger)
    speak_all(ledger, state, JOB)
    ledger.set_state(JOB, "done")
    before = ledger.views()
    with closing(sqlite3.connect(state.path / FILE_NAME)) as connection:
        connection.execute("DELETE FROM speech")  # is not looked at
        connection.commit()
    assert ledger.views() == before
    assert before[0].done == 2
    ledger.retry(JOB, 1.0)
    assert ledger.views()[0].done == 0


def test_an_upgrade_counts_what_is_over(ledger: Ledger, state: StateFolder) -> None:
    for output in (OUTPUT, "/out/b.wav"):
        plan(ledger, output)
        speak_all(ledger, state, job_id_for(output))
    ledger.set_state(JOB, "done")
    before = ledger.views()
    backdate(state.path, 3)
    with closing(Ledger.open(state.path)) as upgraded:
        assert upgraded.views() == before
    with closing(sqlite3.connect(state.path / FILE_NAME)) as connection:
        assert connection.execute("SELECT job, done FROM tally").fetchall() == [(JOB, 2)]


def test_a_ledger_of_before_is_read_as_it_is_and_takes_jobs_once_it_has_an_owner(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        plan(ledger)
    backdate(tmp_path, 3)
    with closing(Ledger.open(tmp_path, read_only=True)) as reader:
        assert states(reader) == [(JOB, "queued")]
        assert (reader.submission(JOB), reader.queued()) == (None, [])
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.submit(wanted("/out/b.wav", key="k"), 1.0)
        assert [job for job, _ in states(ledger)] == [JOB, job_id_for("/out/b.wav")]
        assert ledger.spec(JOB) == spec_for(OUTPUT)


# ------------------------------------------------------------------ against a model

OUTPUTS = [f"/out/{name}.wav" for name in "abcd"]
KEYS = st.sampled_from([None, None, "k1", "k2", "k3"])
CHANCE = st.randoms(use_true_random=False)
OUTPUT_OF = {job_id_for(output): output for output in OUTPUTS}


@dataclass(slots=True, kw_only=True)
class Believed:
    """What a job should be."""

    state: JobState
    request: bytes = b""
    fresh: bool = False
    planned: bool = False
    open: bool = False
    rank: int = 0
    submitted: bool = False
    held: bool = False

    @property
    def in_hand(self) -> bool:
        return self.open and self.state in ("queued", "running", "paused")

    def in_hand_otherwise(self, request: bytes, *, fresh: bool) -> bool:
        return self.in_hand and (self.request, self.fresh) != (request, fresh)


class Service(RuleBasedStateMachine):
    """Clients, a service that dies and comes back, and `narrate` between, on one ledger."""

    @initialize()
    def begin(self) -> None:
        # In memory where that can be: a thousand transactions, and what a disk does is tested above.
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="tts-supervisor-test-", dir=place))
        self.ledger = Ledger.open(self.folder)
        self.jobs: dict[str, Believed] = {}
        self.keys: dict[str, str] = {}
        self.ranks = 0

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def of(self, *wanted: JobState) -> list[str]:
        return [job for job, believed in self.jobs.items() if believed.state in wanted]

    def next_rank(self) -> int:
        self.ranks += 1
        return self.ranks

    @rule(
        output=st.sampled_from(OUTPUTS), request=st.sampled_from([b"a", b"b"]), fresh=st.booleans(), key=KEYS
    )
    def submits(self, *, output: str, request: bytes, fresh: bool, key: str | None) -> None:
        job = job_id_for(output)
        believed = self.jobs.get(job)
        asked = wanted(output, request, fresh=fresh, key=key)
        if key is not None and key in self.keys:
            outcome = self.ledger.submit(asked, 1.0)
            assert (outcome.job, outcome.is_new) == (self.keys[key], False)
            return
        if (
            believed is not None
            and believed.in_hand
            and (believed.request, believed.fresh) != (request, fresh)
        ):
            with pytest.raises(OtherInHand):
                self.ledger.submit(asked, 1.0)
            return
        outcome = self.ledger.submit(asked, 1.0)
        assert (outcome.job, outcome.is_new) == (job, believed is None or not believed.in_hand)
        if outcome.is_new:
            new = Believed(
                state="queued", request=request, fresh=fresh, open=True, rank=self.next_rank(), submitted=True
            )
            self.jobs[job] = new
        if key is not None:
            self.keys[key] = job

    @rule()
    def takes_the_next(self) -> None:
        queued = [(each.rank, job) for job, each in self.jobs.items() if each.open and each.state == "queued"]
        found = self.ledger.queued()
        assert [stored.job for stored in found] == [job for _, job in sorted(queued)[:1]]
        for stored in found:
            assert self.ledger.take(stored.job)
            self.jobs[stored.job].state = "running"

    def plans(self, job: str) -> None:
        believed = self.jobs[job]
        if believed.fresh:
            self.ledger.forget(job, keep_deliveries=True)
            believed.fresh = False
        self.ledger.save_plan(spec_for(OUTPUT_OF[job]), THREE)
        believed.planned = True

    def speaks(self, job: str) -> None:
        for segment in self.ledger.waiting(job, -1, 1):
            speak(self.ledger, StateFolder(self.folder), job, segment)
        for segment in self.ledger.waiting(job, -1, 1):
            self.ledger.set_aside(job, segment.key, "engine", "no")

    @precondition(lambda self: self.of("running"))
    @rule(chosen=CHANCE, end=st.sampled_from(["done", "failed", "parked", "paused"]))
    def what_is_in_hand_is_planned_and_comes_to_an_end(self, chosen: Random, end: JobState) -> None:
        job = chosen.choice(self.of("running"))
        if self.jobs[job].open:
            self.plans(job)
        self.speaks(job)
        self.ledger.set_state(job, end, "why")
        self.jobs[job].state = end
        self.jobs[job].open &= end in ("parked", "paused")

    @precondition(lambda self: self.jobs)
    @rule(chosen=CHANCE, in_hand=st.booleans())
    def somebody_cancels(self, chosen: Random, *, in_hand: bool) -> None:
        job = chosen.choice(list(self.jobs))
        believed = self.jobs[job]
        can = believed.state in ("queued", "parked") or (in_hand and believed.state in ("running", "paused"))
        can |= believed.held
        assert self.ledger.cancel(job, in_hand=in_hand) == can
        if can:
            believed.state, believed.open, believed.held = "cancelled", False, False

    @precondition(lambda self: self.jobs)
    @rule(chosen=CHANCE, in_hand=st.booleans())
    def somebody_pauses(self, chosen: Random, *, in_hand: bool) -> None:
        job = chosen.choice(list(self.jobs))
        believed = self.jobs[job]
        can = believed.state in ("queued", "parked") or (in_hand and believed.state in ("running", "paused"))
        can |= believed.held
        assert self.ledger.hold(job, in_hand=in_hand) == can
        if can:
            believed.state, believed.open, believed.held = "paused", False, True

    @precondition(lambda self: self.jobs)
    @rule(chosen=CHANCE)
    def somebody_resumes(self, chosen: Random) -> None:
        job = chosen.choice(list(self.jobs))
        believed = self.jobs[job]
        assert self.ledger.resume(job, 3.0) == believed.held
        if believed.held:
            if not believed.submitted:
                believed.rank, believed.submitted, believed.planned = self.next_rank(), True, True
            believed.state, believed.open, believed.held = "queued", True, False

    @precondition(lambda self: self.jobs)
    @rule(chosen=CHANCE)
    def somebody_retries(self, chosen: Random) -> None:
        job = chosen.choice(list(self.jobs))
        believed = self.jobs[job]
        can = not believed.in_hand
        assert self.ledger.retry(job, 2.0) == can
        if can:
            believed.state, believed.open, believed.rank = "queued", True, self.next_rank()
            believed.planned |= not believed.submitted
            believed.submitted, believed.held = True, False

    @rule(serves=st.booleans())
    def the_owner_dies_and_another_comes(self, *, serves: bool) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.folder)
        self.ledger.park_abandoned()
        for job in self.of("running", "paused"):
            if not self.jobs[job].held:
                self.jobs[job].state = "parked"
        if serves:
            requeued = [job for job in self.of("parked") if self.jobs[job].open]
            assert self.ledger.requeue_parked() == len(requeued)
            for job in requeued:
                self.jobs[job].state = "queued"

    @rule(output=st.sampled_from(OUTPUTS), end=st.sampled_from(["done", "parked", "running"]))
    def narrate_runs_once_where_nobody_serves(self, output: str, end: JobState) -> None:
        self.the_owner_dies_and_another_comes(serves=False)
        job = job_id_for(output)
        believed = self.jobs.setdefault(job, Believed(state="queued"))
        self.ledger.save_plan(spec_for(output), THREE)
        believed.planned = True
        self.speaks(job)
        self.ledger.set_state(job, end)
        believed.state, believed.held = end, False
        believed.open &= end != "done"

    @precondition(lambda self: self.jobs)
    @rule(chosen=CHANCE)
    def somebody_removes(self, chosen: Random) -> None:
        job = chosen.choice(list(self.jobs))
        self.ledger.remove(job)
        del self.jobs[job]
        self.keys = {key: its for key, its in self.keys.items() if its != job}

    @invariant()
    def the_ledger_is_as_believed(self) -> None:
        assert states(self.ledger) == [(job, believed.state) for job, believed in self.jobs.items()]
        open_ones = {job: each for job, each in self.jobs.items() if each.open and each.state == "queued"}
        assert waiting(self.ledger) == sorted(open_ones, key=lambda job: open_ones[job].rank)
        for job, believed in self.jobs.items():
            stored = self.ledger.submission(job)
            assert (stored is not None) == believed.submitted
            if stored is not None:
                assert (stored.request, stored.fresh) == (believed.request, int(believed.fresh))
                assert stored.planned == int(believed.planned)

    @invariant()
    def what_was_counted_for_good_is_what_there_is_to_count(self) -> None:
        with closing(sqlite3.connect(self.folder / FILE_NAME)) as connection:
            told = connection.execute(VIEWS, ("", "")).fetchall()
            connection.execute("DELETE FROM tally")
            assert connection.execute(VIEWS, ("", "")).fetchall() == told  # closed without a COMMIT


@pytest.mark.timeout(90)  # three seconds by itself, and ten times that beside a full CI on two cores
def test_no_job_is_lost_or_done_twice_whoever_comes_and_goes() -> None:
    run_state_machine_as_test(
        Service, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )
