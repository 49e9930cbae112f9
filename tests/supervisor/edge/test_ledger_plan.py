"""A plan as the ledger keeps it: every figure, every character, every wish of a line."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_plan import behind_gaps, keyed_segments, lost_audio
from supervisor.edge.statefolder import StateFolder
from supervisor.narration.plan import BadLine, Plan, Source, VoiceSpec, segment_key
from supervisor.wire.messages import Reference
from supervisor.wire.speech import expected_s
from tests.standin.jobs import plan_of, speak, spec_for

SPEC = spec_for("/out/story.wav")


def test_the_summary_counts_characters_and_forecasts(tmp_path: Path) -> None:
    bad = BadLine(source=0, line=3, message="no text", start=0, end=1)
    plan = replace(plan_of(["One.", "Two."], ["Three."], bad_lines=[bad]), notices=("said once",))
    with closing(Ledger.open(tmp_path)) as ledger:
        summary = ledger.save_plan(SPEC, plan)
        assert ledger.bad_lines(SPEC.job) == [bad]
    assert (summary.chapters, summary.segments, summary.reused) == (2, 3, 0)
    assert (summary.characters, summary.spoken_characters, summary.skipped) == (17, 14, {"blank": 3})
    assert summary.expected_seconds == sum(expected_s(text) for text in ("One.", "Two.", "Three."))
    assert summary.expected_bytes == round(4 * 22_050 * summary.expected_seconds)
    assert (summary.bad_lines, summary.notices) == ([bad], ["said once"])


def test_what_a_line_asks_for_reaches_its_segments(tmp_path: Path) -> None:
    plan = plan_of(["One."], ["Two."])
    voice = VoiceSpec(name="mia", reference_path="/voices/mia.wav", reference_text="Hello.")
    line = replace(plan.chapters[1], voice=voice, settings={"kv_cache": True})
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.save_plan(SPEC, replace(plan, chapters=(plan.chapters[0], line)))
        plain, asked = ledger.waiting(SPEC.job, -1, 9)
    assert (plain.voice, plain.reference, plain.settings) == (None, None, {})
    assert (asked.voice, asked.settings) == ("mia", {"kv_cache": True})
    assert asked.reference == Reference(path="/voices/mia.wav", text="Hello.")
    assert asked.seed == line.segments[0].seed
    assert asked.key == segment_key(
        engine_identity=SPEC.engine_identity,
        voice=voice,
        seed=asked.seed,
        settings={"kv_cache": True},
        text="Two.",
    )


def test_equal_segments_share_one_audio(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(SPEC, plan_of(["Same."], ["Other."], ["Same."]))
        waiting = ledger.waiting(SPEC.job, -1, 9)
        assert [(segment.number, segment.twins) for segment in waiting] == [(0, 2), (1, 1)]
        speak(ledger, state, SPEC.job, waiting[0])
        view = ledger.view(SPEC.job)
        assert view is not None
        assert (view.segments, view.done) == (3, 2)


def test_the_same_text_again_in_a_chapter_is_spoken_with_another_seed(tmp_path: Path) -> None:
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.save_plan(SPEC, plan_of(["Same.", "Same."]))
        one, two = ledger.waiting(SPEC.job, -1, 9)
    assert one.key != two.key


def test_a_shorter_plan_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    bad = BadLine(source=0, line=1, message="bad", start=0, end=1)
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.save_plan(SPEC, plan_of(["One.", "Two."], ["Three."], bad_lines=[bad]))
        ledger.delivered(SPEC.job, SPEC.output, "00", 1, 24_000)
        ledger.save_plan(SPEC, plan_of(["Two."]))
        assert [segment.text for segment in ledger.segments(SPEC.job)] == ["Two."]
        assert [chapter.title for chapter in ledger.chapters(SPEC.job)] == ["Chapter 1"]
        assert len(list(ledger.spans(SPEC.job))) == 2
        assert (ledger.bad_lines(SPEC.job), ledger.deliveries(SPEC.job)) == ([], [])


def test_lost_audio_is_what_is_not_there_with_the_bytes_that_were_recorded(tmp_path: Path) -> None:
    for name in ("whole", "other"):
        (tmp_path / name).write_bytes(name.encode())
    sha256 = sha256_of_file(tmp_path / "whole")
    done = [(f"key of {name}", name, sha256) for name in ("whole", "other", "gone")]
    assert lost_audio(tmp_path, done) == ["key of other", "key of gone"]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(st.characters(), max_size=200), max_size=3))
def test_sources_come_back_character_for_character(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = Plan(
        sources=tuple(Source(name=f"{n}.txt", text=text) for n, text in enumerate(texts)),
        chapters=(),
        spans=(),
        bad_lines=(),
    )
    with closing(Ledger.open(tmp_path_factory.mktemp("state"))) as ledger:
        ledger.save_plan(SPEC, plan)
        assert tuple(ledger.sources(SPEC.job)) == plan.sources


# ------------------------------------------------------------------ audio that depends on what came before

PAST = msgspec.structs.replace(SPEC, carries_past=True)


def test_what_a_segment_left_waits_for_the_next_of_its_chapter(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(PAST, plan_of(["One.", "Two.", "Three."], ["Four."]))
        one, two, _, _ = ledger.waiting(SPEC.job, -1, 9)
        assert one.past == b""
        speak(ledger, state, SPEC.job, one, past=b"left by one")
        ledger.set_aside(SPEC.job, two.key, "engine", "it raised")
        three, four = ledger.waiting(SPEC.job, -1, 9)
        assert (three.text, three.past) == ("Three.", b"left by one")
        assert (four.text, four.past) == ("Four.", b"")


def test_what_comes_behind_a_failure_is_spoken_again_with_it(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    plan = plan_of(["One.", "Two.", "Three."], ["Four."])
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(PAST, plan)
        one, two, three, four = ledger.waiting(SPEC.job, -1, 9)
        for segment in (one, three, four):
            speak(ledger, state, SPEC.job, segment, past=b"x")
        ledger.set_aside(SPEC.job, two.key, "engine", "it raised")
        summary = ledger.save_plan(PAST, plan)
        assert [segment.text for segment in ledger.waiting(SPEC.job, -1, 9)] == ["Two.", "Three."]
        assert summary.notices == ["finished segments that come after one that failed, to be spoken again: 1"]
        assert summary.reused == 2


def test_without_a_past_nothing_is_behind_anything(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    plan = plan_of(["One.", "Two."])
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(SPEC, plan)
        _, two = ledger.waiting(SPEC.job, -1, 9)
        speak(ledger, state, SPEC.job, two)
        assert ledger.save_plan(SPEC, plan).reused == 1


def test_chapters_that_begin_alike_share_nothing_where_the_past_is_heard() -> None:
    plan = plan_of(["Same.", "One."], ["Same.", "Two."])
    assert len(keyed_segments(SPEC, plan).copies) == 3
    assert len(keyed_segments(PAST, plan).copies) == 4


def test_a_chapter_that_is_whole_is_behind_no_gap_of_another() -> None:
    keyed = keyed_segments(PAST, plan_of(["One.", "Two."], ["Three.", "Four."]))
    keys = [row[3] for row in keyed.rows]
    assert behind_gaps(keyed, keys[1:]) == [keys[1]]
    assert behind_gaps(keyed, keys) == []
    assert behind_gaps(keyed, []) == []
