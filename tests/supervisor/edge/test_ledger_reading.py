"""What the ledger answers, a page at a time."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import AudioPiece, Silence
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.plan import BadLine
from tests.standin.jobs import plan_of, speak, speak_all, spec_for, store

SPEC = spec_for("/out/")
JOB = SPEC.job


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    with closing(Ledger.open(state.path)) as opened:
        opened.save_plan(
            SPEC, plan_of(["One.", "Two.", "Three."], ["Four.", "One."], rates_hz=[None, 16_000])
        )
        yield opened


def test_waiting_goes_on_after_a_number_and_stops_at_the_limit(ledger: Ledger) -> None:
    def numbers(after: int, limit: int) -> list[int]:
        return [segment.number for segment in ledger.waiting(JOB, after, limit)]

    assert numbers(-1, 100) == [0, 1, 2, 3]  # the fifth has the first one's key
    assert numbers(0, 2) == [1, 2]
    assert numbers(3, 100) == []
    assert numbers(-1, 0) == []
    assert ledger.waiting("j-none", -1, 100) == []


def test_a_segment_knows_what_ends_with_it(ledger: Ledger) -> None:
    ends = [(s.ends_paragraph, s.ends_chapter) for s in ledger.waiting(JOB, -1, 100)]
    assert ends == [(False, False), (False, False), (True, True), (False, False)]


def test_segments_come_in_order_across_pages(ledger: Ledger) -> None:
    texts = [f"Sentence {n}." for n in range(600)]
    ledger.save_plan(SPEC, plan_of(texts))
    assert [segment.text for segment in ledger.segments(JOB)] == texts
    assert [segment.number for segment in ledger.segments(JOB, 100, 400)] == list(range(100, 400))
    assert [span.start for span in ledger.spans(JOB)] == sorted(span.start for span in ledger.spans(JOB))
    assert len(list(ledger.spans(JOB))) == 1200


def test_a_failure_is_listed_for_every_segment_that_has_it(ledger: Ledger) -> None:
    first = ledger.waiting(JOB, -1, 1)[0]
    for _ in range(3):
        ledger.claim(JOB, first.key)
        ledger.charge(JOB, first.key)
    ledger.set_aside(JOB, first.key, "quality", "silent")
    found = [(f.number, f.chapter, f.text_head, f.kind, f.message, f.attempts) for f in ledger.failures(JOB)]
    assert found == [(0, 0, "One.", "quality", "silent", 3), (4, 1, "One.", "quality", "silent", 3)]


def test_chapters_tell_how_far_they_are(ledger: Ledger, state: StateFolder) -> None:
    one, two, *_ = ledger.waiting(JOB, -1, 100)
    speak(ledger, state, JOB, one)
    ledger.set_aside(JOB, two.key, "engine", "no")
    found = [(c.number, c.title, c.segments, c.done, c.failed) for c in ledger.chapters(JOB)]
    assert found == [(0, "Chapter 1", 3, 1, 1), (1, "Chapter 2", 2, 1, 0)]


def test_a_run_is_told_how_much_there_is(ledger: Ledger, state: StateFolder) -> None:
    speak(ledger, state, JOB, ledger.waiting(JOB, -1, 1)[0])
    size = ledger.job_size(JOB)
    assert (size.segments, size.over, size.chars_left) == (5, 2, len("Two.Three.Four."))
    assert size.audio_s == pytest.approx(0.2)
    assert size.titles == ("Chapter 1", "Chapter 2")


def test_a_folder_has_a_file_a_chapter_with_its_own_pieces(ledger: Ledger, state: StateFolder) -> None:
    speak_all(ledger, state, JOB)
    one, two = ledger.files(JOB)
    assert (one.path, one.sample_rate_hz) == ("/out/01 Chapter 1.wav", 22_050)
    assert (two.path, two.sample_rate_hz) == ("/out/02 Chapter 2.wav", 16_000)
    kinds = [type(piece) for piece in ledger.pieces(JOB, two)]
    assert kinds == [AudioPiece, Silence, AudioPiece]
    heard = [
        piece.wav
        for file in (one, two)
        for piece in ledger.pieces(JOB, file)
        if isinstance(piece, AudioPiece)
    ]
    assert heard == [state.audio_path(JOB, segment.key) for segment in ledger.segments(JOB)]


def test_one_file_has_the_pieces_of_all_chapters(state: StateFolder) -> None:
    spec = spec_for("/out/story.wav")
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(spec, plan_of(["One.", "Two."], ["Three."]))
        speak_all(ledger, state, spec.job)
        (file,) = ledger.files(spec.job)
        silences_s = [p.seconds for p in ledger.pieces(spec.job, file) if isinstance(p, Silence)]
    assert silences_s == [0.25, 0.5]  # the pause after the last is left out


BAD = [BadLine(source=0, line=n, message=f"no text in {n}", start=0, end=1) for n in (2, 5, 8)]


def test_a_bad_line_counts_as_a_segment_that_failed(state: StateFolder) -> None:
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(SPEC, plan_of(["One.", "Two."], bad_lines=BAD[:1]))
        one, two = ledger.waiting(JOB, -1, 9)
        speak(ledger, state, JOB, one)
        ledger.set_aside(JOB, two.key, "engine", "it raised")
        view = ledger.view(JOB)
        assert view is not None
        assert [view] == ledger.views()
        assert (view.segments, view.done, view.failed, view.error) == (3, 1, 2, None)
        size = ledger.job_size(JOB)
        assert (size.segments, size.over) == (3, 3)
        ledger.set_state(JOB, "done")
        view = ledger.view(JOB)
        assert view is not None
        assert view.done + view.failed == view.segments
        assert view.error == "2 not spoken: line 2: no text in 2; segment 1: engine: it raised"


def test_bad_lines_alone_leave_nothing_to_speak(state: StateFolder) -> None:
    with closing(Ledger.open(state.path)) as ledger:
        assert not ledger.is_all_spoken(JOB)
        ledger.save_plan(SPEC, plan_of(["One."], bad_lines=BAD))
        assert not ledger.is_all_spoken(JOB)
        (one,) = ledger.waiting(JOB, -1, 9)
        ledger.set_aside(JOB, one.key, "engine", "no")
        assert not ledger.is_all_spoken(JOB)  # it is tried again
        ledger.retry(JOB, 1.0)
        speak(ledger, state, JOB, one)
        assert ledger.is_all_spoken(JOB)


def test_seconds_are_told_to_the_millisecond(ledger: Ledger, state: StateFolder) -> None:
    one = ledger.waiting(JOB, -1, 1)[0]
    ledger.done(JOB, store(state, JOB, one.key, samples=1000), attempts=1)
    view = ledger.view(JOB)
    assert view is not None
    assert view.as_json()["seconds"] == 0.091  # twice 1000 samples at 22050 Hz: 0.0907029…


def test_jobs_are_listed_oldest_first(ledger: Ledger) -> None:
    specs = [spec_for(f"/out/{name}.wav") for name in "zab"]
    for spec in specs:
        ledger.save_plan(spec, plan_of(["One."]))
    ledger.save_plan(SPEC, plan_of(["One."]))  # planned again: its age is that of its first plan
    assert [view.job for view in ledger.views()] == [JOB, *(spec.job for spec in specs)]
