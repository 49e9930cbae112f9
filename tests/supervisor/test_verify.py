"""`jobs verify`: nothing is taken on trust."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.plan import Plan, Span
from supervisor.verify import Verdict, verify_job
from tests.standin.jobs import plan_of, speak, speak_all, spec_for

PLAN = plan_of(["One.", "Two."], ["Three.", "One."])


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    with closing(Ledger.open(state.path)) as opened:
        yield opened


def finished(ledger: Ledger, state: StateFolder, folder: Path, plan: Plan = PLAN) -> str:
    """Speak and deliver a whole job; return its id."""
    output = folder / "story.wav"
    spec = spec_for(output)
    ledger.save_plan(spec, plan)
    speak_all(ledger, state, spec.job)
    output.write_bytes(b"stands for a file")
    ledger.delivered(spec.job, str(output), sha256_of_file(output), 10, 22_050)
    ledger.set_state(spec.job, "done")
    return spec.job


def only_problem(verdict: Verdict) -> str:
    assert not verdict.ok
    (problem,) = verdict.problems
    return problem


def test_a_finished_job_is_in_order_to_the_last_character(
    ledger: Ledger, state: StateFolder, tmp_path: Path
) -> None:
    verdict = verify_job(ledger, state, finished(ledger, state, tmp_path))
    assert verdict.ok
    assert verdict.problems == []
    assert verdict.characters == len("One. Two. Three. One. ")
    assert (verdict.spoken, verdict.failed, verdict.waiting, verdict.skipped) == (18, 0, 0, {"blank": 4})
    assert verdict.segments == {"done": 4, "failed": 0, "waiting": 0}
    assert verdict.audio_files == 3  # two segments share one
    assert verdict.outputs == [str(tmp_path / "story.wav")]


def test_one_changed_byte_of_a_segment_is_found(ledger: Ledger, state: StateFolder, tmp_path: Path) -> None:
    job = finished(ledger, state, tmp_path)
    second = list(ledger.segments(job))[1]
    path = state.audio_path(job, second.key)
    audio = bytearray(path.read_bytes())
    audio[1000] ^= 1
    path.write_bytes(audio)
    assert only_problem(verify_job(ledger, state, job)).startswith(f"segment 2: {path} has ")


def test_a_segment_that_is_gone_is_found(ledger: Ledger, state: StateFolder, tmp_path: Path) -> None:
    job = finished(ledger, state, tmp_path)
    state.audio_path(job, next(ledger.segments(job)).key).unlink()
    assert "No such file" in only_problem(verify_job(ledger, state, job))


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_finished_file_that_is_not_what_was_delivered_is_found(
    ledger: Ledger, state: StateFolder, tmp_path: Path, what: str
) -> None:
    job = finished(ledger, state, tmp_path)
    output = tmp_path / "story.wav"
    if what == "gone":
        output.unlink()
    else:
        output.write_bytes(b"stands for a fi1e")
    verdict = verify_job(ledger, state, job)
    assert only_problem(verdict).startswith(f"{output} has ")
    assert verdict.outputs == []


def test_a_finished_file_that_was_never_delivered_is_missed(
    ledger: Ledger, state: StateFolder, tmp_path: Path
) -> None:
    spec = spec_for(tmp_path / "story.wav")
    ledger.save_plan(spec, PLAN)
    speak_all(ledger, state, spec.job)
    assert verify_job(ledger, state, spec.job).ok
    ledger.set_state(spec.job, "done")
    assert "never delivered" in only_problem(verify_job(ledger, state, spec.job))


def test_what_failed_with_a_reason_is_accounted_for(
    ledger: Ledger, state: StateFolder, tmp_path: Path
) -> None:
    spec = spec_for(tmp_path / "story.wav")
    ledger.save_plan(spec, PLAN)
    for segment in ledger.waiting(spec.job, -1, 9):
        if segment.text == "Two.":
            ledger.set_aside(spec.job, segment.key, "engine", "xyzzy")
        else:
            speak(ledger, state, spec.job, segment)
    verdict = verify_job(ledger, state, spec.job)
    assert verdict.ok
    assert (verdict.spoken, verdict.failed) == (14, 4)
    assert [failure.message for failure in verdict.failures] == ["xyzzy"]


def test_what_still_waits_is_not_accounted_for(ledger: Ledger, state: StateFolder, tmp_path: Path) -> None:
    spec = spec_for(tmp_path / "story.wav")
    ledger.save_plan(spec, PLAN)
    speak(ledger, state, spec.job, ledger.waiting(spec.job, -1, 1)[0])
    verdict = verify_job(ledger, state, spec.job)
    assert only_problem(verdict).startswith("2 segments are not spoken yet")
    assert (verdict.spoken, verdict.waiting) == (8, 10)


SPANS = PLAN.spans  # four spoken, each with a blank after it


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        (SPANS[:-1], "has 22 characters, 21 are accounted for"),
        (SPANS[1:], "around character 0"),
        ((*SPANS[:3], *SPANS[4:]), "around character 9"),
        ((SPANS[0], *SPANS), "around character 4"),
        ((*SPANS, Span(source=0, start=22, end=23, reason="blank")), "has 22 characters, 23"),
        ((*SPANS[:1], replace(SPANS[1], reason=None), *SPANS[2:]), "characters 4 to 5 .* found none"),
        ((*SPANS[:2], replace(SPANS[2], reason="blank"), *SPANS[3:]), "segment 2 speaks no character"),
        ((*SPANS, Span(source=1, start=0, end=1, reason="blank")), "source 1 stand where none belong"),
        ((), "nothing is said of its 22 characters"),
    ],
)
def test_a_character_that_is_lost_or_counted_twice_is_found(
    ledger: Ledger, state: StateFolder, tmp_path: Path, spans: tuple[Span, ...], words: str
) -> None:
    job = finished(ledger, state, tmp_path, replace(PLAN, spans=spans))
    verdict = verify_job(ledger, state, job)
    assert not verdict.ok
    assert any(re.search(words, problem) for problem in verdict.problems)


def test_characters_that_two_segments_speak_are_found(
    ledger: Ledger, state: StateFolder, tmp_path: Path
) -> None:
    chapter = PLAN.chapters[0]
    greedy = replace(chapter.segments[1], start=0)
    twice = replace(chapter, segments=(chapter.segments[0], greedy))
    job = finished(ledger, state, tmp_path, replace(PLAN, chapters=(twice, PLAN.chapters[1])))
    assert "found 1, 2" in only_problem(verify_job(ledger, state, job))


def test_a_job_that_is_not_there_is_named(ledger: Ledger, state: StateFolder) -> None:
    with pytest.raises(LedgerError, match="j-none"):
        verify_job(ledger, state, "j-none")


def test_the_verdict_is_plain_json(ledger: Ledger, state: StateFolder, tmp_path: Path) -> None:
    found = verify_job(ledger, state, finished(ledger, state, tmp_path)).as_json()
    assert isinstance(found, dict)
    assert found["ok"] is True
