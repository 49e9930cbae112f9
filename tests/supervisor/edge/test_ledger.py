"""The ledger's laws: one transaction a step, and nothing lost whenever its writer dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.edge.ledger import KILLS_FORGIVEN, Ledger, LedgerError
from supervisor.edge.ledger_values import ABANDONED, Life
from supervisor.edge.statefolder import StateFolder
from supervisor.verify import verify_job
from tests.standin.jobs import FIGURES, plan_of, speak, speak_all, spec_for, store
from tests.tree import ROOT

OUTPUT = "/out/story.wav"
SPEC = spec_for(OUTPUT)
JOB = SPEC.job
PLAN = plan_of(["One.", "Two.", "Three."], ["Four.", "One."])


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    with closing(Ledger.open(state.path)) as opened:
        opened.save_plan(SPEC, PLAN)
        yield opened


def texts_waiting(ledger: Ledger) -> list[str]:
    return [segment.text for segment in ledger.waiting(JOB, -1, 100)]


# ------------------------------------------------------------------ plans


def test_a_new_job_is_queued_with_everything_waiting(ledger: Ledger) -> None:
    view = ledger.view(JOB)
    assert view is not None
    assert view.as_json() == {
        "job": JOB,
        "state": "queued",
        "segments": 5,
        "done": 0,
        "failed": 0,
        "seconds": 0.0,
        "outputs": [],
    }
    assert ledger.spec(JOB) == SPEC


def test_the_same_plan_again_keeps_what_is_done(ledger: Ledger, state: StateFolder) -> None:
    speak_all(ledger, state, JOB)
    summary = ledger.save_plan(SPEC, PLAN)
    assert (summary.segments, summary.reused) == (5, 5)
    assert texts_waiting(ledger) == []


def test_a_changed_text_speaks_only_what_changed(ledger: Ledger, state: StateFolder) -> None:
    speak_all(ledger, state, JOB)
    changed = plan_of(["One.", "Zwei.", "Three."], ["Four.", "One."])
    assert ledger.save_plan(SPEC, changed).reused == 4
    assert texts_waiting(ledger) == ["Zwei."]


def test_another_engine_speaks_everything_anew(ledger: Ledger, state: StateFolder) -> None:
    speak_all(ledger, state, JOB)
    assert ledger.save_plan(spec_for(OUTPUT, engine_identity="scripted 2"), PLAN).reused == 0


def spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"\xde\xad\xbe\xef")


def test_audio_that_somebody_deleted_cut_or_changed_is_spoken_again(
    ledger: Ledger, state: StateFolder
) -> None:
    speak_all(ledger, state, JOB)
    first, second, third, *_ = ledger.segments(JOB)
    state.audio_path(JOB, first.key).unlink()
    os.truncate(state.audio_path(JOB, second.key), 100)
    spoil(state.audio_path(JOB, third.key))
    summary = ledger.save_plan(SPEC, PLAN)
    assert texts_waiting(ledger) == ["One.", "Two.", "Three."]
    assert [segment.attempts for segment in ledger.waiting(JOB, -1, 9)] == [0, 0, 0]
    # "One." stands twice, so five segments but four files.
    assert summary.reused == 1
    assert summary.notices == ["finished segments that were damaged or gone, to be spoken again: 3"]


def names_in(thread: threading.Thread) -> set[str]:
    """What a thread is doing: the functions on its stack."""
    frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage] - documented
    names: set[str] = set()
    while frame is not None:
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return names


def test_nobody_waits_while_the_audio_of_a_plan_is_read(
    ledger: Ledger, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak_all(ledger, state, JOB)
    slow = state.audio_path(JOB, next(ledger.segments(JOB)).key)
    slow.unlink()
    os.mkfifo(slow)  # whoever reads it waits until somebody writes
    planner = threading.Thread(target=ledger.save_plan, args=(SPEC, PLAN))
    planner.start()
    while "sha256_of_file" not in names_in(planner):
        assert planner.is_alive()
    try:
        monkeypatch.setattr("supervisor.edge.ledger_schema.BUSY_S", 0.0)
        with closing(Ledger.open(state.path)) as owner:  # refused at once if the planner held it
            owner.record_life(JOB, Life(life=1, started_s=0.0, ended_s=1.0, how="x", why="", segments=0))
    finally:
        os.close(os.open(slow, os.O_WRONLY))
        planner.join()
    assert texts_waiting(ledger) == ["One."]


OTHER = plan_of(["Another text.", "Two."])


def test_what_is_done_waits_for_the_right_plan_while_a_wrong_one_is_tried(
    ledger: Ledger, state: StateFolder
) -> None:
    speak_all(ledger, state, JOB)
    before = ledger.view(JOB)
    assert ledger.save_plan(SPEC, OTHER).reused == 1
    ledger.set_aside(JOB, ledger.waiting(JOB, -1, 1)[0].key, "voice_not_found", "no such voice")
    assert ledger.prune(JOB, keep_spares=True) == 0
    assert ledger.save_plan(SPEC, PLAN).reused == 5
    assert (texts_waiting(ledger), ledger.view(JOB)) == ([], before)
    assert verify_job(ledger, state, JOB).ok


def test_a_spare_is_counted_nowhere(ledger: Ledger, state: StateFolder) -> None:
    speak_all(ledger, state, JOB)
    ledger.save_plan(SPEC, OTHER)
    view = ledger.view(JOB)
    assert view is not None
    assert (view.segments, view.done, view.failed, view.seconds) == (2, 1, 0, 0.1)
    assert (texts_waiting(ledger), len(list(ledger.segments(JOB)))) == (["Another text."], 2)
    assert not ledger.is_all_spoken(JOB)
    size = ledger.job_size(JOB)
    assert (size.segments, size.over, size.chars_left) == (2, 1, len("Another text."))
    assert [(chapter.segments, chapter.done) for chapter in ledger.chapters(JOB)] == [(2, 1)]
    speak_all(ledger, state, JOB)
    verdict = verify_job(ledger, state, JOB)
    assert (verdict.ok, verdict.audio_files) == (True, 2)


def test_a_spare_that_is_gone_or_damaged_is_nobodys_business_until_it_is_planned_again(
    ledger: Ledger, state: StateFolder
) -> None:
    speak_all(ledger, state, JOB)
    first, _, third, *_ = ledger.segments(JOB)
    ledger.save_plan(SPEC, OTHER)
    state.audio_path(JOB, first.key).unlink()
    spoil(state.audio_path(JOB, third.key))
    assert ledger.save_plan(SPEC, OTHER).notices == []
    assert texts_waiting(ledger) == ["Another text."]
    ledger.save_plan(SPEC, PLAN)
    assert texts_waiting(ledger) == ["One.", "Three."]


def test_what_waits_or_failed_and_is_planned_no_more_is_forgotten(ledger: Ledger) -> None:
    one, two, *_ = ledger.waiting(JOB, -1, 9)
    ledger.claim(JOB, one.key)
    ledger.charge(JOB, one.key)
    ledger.set_aside(JOB, two.key, "engine", "no")
    ledger.save_plan(SPEC, plan_of(["Another text."]))
    ledger.save_plan(SPEC, PLAN)
    assert [segment.attempts for segment in ledger.waiting(JOB, -1, 9)] == [0, 0, 0, 0]


def test_what_failed_is_tried_again_from_its_first_attempt(ledger: Ledger) -> None:
    key = ledger.waiting(JOB, -1, 1)[0].key
    ledger.claim(JOB, key)
    ledger.set_aside(JOB, key, "quality", "silence")
    ledger.save_plan(SPEC, PLAN)
    segment = ledger.waiting(JOB, -1, 1)[0]
    assert (segment.key, segment.attempts, segment.killed) == (key, 0, 0)
    assert ledger.failures(JOB) == []


def test_attempts_of_what_still_waits_are_kept(ledger: Ledger) -> None:
    key = ledger.waiting(JOB, -1, 1)[0].key
    ledger.claim(JOB, key)
    ledger.charge(JOB, key)
    ledger.save_plan(SPEC, PLAN)
    assert ledger.waiting(JOB, -1, 1)[0].attempts == 1


def test_a_plan_of_5000_segments_is_saved_within_a_second(state: StateFolder) -> None:
    plan = plan_of([f"Sentence number {n} of a long and tiresome book. " * 4 for n in range(5000)])
    with closing(Ledger.open(state.path)) as ledger:
        begun_s = time.process_time()  # of the processor: other tests share the disk and the cores
        ledger.save_plan(SPEC, plan)
        assert time.process_time() - begun_s < 1.0


# ------------------------------------------------------------------ hand-outs

# What is done to a key in turn, and then: attempts that count, kills in a row.
HAND_OUTS: list[tuple[list[str], int, int]] = [
    ([], 0, 0),
    (["claim"], 1, 0),
    (["claim", "charge"], 1, 0),
    (["claim", "charge", "claim", "charge"], 2, 0),
    (["claim", "unclaim"], 0, 0),
    (["claim", "killed"], 0, 1),
    (["claim", "charge", "claim", "killed"], 1, 1),
    (["claim", "orphan"], 0, 1),
    (["claim", "orphan"] * KILLS_FORGIVEN, 0, KILLS_FORGIVEN),
    (["claim", "orphan"] * (KILLS_FORGIVEN + 1), 1, KILLS_FORGIVEN + 1),
    (["claim", "orphan"] * (KILLS_FORGIVEN + 2), 2, KILLS_FORGIVEN + 2),
    (["claim", "killed"] * KILLS_FORGIVEN + ["claim", "orphan"], 1, KILLS_FORGIVEN + 1),
    (["orphan"], 0, 0),
    (["claim", "done"], 1, 0),
    (["claim", "killed", "claim", "done"], 1, 0),
    (["claim", "set_aside"], 1, 0),
    (["claim", "charge", "set_aside"], 1, 0),
]


def act(ledger: Ledger, state: StateFolder, key: str, what: str) -> None:
    match what:
        case "claim":
            ledger.claim(JOB, key)
        case "charge":
            ledger.charge(JOB, key)
        case "unclaim" | "killed":
            ledger.unclaim(JOB, key, killed=what == "killed")
        case "orphan":
            ledger.return_orphans(JOB)
        case "done":
            ledger.done(JOB, store(state, JOB, key), attempts=1)
        case _:
            ledger.set_aside(JOB, key, "engine", "it raised")


@pytest.mark.parametrize(("steps", "attempts", "killed"), HAND_OUTS)
def test_a_hand_out_counts_for_what_was_the_childs_doing(
    ledger: Ledger, state: StateFolder, steps: list[str], attempts: int, killed: int
) -> None:
    key = ledger.waiting(JOB, -1, 1)[0].key
    for step in steps:
        act(ledger, state, key, step)
    found = {segment.key: segment for segment in ledger.waiting(JOB, -1, 100)}
    over = {"done", "set_aside"} & set(steps)
    assert (key in found) == (not over)
    if not over:
        assert (found[key].attempts, found[key].killed) == (attempts, killed)
    else:
        assert next(ledger.segments(JOB)).attempts == attempts


ILLEGAL = [
    ["claim", "claim"],
    ["charge"],
    ["unclaim"],
    ["claim", "charge", "charge"],
    ["claim", "done", "done"],
    ["claim", "done", "claim"],
    ["claim", "done", "set_aside"],
    ["claim", "set_aside", "done"],
    ["claim", "orphan", "charge"],
]


@pytest.mark.parametrize("steps", ILLEGAL)
def test_a_step_that_makes_no_sense_is_refused_and_changes_nothing(
    ledger: Ledger, state: StateFolder, steps: list[str]
) -> None:
    key = ledger.waiting(JOB, -1, 1)[0].key
    for step in steps[:-1]:
        act(ledger, state, key, step)
    before = list(ledger.segments(JOB))
    with pytest.raises(LedgerError):
        act(ledger, state, key, steps[-1])
    assert list(ledger.segments(JOB)) == before


def test_orphans_are_those_in_hand_and_no_others(ledger: Ledger) -> None:
    one, two, _, _ = ledger.waiting(JOB, -1, 100)
    ledger.claim(JOB, one.key)
    ledger.claim(JOB, two.key)
    ledger.charge(JOB, two.key)
    assert ledger.return_orphans(JOB) == 1
    assert ledger.return_orphans(JOB) == 0
    assert [(s.attempts, s.killed) for s in ledger.waiting(JOB, -1, 100)] == [(0, 1), (1, 0), (0, 0), (0, 0)]


# ------------------------------------------------------------------ one job among others


def test_states_and_their_reasons_come_and_go(ledger: Ledger) -> None:
    ledger.set_state(JOB, "parked", "the disk is full")
    view = ledger.view(JOB)
    assert view is not None
    assert (view.state, view.as_json()["error"]) == ("parked", "the disk is full")
    ledger.retry(JOB, 1.0)
    view = ledger.view(JOB)
    assert view is not None
    assert (view.state, view.error) == ("queued", None)


def test_retry_tries_what_was_set_aside(ledger: Ledger) -> None:
    key = ledger.waiting(JOB, -1, 1)[0].key
    ledger.set_aside(JOB, key, "engine", "no")
    ledger.retry(JOB, 1.0)
    assert ledger.waiting(JOB, -1, 1)[0].key == key


def test_a_job_that_is_not_there_is_named(ledger: Ledger) -> None:
    for ask in (ledger.cancel, ledger.files, ledger.job_size):
        with pytest.raises(LedgerError, match="j-none"):
            ask("j-none")
    with pytest.raises(LedgerError, match="j-none"):
        ledger.set_state("j-none", "done")
    assert ledger.view("j-none") is None


def test_a_forgotten_job_leaves_no_row_and_no_audio_and_others_stay(
    ledger: Ledger, state: StateFolder
) -> None:
    other = spec_for("/out/other.wav")
    ledger.save_plan(other, PLAN)
    for job in (JOB, other.job):
        speak_all(ledger, state, job)
        ledger.record_life(job, Life(life=1, started_s=0.0, ended_s=1.0, how="exited", why="", segments=4))
    ledger.forget(JOB)
    assert [view.job for view in ledger.views()] == [other.job]
    assert (list(ledger.segments(JOB)), list(ledger.spans(JOB)), ledger.lives(JOB)) == ([], [], [])
    assert not (state.path / "audio" / JOB).exists()
    assert len(list((state.path / "audio" / other.job).iterdir())) == 4
    assert ledger.view(other.job) == ledger.views()[0]
    ledger.forget(JOB)


def test_prune_takes_stale_and_unfinished_audio_and_nothing_else(ledger: Ledger, state: StateFolder) -> None:
    assert ledger.prune(JOB) == 0
    speak_all(ledger, state, JOB)
    folder = state.path / "audio" / JOB
    (folder / "half.wav.part").write_bytes(b"RIFF")
    ledger.save_plan(SPEC, plan_of(["One.", "Two."]))
    assert ledger.prune(JOB, keep_spares=True) == 1  # the half one
    assert ledger.prune(JOB) == 2  # Three and Four
    assert {path.stem for path in folder.iterdir()} == {segment.key for segment in ledger.segments(JOB)}
    assert ledger.save_plan(SPEC, PLAN).notices == []  # they are not missed: their rows went first
    assert texts_waiting(ledger) == ["Three.", "Four."]


def test_lives_are_kept_in_order_and_the_oldest_go(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.edge.ledger.LIVES_KEPT", 3)
    for number in range(1, 6):
        life = Life(life=number, started_s=0.0, ended_s=1.0, how="SIGSEGV", why="", segments=number, dump="x")
        ledger.record_life(JOB, life)
    assert [life.life for life in ledger.lives(JOB)] == [3, 4, 5]


def test_a_finished_file_is_recorded_once_under_its_path(ledger: Ledger) -> None:
    ledger.delivered(JOB, "/out/a.wav", "00", 10, 24_000)
    ledger.delivered(JOB, "/out/b.wav", "11", 20, 24_000)
    ledger.delivered(JOB, "/out/b.wav", "22", 20, 24_000)
    assert [(file.path, file.sha256) for file in ledger.deliveries(JOB)] == [
        ("/out/a.wav", "00"),
        ("/out/b.wav", "22"),
    ]
    view = ledger.view(JOB)
    assert view is not None
    assert view.outputs == ["/out/a.wav", "/out/b.wav"]


def test_files_of_an_earlier_plan_are_known_until_they_are_delivered_again_or_told(ledger: Ledger) -> None:
    for name in "abc":
        ledger.delivered(JOB, f"/out/{name}.wav", "00", 10, 24_000)
    assert ledger.earlier_files(JOB) == []
    for _ in range(2):  # a run that was broken off between forgets nothing
        ledger.save_plan(SPEC, PLAN)
        assert (ledger.deliveries(JOB), len(ledger.earlier_files(JOB))) == ([], 3)
    ledger.delivered(JOB, "/out/b.wav", "11", 10, 24_000)
    assert ledger.earlier_files(JOB) == ["/out/a.wav", "/out/c.wav"]
    ledger.forget_earlier_files(JOB)
    assert ledger.earlier_files(JOB) == []
    assert [delivery.path for delivery in ledger.deliveries(JOB)] == ["/out/b.wav"]


@pytest.mark.parametrize("again", [True, False])
def test_whoever_starts_afresh_still_knows_what_was_delivered(ledger: Ledger, again: bool) -> None:
    ledger.delivered(JOB, "/out/a.wav", "00", 10, 24_000)
    ledger.forget(JOB, keep_deliveries=again)
    ledger.save_plan(SPEC, PLAN)
    assert ledger.earlier_files(JOB) == (["/out/a.wav"] if again else [])


def test_an_owner_parks_what_a_killed_one_left_running_and_nothing_else(ledger: Ledger) -> None:
    ledger.set_state(JOB, "running")
    done = spec_for("/out/other.wav")
    ledger.save_plan(done, PLAN)
    ledger.set_state(done.job, "done")
    ledger.park_abandoned()
    assert [(view.state, view.error) for view in ledger.views()] == [("parked", ABANDONED), ("done", None)]


# ------------------------------------------------------------------ death at any moment

WRITER = """
import sys
from pathlib import Path
from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import StateFolder
from tests.standin.jobs import plan_of, speak, spec_for

state, first, second = StateFolder(Path(sys.argv[1])), *(
    [f"{word} {n}." for n in range(400)] for word in ("Sentence", "Phrase"))
ledger = Ledger.open(state.path)
spec = spec_for("/out/story.wav")
print("open", flush=True)
if sys.argv[2] == "plans":
    while True:
        for texts in (first, second):
            ledger.save_plan(spec, plan_of(texts))
            print(texts[0], flush=True)
ledger.return_orphans(spec.job)
for segment in ledger.waiting(spec.job, -1, 1000):
    print("claiming", segment.key, flush=True)
    speak(ledger, state, spec.job, segment)
    print("done", segment.key, flush=True)
"""


def killed_after(lines: int, state: StateFolder, what: str) -> list[str]:
    """Run the writer, kill it while it goes on after so many lines, return all that it said."""
    command = [sys.executable, "-c", WRITER, str(state.path), what]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        return said + [line.strip() for line in writer.stdout]


@pytest.mark.parametrize("lines", [2, 3, 6, 9])
def test_a_plan_is_there_whole_or_not_at_all_whenever_its_writer_is_killed(
    state: StateFolder, lines: int
) -> None:
    said = killed_after(lines, state, "plans")
    with closing(Ledger.open(state.path)) as ledger:
        texts = [segment.text for segment in ledger.segments(JOB)]
        word = texts[0].split()[0]
        assert texts == [f"{word} {n}." for n in range(400)]
        assert len(list(ledger.spans(JOB))) == 800
        assert len(ledger.waiting(JOB, -1, 1000)) == 400
        follower = {"Sentence 0.": "Phrase", "Phrase 0.": "Sentence"}
        assert word in (said[-1].split()[0], follower[said[-1]])  # the last that it said, or the one in work


def test_what_was_said_to_be_done_is_done_however_often_the_writer_is_killed(state: StateFolder) -> None:
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(SPEC, plan_of([f"Sentence {n}." for n in range(400)]))
    done: set[str] = set()
    for lines in (2, 3, 5, 8, 13):
        said = killed_after(lines, state, "segments")
        newly = {line.split()[1] for line in said if line.startswith("done")}
        assert not newly & done  # nothing is spoken twice
        done |= newly
        with closing(Ledger.open(state.path)) as ledger:
            found = {segment.key: segment for segment in ledger.segments(JOB)}
            recorded = {key for key, segment in found.items() if segment.state == "done"}
            assert done <= recorded
            assert len(recorded - done) <= 1  # done, and killed before it could say so
            done = recorded
            for key in recorded:
                assert state.audio_path(JOB, key).is_file()
            ledger.return_orphans(JOB)
            waiting = ledger.waiting(JOB, -1, 1000)
            assert len(waiting) + len(recorded) == 400
            assert all(segment.attempts == 0 for segment in waiting)


def test_a_reader_beside_the_writer_sees_whole_steps_only(state: StateFolder) -> None:
    command = [sys.executable, "-c", WRITER, str(state.path), "plans"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(2):
            writer.stdout.readline()
        with closing(Ledger.open(state.path, read_only=True)) as reader:
            for _ in range(200):
                view = reader.view(JOB)
                assert view is not None
                assert view.segments == 400
        os.kill(writer.pid, signal.SIGKILL)


# ------------------------------------------------------------------ any order of steps


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.sampled_from(["A one.", "B two.", "C three."]), min_size=1, max_size=9),
    outcomes=st.lists(st.sampled_from(["done", "set_aside", "killed", "charge"]), max_size=12),
)
def test_the_view_counts_every_segment_once(
    texts: list[str], outcomes: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = StateFolder(tmp_path_factory.mktemp("state"))
    with closing(Ledger.open(state.path)) as ledger:
        # Each text a chapter of its own: the same text again has the same key.
        ledger.save_plan(SPEC, plan_of(*[[text] for text in texts]))
        became = dict.fromkeys(texts, "waiting")
        for outcome in outcomes:
            waiting = ledger.waiting(JOB, -1, 1)
            if not waiting:
                break
            ledger.claim(JOB, waiting[0].key)
            act(ledger, state, waiting[0].key, outcome)
            became[waiting[0].text] = {"done": "done", "set_aside": "failed"}.get(outcome, "waiting")
        counts = [became[text] for text in texts]
        view = ledger.view(JOB)
        assert view is not None
        assert (view.segments, view.done, view.failed) == (
            len(texts),
            counts.count("done"),
            counts.count("failed"),
        )
        assert view.seconds == pytest.approx(0.1 * counts.count("done"))  # 2205 samples at 22050 Hz
        assert len(ledger.failures(JOB)) == counts.count("failed")
        size = ledger.job_size(JOB)
        assert size.chars_left == sum(len(text) for text in texts if became[text] == "waiting")


def test_figures_of_what_was_heard_are_kept(ledger: Ledger, state: StateFolder) -> None:
    segment = ledger.waiting(JOB, -1, 1)[0]
    stored = speak(ledger, state, JOB, segment)
    assert stored.figures == FIGURES
    first = next(ledger.segments(JOB))
    assert (first.state, first.path, first.sha256) == ("done", stored.path, stored.sha256)
