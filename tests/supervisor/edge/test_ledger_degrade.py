"""A chapter that is cut otherwise in the midst of a run: what moves, and what must not."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_degrade import ChapterBegun
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.degrading import Degrade, StepTaken, found_again, places_of, with_rates
from supervisor.narration.plan import Plan
from tests.standin.jobs import plan_of, speak, spec_for
from tests.standin.oldledger import backdate

SPEC = spec_for("/out/story/")
TAKEN = StepTaken(
    step="smaller_segments", segment_chars=20, sample_rate_hz=None, at_s=1.7e9, why="needs 9 GiB of 8"
)
BEFORE = plan_of(["One."], ["Two. Three."], ["Four.", "Five."])
AFTER = plan_of(["One."], ["Two.", "Three."], ["Four.", "Five."])


def kept(plan: Plan, chapter: int, *, rate_hz: int | None = None) -> Degrade:
    return Degrade(
        place=places_of(plan.chapters)[chapter],
        segment_chars=20,
        sample_rate_hz=rate_hz and 24_000,
        full_rate_hz=rate_hz,
        steps=[TAKEN],
    )


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(SPEC, BEFORE)
        yield ledger


def texts(ledger: Ledger) -> list[tuple[int, str]]:
    return [(segment.number, segment.text) for segment in ledger.waiting(SPEC.job, -1, 99)]


def test_a_chapter_in_other_pieces_keeps_what_is_done_failed_and_running(
    ledger: Ledger, state: StateFolder
) -> None:
    one, _, four, five = ledger.waiting(SPEC.job, -1, 9)
    speak(ledger, state, SPEC.job, one)
    ledger.set_aside(SPEC.job, four.key, "oom", "too long")
    ledger.claim(SPEC.job, five.key)
    ledger.set_state(SPEC.job, "running")
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    view = ledger.view(SPEC.job)
    assert view is not None
    assert (view.state, view.segments, view.done, view.failed) == ("running", 5, 1, 1)
    # What waits is behind what was spoken, in order; the chapter behind has moved by one.
    assert texts(ledger) == [(1, "Two."), (2, "Three."), (4, "Five.")]
    assert ledger.waiting(SPEC.job, 2, 9)[0].attempts == 1
    assert ledger.waiting(SPEC.job, -1, 9)[1].ends_chapter
    size = ledger.job_size(SPEC.job)
    assert (size.segments, size.over, size.chars_left) == (5, 2, len("Two.Three.Five."))


def test_what_was_changed_is_told_with_its_step_and_why(ledger: Ledger) -> None:
    assert ledger.degraded(SPEC.job) == []
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    (told,) = ledger.degraded(SPEC.job)
    assert (told.chapter, told.title, told.steps) == (1, "Chapter 2", [TAKEN])


def test_a_later_step_replaces_what_was_kept_before(ledger: Ledger) -> None:
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    more = msgspec.structs.replace(kept(AFTER, 1), segment_chars=10, steps=[TAKEN, TAKEN])
    ledger.save_recut(SPEC, AFTER, 1, more)
    assert ledger.kept_degrades(SPEC.job, SPEC.engine_identity) == [more]


def test_a_later_plan_keeps_it_and_gives_it_the_number_of_the_day(ledger: Ledger) -> None:
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    longer = plan_of(["New."], ["One."], ["Two.", "Three."], titles=["Preface", "Chapter 1", "Chapter 2"])
    found = found_again(longer.chapters, ledger.kept_degrades(SPEC.job, SPEC.engine_identity))
    ledger.save_plan(SPEC, longer, found)
    assert [told.chapter for told in ledger.degraded(SPEC.job)] == [2]
    ledger.save_plan(SPEC, plan_of(["One."]))  # a plan without such a chapter
    assert ledger.degraded(SPEC.job) == []
    assert len(ledger.kept_degrades(SPEC.job, SPEC.engine_identity)) == 1


def test_another_engine_has_none_of_it_and_finds_the_first_ones_when_that_is_back(ledger: Ledger) -> None:
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    other = spec_for(SPEC.output, engine_identity="scripted 2")
    assert ledger.kept_degrades(SPEC.job, other.engine_identity) == []
    ledger.save_plan(other, BEFORE)
    assert ledger.degraded(SPEC.job) == []
    assert ledger.kept_degrades(SPEC.job, SPEC.engine_identity) == [kept(AFTER, 1)]


def test_a_fresh_start_forgets_it(ledger: Ledger) -> None:
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
    ledger.forget(SPEC.job, keep_deliveries=True)
    assert ledger.kept_degrades(SPEC.job, SPEC.engine_identity) == []


@pytest.mark.parametrize("how", ["spoken", "in hand"])
def test_a_chapter_that_has_begun_keeps_its_cuts(ledger: Ledger, state: StateFolder, how: str) -> None:
    four = ledger.waiting(SPEC.job, -1, 9)[2]
    if how == "spoken":
        speak(ledger, state, SPEC.job, four)
    else:
        ledger.claim(SPEC.job, four.key)
    before = list(ledger.segments(SPEC.job))
    with pytest.raises(ChapterBegun, match="1 of its segments"):
        ledger.save_recut(SPEC, plan_of(["One."], ["Two. Three."], ["Four."]), 2, kept(BEFORE, 2))
    assert list(ledger.segments(SPEC.job)) == before
    assert ledger.kept_degrades(SPEC.job, SPEC.engine_identity) == []
    ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))  # the one before it has not


def test_words_that_an_earlier_chapter_has_spoken_are_no_beginning(
    ledger: Ledger, state: StateFolder
) -> None:
    ledger.save_plan(SPEC, plan_of(["Same."], ["Same.", "Two. Three."]))
    speak(ledger, state, SPEC.job, ledger.waiting(SPEC.job, -1, 9)[0])
    ledger.save_recut(SPEC, plan_of(["Same."], ["Same.", "Two.", "Three."]), 1, kept(BEFORE, 1))
    assert texts(ledger) == [(2, "Two."), (3, "Three.")]


def test_a_lower_rate_is_delivered_at_the_one_it_would_have_had(ledger: Ledger, state: StateFolder) -> None:
    lower = kept(AFTER, 1, rate_hz=32_000)
    ledger.save_recut(SPEC, with_rates(AFTER, {1: lower}), 1, lower)
    for segment in ledger.waiting(SPEC.job, -1, 9):
        told = segment.settings.get("sample_rate")
        assert told == (24_000 if segment.chapter == 1 else None)
        speak(ledger, state, SPEC.job, segment, sample_rate_hz=24_000 if told else 22_050)
    assert [file.sample_rate_hz for file in ledger.files(SPEC.job)] == [22_050, 32_000, 22_050]


def test_a_chapter_gives_back_what_was_planned_of_it(ledger: Ledger) -> None:
    line = replace(AFTER.chapters[1], name="x", sample_rate_hz=48_000, settings={"kv_cache": False})
    ledger.save_plan(SPEC, replace(AFTER, chapters=(AFTER.chapters[0], line)))
    first, second = ledger.stored_chapters(SPEC.job)
    assert (first.title, first.name, first.settings) == ("Chapter 1", None, {})
    assert (second.name, second.voice, second.sample_rate_hz) == ("x", line.voice, 48_000)
    assert second.settings == {"kv_cache": False}


def test_a_ledger_of_before_is_read_as_it_is_and_brought_up_to_date_by_its_owner(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.save_plan(SPEC, BEFORE)
    backdate(tmp_path, 1)
    for _ in range(2):
        with closing(Ledger.open(tmp_path, read_only=True)) as reader:
            assert (reader.degraded(SPEC.job), len(reader.files(SPEC.job))) == ([], 3)
    with closing(Ledger.open(tmp_path)) as ledger, closing(Ledger.open(tmp_path)) as again:
        ledger.save_recut(SPEC, AFTER, 1, kept(AFTER, 1))
        assert len(again.degraded(SPEC.job)) == 1
