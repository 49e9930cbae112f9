import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.notes import ChildState, Notice, Progress, SegmentTrouble, Stage
from supervisor.display.words import (
    ASCII,
    UNICODE,
    Glyphs,
    bar_line,
    cells,
    child_line,
    clock,
    cut,
    notice_line,
    plain_line,
    size,
    stage_line,
    trouble_line,
)


def progress(**changes: object) -> Progress:
    fields: dict[str, object] = {
        "job": "j1",
        "segment": 30,
        "segments": 120,
        "chapter": 2,
        "chapters": 7,
        "title": "The Little Swallow",
        "audio_seconds": 100.0,
        "wall_seconds": 12.0,
        "speed": 8.34,
        "eta_seconds": 3723.0,
        "recycles": 2,
        "deaths": 1,
    }
    return Progress(**(fields | changes))  # type: ignore[arg-type] - names and types are above


progresses = st.builds(
    progress,
    segment=st.integers(0, 10**6),
    segments=st.integers(0, 10**6),
    chapter=st.integers(0, 10**4),
    chapters=st.integers(0, 10**4),
    title=st.text(max_size=40) | st.just("船尾的姑娘" * 9),
    speed=st.none() | st.floats(0, 1e6),
    eta_seconds=st.none() | st.floats(0, 1e8),
    recycles=st.integers(0, 10**4),
    deaths=st.integers(0, 10**4),
)


@given(progresses, st.integers(1, 300), st.sampled_from([UNICODE, ASCII]))
def test_a_bar_fits_any_terminal_and_is_one_line(note: Progress, width: int, glyphs: Glyphs) -> None:
    line = bar_line(note, width, glyphs)
    assert 0 < cells(line) <= width
    assert line.isprintable()


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_fits_and_a_text_that_fits_is_whole(text: str, width: int) -> None:
    line = cut(text, width, "…")
    assert cells(line) <= width
    if text.isprintable() and cells(text) <= width:
        assert line == text


def test_a_chinese_character_takes_two_cells_and_a_combining_accent_none() -> None:
    assert [cells(text) for text in ("abc", "船尾", "e\u0301", "，")] == [3, 4, 1, 2]


def test_a_wide_terminal_shows_everything() -> None:
    line = bar_line(progress(), 160, UNICODE)
    for part in (
        "2/7 The Little Swallow",
        "25%",
        "30/120",
        "8.3×",
        "1:02:03 left",
        "2 recycles",
        "1 death",
        "█",
        "░",
    ):
        assert part in line


def test_the_percentage_is_the_last_to_go() -> None:
    assert bar_line(progress(), 4, UNICODE) == "25%"
    assert "real time" not in bar_line(progress(), 40, UNICODE)


def test_a_job_is_not_at_100_percent_before_its_end() -> None:
    assert "99%" in bar_line(progress(segment=999, segments=1000), 80, UNICODE)
    assert "100%" in bar_line(progress(segment=1000, segments=1000), 80, UNICODE)


def test_a_plain_line_is_ascii_but_for_the_title() -> None:
    line = plain_line(progress())
    assert line == (
        "chapter 2/7 The Little Swallow, segment 30/120, 8.3x real time, 1:02:03 left, 2 recycles, 1 death"
    )
    assert plain_line(progress(speed=None, eta_seconds=None, recycles=0, deaths=0, title="")) == (
        "chapter 2/7, segment 30/120"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1.0, "0:00:00"), (59.6, "0:01:00"), (3599.0, "0:59:59"), (360000.0, "100:00:00")]
)
def test_a_duration_reads_like_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("count_bytes", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (312 * 2**20, "312 MiB"), (3 * 2**29, "1.5 GiB")],
)
def test_a_size_reads_as_people_say_it(count_bytes: int, shown: str) -> None:
    assert size(count_bytes) == shown


def child(state: str, why: str = "", *, planned: bool = False, recycled: bool = False) -> ChildState:
    return ChildState(
        life=3,
        state=state,  # type: ignore[arg-type] - the caller writes it out
        why=why,
        signal=None,
        memory={},
        planned=planned,
        recycled=recycled,
    )


def test_a_life_makes_one_line_at_its_end() -> None:
    states = ("starting", "ready", "releasing", "draining", "leaving", "dying")
    assert [child_line(child(state, "x")) for state in states] == [None] * 6
    assert (
        child_line(child("gone", "soft mark", planned=True, recycled=True)) == "child 3 replaced: soft mark"
    )
    assert child_line(child("gone", "no more work", planned=True)) is None
    assert child_line(child("gone", "killed by SIGKILL")) == "child 3 died: killed by SIGKILL"
    assert child_line(child("stuck", "in the kernel")) == "error: child 3: in the kernel"


def test_trouble_notices_and_stages_in_words() -> None:
    trouble = SegmentTrouble(job="j", segment=4, kind="oom", message="too big", attempts=2, final=False)
    assert trouble_line(trouble) == "segment 5: attempt 2 failed (oom): too big; trying again"
    assert notice_line(Notice(level="info", name="n", text="so it is")) == "so it is"
    assert notice_line(Notice(level="warning", name="n", text="so it is")) == "warning: so it is"
    assert stage_line(Stage(name="planning", detail="a.txt")) == "planning: a.txt"
    assert stage_line(Stage(name="parking", detail="")) == "parking"
