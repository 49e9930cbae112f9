"""A plan that is written in pieces is the plan, or none; and others write in between."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.edge import ledger_pieces
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_pieces import are_there, may_break_off, write_in_pieces
from supervisor.edge.ledger_plan import PLAN_TABLES, PlanRows, Row, keyed_segments, plan_rows
from supervisor.edge.ledger_schema import LedgerFile
from supervisor.edge.ledger_wanted import Wanted
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.plan import BadLine, Plan, Source
from tests.standin.jobs import plan_of, speak, speak_all, spec_for

SPEC = spec_for("/out/")
JOB = SPEC.job
BAD = BadLine(source=0, line=3, message="no text", start=0, end=1)
PLAN = plan_of(["One.", "Two.", "One."], ["Three.", "Four."], bad_lines=[BAD])
TABLES = (*PLAN_TABLES, "speech", "job")


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_pieces, "PIECE_ROWS", 2)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(submitted(tmp_path)) as opened:
        yield opened


def submitted(folder: Path) -> Ledger:
    """A ledger with a job that was taken in, and not planned."""
    opened = Ledger.open(folder)
    opened.submit(Wanted(output=SPEC.output, request=b"{}", is_fresh=False, key=None), 0.0)
    return opened


def all_rows(folder: Path, tables: Sequence[str] = TABLES) -> dict[str, list[Row]]:
    with closing(LedgerFile(folder, read_only=True)) as file, file.transaction() as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables
        }


def rows_of(plan: Plan) -> PlanRows:
    return plan_rows(JOB, plan, keyed_segments(SPEC, plan))


CHAPTERS = st.lists(
    st.lists(st.sampled_from(["One.", "Two.", "Three.", "Four."]), min_size=1, max_size=5), max_size=4
)


@settings(max_examples=25, deadline=None)
@given(first=CHAPTERS, done=st.integers(0, 5), then=CHAPTERS, is_planned=st.booleans())
def test_in_pieces_or_at_once_the_same_is_in_the_ledger(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[list[str]],
    done: int,
    then: list[list[str]],
    is_planned: bool,
) -> None:
    found: list[dict[str, list[Row]]] = []
    for piece_rows in (2, 10_000):
        folder = tmp_path_factory.mktemp("state")
        with pytest.MonkeyPatch.context() as patched, closing(submitted(folder)) as ledger:
            patched.setattr(ledger_pieces, "PIECE_ROWS", piece_rows)
            ledger.save_plan(SPEC, plan_of(*first))
            for segment in ledger.waiting(JOB, -1, done):
                speak(ledger, StateFolder(folder), JOB, segment)
            for segment in ledger.waiting(JOB, -1, 1):
                ledger.claim(JOB, segment.key)
                ledger.charge(JOB, segment.key)
            if not is_planned:  # asked for anew
                ledger.cancel(JOB)
                ledger.submit(Wanted(output=SPEC.output, request=b"[]", is_fresh=False, key=None), 1.0)
            assert ledger.save_plan(SPEC, plan_of(*then)).segments == sum(map(len, then))
        found.append(all_rows(folder))
    assert found[0] == found[1]


class Broken(list[Row]):
    """Rows behind which the process dies: those of a later piece are never written."""

    def __init__(self, rows: Sequence[Row], good: int) -> None:
        super().__init__(rows)
        self._good = good

    def __getitem__(self, at: slice) -> list[Row]:  # type: ignore[override] -- slices alone are asked for
        piece = list(self)[at]
        if len(piece) and self.index(piece[0]) >= self._good:
            raise InterruptedError
        return piece


@pytest.mark.parametrize("before", [None, plan_of(["Four.", "Three.", "Two.", "One."])])
@pytest.mark.parametrize("table", PLAN_TABLES)
def test_a_plan_that_broke_off_leaves_the_job_open_and_the_next_is_whole(
    tmp_path: Path, ledger: Ledger, table: str, before: Plan | None
) -> None:
    rows = rows_of(PLAN)
    if before is not None:
        ledger.save_plan(SPEC, before)
        speak_all(ledger, StateFolder(tmp_path), JOB)
        ledger.cancel(JOB)
        ledger.submit(Wanted(output=SPEC.output, request=b"[]", is_fresh=False, key=None), 1.0)
    broken = rows | {table: Broken(rows[table], good=2 if len(rows[table]) > 2 else 0)}
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert may_break_off(file, JOB, rows)
        with pytest.raises(InterruptedError):
            write_in_pieces(file, JOB, broken, keyed_segments(SPEC, PLAN))
        assert not are_there(file, JOB, rows, keyed_segments(SPEC, PLAN))
        assert file.rows(tuple[int], "PRAGMA synchronous") == [(2,)]
    stored = ledger.submission(JOB)
    assert stored is not None
    assert not stored.planned
    other = plan_of(["Five.", "Four.", "Seven."])
    ledger.save_plan(SPEC, other)
    view = ledger.view(JOB)
    assert view is not None
    # What was spoken before it broke off is spoken still, and no copy of it is lost.
    assert (view.segments, view.done) == (3, 0 if before is None else 1)
    assert all_rows(tmp_path, PLAN_TABLES) == {table: list(each) for table, each in rows_of(other).items()}


def test_texts_that_the_ledger_alone_has_are_never_half_there(tmp_path: Path, ledger: Ledger) -> None:
    ledger.save_plan(SPEC, PLAN)
    same_texts = replace(PLAN, chapters=PLAN.chapters[:1])
    other_texts = replace(PLAN, sources=(Source(name="story.txt", text="Other."),))
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert may_break_off(file, JOB, rows_of(same_texts))
        assert not may_break_off(file, JOB, rows_of(other_texts))
        broken = rows_of(same_texts)
        broken["span"] = Broken(broken["span"], good=2)
        with pytest.raises(InterruptedError):
            write_in_pieces(file, JOB, broken, keyed_segments(SPEC, same_texts))
    assert list(ledger.sources(JOB)) == list(PLAN.sources)
    assert ledger.spec(JOB) is not None


def test_a_job_that_no_service_has_is_planned_at_once(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)), closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert not may_break_off(file, JOB, rows_of(PLAN))


def test_others_write_between_two_pieces(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = spec_for("/mine/")
    ledger.save_plan(mine, plan_of(["Mine."]))
    (segment,) = ledger.waiting(mine.job, -1, 9)
    rested = 0

    def rest(_: float) -> None:
        nonlocal rested
        rested += 1
        ledger.claim(mine.job, segment.key)  # would wait for seconds, and fail, if it could not
        ledger.unclaim(mine.job, segment.key, killed=False)

    monkeypatch.setattr(ledger_pieces.time, "sleep", rest)
    with closing(Ledger.open(tmp_path)) as planner:
        planner.save_plan(SPEC, PLAN)
    # Two rows a piece: 1 source, 10 spans, 1 bad line, 2 chapters, 5 segments, 5 keys; and what was there.
    assert rested == 1 + 5 + 1 + 1 + 3 + 3 + len(PLAN_TABLES) + 2


def test_of_a_plan_that_is_there_nothing_is_written_and_what_is_done_stays(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.save_plan(SPEC, PLAN)
    speak_all(ledger, StateFolder(tmp_path), JOB)
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert are_there(file, JOB, rows_of(PLAN), keyed_segments(SPEC, PLAN))
    before = all_rows(tmp_path)
    assert ledger.save_plan(SPEC, PLAN).reused == 5
    assert all_rows(tmp_path) == before


@pytest.mark.parametrize(
    "other",
    [
        plan_of(["One.", "Two.", "One."], ["Three.", "Five."], bad_lines=[BAD]),
        plan_of(["One.", "Two.", "One."], ["Three.", "Four."]),
        plan_of(["One.", "Two.", "One."], ["Three."], bad_lines=[BAD]),
        plan_of(["One.", "Two.", "One."], ["Three.", "Four."], titles=["A", "B"], bad_lines=[BAD]),
        replace(PLAN, spans=PLAN.spans[:-1]),
    ],
)
def test_a_plan_that_differs_in_anything_is_another_plan(tmp_path: Path, ledger: Ledger, other: Plan) -> None:
    ledger.save_plan(SPEC, PLAN)
    with closing(LedgerFile(tmp_path, read_only=False)) as file:
        assert not are_there(file, JOB, rows_of(other), keyed_segments(SPEC, other))
    ledger.save_plan(SPEC, other)
    assert all_rows(tmp_path, PLAN_TABLES) == {table: list(each) for table, each in rows_of(other).items()}
