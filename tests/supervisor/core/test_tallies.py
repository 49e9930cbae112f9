import msgspec
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.segments import WaitingSegment
from supervisor.core.tallies import Counts, JobSize, Tallies
from tests.supervisor.core.ground import segment


def size(segments: int, *, over: int = 0, chars_left: int = 0, audio_s: float = 0.0) -> JobSize:
    return JobSize(
        job="j", segments=segments, over=over, chars_left=chars_left, audio_s=audio_s, titles=("One", "Two")
    )


def spoken(text: str, *, twins: int = 1, chapter: int = 0) -> WaitingSegment:
    return msgspec.structs.replace(segment(0), text=text, twins=twins, chapter=chapter)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(0, 5).map(float)), max_size=9))
def test_when_all_is_over_everything_was_counted_once(parts: list[tuple[int, int, float]]) -> None:
    segments = sum(twins for _, twins, _ in parts)
    chars = sum(length * twins for length, twins, _ in parts)
    tallies = Tallies(size(segments + 2, over=2, chars_left=chars, audio_s=7.0), at_s=50.0)
    for length, twins, audio_s in parts:
        tallies.over(spoken("x" * length, twins=twins), audio_s)
    note = tallies.progress(60.0, Counts())
    assert note.segment == note.segments == segments + 2
    assert note.audio_seconds == 7.0 + sum(audio_s * twins for _, twins, audio_s in parts)
    assert note.eta_seconds == (0.0 if parts else None)


def test_nothing_is_foretold_before_the_first_segment() -> None:
    note = Tallies(size(4, over=1, chars_left=30, audio_s=9.0), at_s=0.0).progress(5.0, Counts())
    assert (note.segment, note.speed, note.eta_seconds, note.wall_seconds) == (1, None, None, 5.0)


def test_nor_before_any_time_has_passed() -> None:
    tallies = Tallies(size(1, chars_left=3), at_s=5.0)
    tallies.over(spoken("abc"), 1.0)
    assert tallies.progress(5.0, Counts()).speed is None


def test_speed_and_time_left_are_of_this_run_alone() -> None:
    tallies = Tallies(size(3, over=1, chars_left=30, audio_s=100.0), at_s=10.0)
    tallies.over(spoken("x" * 10), 8.0)
    note = tallies.progress(14.0, Counts())
    assert (note.speed, note.eta_seconds) == (2.0, 8.0)


def test_what_was_set_aside_makes_no_audio_but_is_over() -> None:
    tallies = Tallies(size(2, chars_left=20), at_s=0.0)
    tallies.over(spoken("x" * 10), 0.0)
    note = tallies.progress(2.0, Counts())
    assert (note.segment, note.audio_seconds, note.speed, note.eta_seconds) == (1, 0.0, 0.0, 2.0)


def test_the_chapter_in_hand_is_named() -> None:
    tallies = Tallies(size(3), at_s=0.0)
    assert (tallies.progress(0.0, Counts()).chapter, tallies.progress(0.0, Counts()).title) == (1, "One")
    tallies.over(spoken("x", chapter=1), 1.0)
    note = tallies.progress(1.0, Counts())
    assert (note.chapter, note.chapters, note.title) == (2, 2, "Two")
    tallies.over(spoken("x", chapter=2), 1.0)  # a chapter without a title
    assert tallies.progress(2.0, Counts()).title == ""


def test_the_ends_of_children_are_those_of_the_run() -> None:
    note = Tallies(size(3), at_s=0.0).progress(1.0, Counts(recycles=2, deaths=1))
    assert (note.recycles, note.deaths) == (2, 1)


def test_counts_of_two_runs_add_up() -> None:
    one = Counts(recycles=1, deaths=2, cleans=3, lost_s=0.5)
    assert one + Counts(recycles=10, deaths=20, cleans=30, lost_s=1.0) == Counts(
        recycles=11, deaths=22, cleans=33, lost_s=1.5
    )
    assert one + Counts() == one
