import json
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger, job_id_for
from supervisor.edge.ledger_values import JobSpec
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from supervisor.narration.degrading import Recut
from supervisor.narration.plan import PlanSummary, VoiceSpec
from supervisor.planning.__main__ import OrderedInput, PlanningOrder, carry_out
from supervisor.planning.recut import OtherCuts, RecutOrder, recut
from supervisor.policy.degrade import Step
from supervisor.verify import verify_job
from tests.standin.jobs import speak

OUTPUT = "/somewhere/book.wav"
JOB = job_id_for(OUTPUT)
SENTENCE = "The ferry left at nine, late as ever, and nobody on the pier was surprised by that. "
BOOK = "".join(f"# Chapter {n}\n\n{SENTENCE * 4}\n\nIt was night {n}.\n\n" for n in (1, 2, 3))
BOTH: list[Step] = ["smaller_segments", "24khz"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.md"
    path.write_text(BOOK, "utf-8")
    return path


def plan(
    folder: Path, path: Path, *, fresh: bool = False, engine: str = "parrot", rate_hz: int | None = None
) -> PlanSummary:
    spec = JobSpec(
        job=JOB,
        output=OUTPUT,
        format="wav",
        sample_rate_hz=None,
        engine=engine,
        engine_identity=f"{engine} 1",
        voice=VoiceSpec(),
        seed=0,
        pauses_s={},
        inputs=[path.name],
        folder=str(path.parent),
    )
    inputs = [OrderedInput(path=str(path), name=path.name)]
    order = PlanningOrder(
        state=str(folder / "state"),
        spec=spec,
        inputs=inputs,
        segment_chars=200,
        fresh=fresh,
        save=True,
        rate_hz=rate_hz,
    )
    return carry_out(order)


def cut(
    folder: Path, chapter: int, *, steps: list[Step] = BOTH, rate_hz: int | None = None, chars: int = 200
) -> Recut:
    return recut(
        RecutOrder(
            state=str(folder / "state"),
            job=JOB,
            chapter=chapter,
            steps=steps,
            segment_chars=chars,
            rate_hz=rate_hz,
            at_s=1.7e9,
            why="needs 9 GiB, has 8",
        )
    )


def keys(folder: Path) -> list[tuple[int, str]]:
    with closing(Ledger.open(folder / "state")) as ledger:
        return [(segment.chapter, segment.key) for segment in ledger.segments(JOB)]


def longest(folder: Path, chapter: int) -> int:
    with closing(Ledger.open(folder / "state")) as ledger:
        return max(len(each.text) for each in ledger.segments(JOB) if each.chapter == chapter)


def test_segments_are_halved_as_often_as_asked_until_they_are_too_short(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    others = [each for each in keys(tmp_path) if each[0] != 1]
    taken: list[int | None] = []
    while (done := cut(tmp_path, 1)).step is not None:
        taken.append(done.segment_chars)
        assert longest(tmp_path, 1) <= (done.segment_chars or 0)
        assert [each for each in keys(tmp_path) if each[0] != 1] == others
        assert done.segments == len(keys(tmp_path)) - len(others)
    assert taken == [83, 41, 20]
    assert "20 is the least" in done.why
    assert "parrot cannot be told a rate" in done.why
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        (told,) = ledger.degraded(JOB)
        assert [step.segment_chars for step in told.steps] == taken
        assert {(step.at_s, step.why) for step in told.steps} == {(1.7e9, "needs 9 GiB, has 8")}


def test_a_later_run_keeps_the_cuts_and_a_fresh_one_does_not(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    asked = keys(tmp_path)
    cut(tmp_path, 0, rate_hz=32_000)
    cut(tmp_path, 2, steps=["24khz"], rate_hz=32_000)
    recut_keys = keys(tmp_path)
    plan(tmp_path, book)
    assert keys(tmp_path) == recut_keys
    # A sentence that is added elsewhere changes nothing of it, nor does a chapter before it.
    book.write_text("# Preface\n\nHello.\n\n" + BOOK, "utf-8")
    plan(tmp_path, book)
    assert keys(tmp_path)[2:] == [(chapter + 1, key) for chapter, key in recut_keys]
    book.write_text(BOOK, "utf-8")
    plan(tmp_path, book, fresh=True)
    assert keys(tmp_path) == asked


def test_a_lower_rate_is_taken_once_and_only_where_the_engine_has_one(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    assert cut(tmp_path, 1, steps=["24khz"]).step is None
    done = cut(tmp_path, 1, steps=["24khz", "smaller_segments"], rate_hz=32_000)
    assert (done.step, done.sample_rate_hz, done.segment_chars) == ("24khz", 24_000, None)
    again = cut(tmp_path, 1, steps=["24khz"], rate_hz=32_000)
    assert (again.step, again.why) == (None, "no lower rate: it is spoken at 24000 Hz")
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        asked = {each.chapter: each.settings for each in ledger.waiting(JOB, -1, 99)}
        assert asked == {0: {}, 1: {"sample_rate": 24_000}, 2: {}}
        (file,) = ledger.files(JOB)
        assert file.sample_rate_hz == 32_000
    more = cut(tmp_path, 1, steps=["24khz", "smaller_segments"], rate_hz=32_000)
    assert (more.step, more.sample_rate_hz) == ("smaller_segments", 24_000)
    plan(tmp_path, book)
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        asked = {each.chapter: each.settings for each in ledger.waiting(JOB, -1, 99)}
        assert asked == {0: {}, 1: {"sample_rate": 24_000}, 2: {}}


def test_a_chapter_of_which_a_segment_is_spoken_stays_as_it_is(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    state = StateFolder(tmp_path / "state")
    with closing(Ledger.open(state.path)) as ledger:
        speak(ledger, state, JOB, ledger.waiting(JOB, -1, 1)[0])
    before = keys(tmp_path)
    done = cut(tmp_path, 0)
    assert (done.step, keys(tmp_path)) == (None, before)
    assert "spoken or in hand" in done.why


def test_every_character_is_accounted_for_afterwards(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    assert cut(tmp_path, 1).step == "smaller_segments"
    state = StateFolder(tmp_path / "state")
    with closing(Ledger.open(state.path)) as ledger:
        while waiting := ledger.waiting(JOB, -1, 99):
            for segment in waiting:
                speak(ledger, state, JOB, segment)
        verdict = verify_job(ledger, state, JOB)
    assert verdict.ok, verdict.problems
    assert verdict.spoken + sum(verdict.skipped.values()) == len(BOOK)
    assert [told.chapter for told in verdict.degraded] == [1]


def test_a_line_is_cut_alone(tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "".join(json.dumps({"id": f"n{n}", "text": SENTENCE * 3}) + "\n" for n in range(3)), "utf-8"
    )
    plan(tmp_path, lines)
    before = keys(tmp_path)
    assert cut(tmp_path, 1).step == "smaller_segments"
    after = keys(tmp_path)
    assert [each for each in after if each[0] != 1] == [each for each in before if each[0] != 1]
    assert len(after) > len(before)
    lines.write_text("\n".join(reversed(lines.read_text("utf-8").splitlines())), "utf-8")
    plan(tmp_path, lines)
    assert sorted(key for _, key in keys(tmp_path)) == sorted(key for _, key in after)


def test_lines_keep_the_recordings_that_were_found_and_the_rate_that_they_ask_for(tmp_path: Path) -> None:
    (tmp_path / "there.wav").write_text("somebody")
    (tmp_path / "lines.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "id": "of one file, so not a file's name",
                    "text": SENTENCE * 3,
                    "prompt_speech": f"{name}.wav",
                    "prompt_text": "x",
                    "sample_rate": 32_000,
                }
            )
            + "\n"
            for name in ("there", "gone", "there")
        ),
        "utf-8",
    )
    summary = plan(tmp_path, tmp_path / "lines.jsonl", rate_hz=24_000)
    assert ([bad.line for bad in summary.bad_lines], summary.chapters) == ([2], 2)
    before = voices(tmp_path)
    (tmp_path / "there.wav").rename(tmp_path / "gone.wav")
    assert cut(tmp_path, 1, steps=["smaller_segments"], rate_hz=24_000).step == "smaller_segments"
    assert (voices(tmp_path), longest(tmp_path, 1) < longest(tmp_path, 0)) == (before, True)
    assert cut(tmp_path, 0, steps=["24khz"], rate_hz=24_000).step == "24khz"
    with closing(Ledger.open(tmp_path / "state")) as ledger:
        asked = {each.chapter: each.settings for each in ledger.waiting(JOB, -1, 99)}
    assert asked == {0: {"sample_rate": 24_000}, 1: {"sample_rate": 32_000}}


def voices(folder: Path) -> list[VoiceSpec]:
    with closing(Ledger.open(folder / "state")) as ledger:
        return [chapter.voice for chapter in ledger.stored_chapters(JOB)]


def test_other_cuts_than_those_that_are_stored_are_refused(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    before = keys(tmp_path)
    with pytest.raises(OtherCuts, match="run the same command again"):
        cut(tmp_path, 1, chars=60)
    assert keys(tmp_path) == before


def test_a_job_or_chapter_that_is_gone_is_named(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    with pytest.raises(SupervisorError, match="no chapter 4"):
        cut(tmp_path, 3)


def test_no_steps_are_no_step(tmp_path: Path, book: Path) -> None:
    plan(tmp_path, book)
    assert cut(tmp_path, 1, steps=[]) == Recut(chapter=1, why="degrade.steps is empty")
