"""Chapters cut smaller: the same characters, and nothing else moved."""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.narration.decoding import DocumentKind
from supervisor.narration.degrading import Degrade, chars_of, found_again, places_of, with_rates
from supervisor.narration.plan import Plan
from supervisor.narration.planner import Document, plan_documents
from tests.standin.jobs import plan_of
from tests.supervisor.narration.laws import (
    segments_are_well_formed,
    spans_tile_every_source,
    spoken_letters,
    spoken_spans_lie_within_segments,
    wishes,
)

_WORDS = (
    "word",
    "Mr. Smith",
    "3,000",
    "中文，好。",
    "e\u0301",
    "🇨🇭",
    "&amp;",
    "**bold**",
    "...",
    "a",
    "“Quoted.”",
)
_JOINTS = (
    " ",
    ", ",
    ". ",
    "! ",
    "\n",
    "\n\n",
    "\n\n## Two, three and four\n\n",
    "\n\n# One\n",
    "\n\n* * *\n\n",
)

texts = st.lists(st.sampled_from(_WORDS + _JOINTS), max_size=80).map("".join)


def planned(text: str, kind: DocumentKind, chapter_chars: dict[int, int]) -> Plan:
    document = Document(name="book", title="book", kind=kind, text=text)
    plan = plan_documents([document], replace(wishes(segment_chars=40), chapter_chars=chapter_chars))
    spans_tile_every_source(plan)
    segments_are_well_formed(plan, 40)
    spoken_spans_lie_within_segments(plan)
    return plan


def as_lines(text: str) -> str:
    return "\n".join(json.dumps({"text": part}) for part in text.split("\n\n"))


@settings(max_examples=300)
@given(texts, st.sampled_from(["text", "markdown", "jsonl"]), st.integers(0, 4), st.integers(1, 39))
def test_a_chapter_cut_smaller_has_the_same_letters_and_no_other_chapter_moves(
    text: str, kind: DocumentKind, chapter: int, chars: int
) -> None:
    text = as_lines(text) if kind == "jsonl" else text
    before, after = planned(text, kind, {}), planned(text, kind, {chapter: chars})
    assert places_of(after.chapters) == places_of(before.chapters)
    assert letters(after) == letters(before)
    for number, (old, new) in enumerate(zip(before.chapters, after.chapters, strict=True)):
        if number != chapter:
            assert new == old
        else:
            assert max(len(segment.text) for segment in new.segments) <= chars
            assert (new.title, new.segments[-1].pause) == (old.title, old.segments[-1].pause)


def test_a_heading_is_cut_as_the_chapter_that_it_begins() -> None:
    text = "# First of all, one\n\nOne.\n\n# Second, two\n\nTwo."
    cut = [[segment.text for segment in each.segments] for each in planned(text, "markdown", {1: 8}).chapters]
    assert cut == [["First of all, one", "One."], ["Second,", "two", "Two."]]


def letters(plan: Plan) -> str:
    # What has no letter (a row of dots) may find no neighbour with room, and is skipped with that reason.
    return "".join(char for char in spoken_letters(plan) if char.isalnum())


def test_more_characters_than_the_jobs_change_nothing() -> None:
    text = "One two three four. " * 20
    assert planned(text, "text", {0: 4000}) == planned(text, "text", {})


def degrade(place: str, *, chars: int | None = None, rate_hz: int | None = None) -> Degrade:
    return Degrade(place=place, segment_chars=chars, sample_rate_hz=rate_hz, full_rate_hz=None, steps=[])


def test_a_chapter_is_found_again_by_its_title_and_its_twins_before_it() -> None:
    old = plan_of(["a"], ["b"], ["c"], titles=["Poem", "Tale", "Poem"])
    _, tale, second_poem = places_of(old.chapters)
    kept = [degrade(tale, chars=50), degrade(second_poem, rate_hz=24_000), degrade('["Gone", 0]', chars=9)]
    new = plan_of(["x"], ["a"], ["b"], ["y"], ["c"], titles=["Preface", "Poem", "Tale", "Tale", "Poem"])
    found = found_again(new.chapters, kept)
    assert found == {2: kept[0], 4: kept[1]}
    assert chars_of(found) == {2: 50}


def test_a_line_is_found_again_by_its_name() -> None:
    old = plan_of(["a"], ["b"], titles=["Same", "Same"], names=["one", "two"])
    new = plan_of(["b"], ["a"], titles=["Same", "Same"], names=["two", "one"])
    kept = [degrade(places_of(old.chapters)[1], chars=50)]
    assert found_again(new.chapters, kept) == {0: kept[0]}


def test_the_rate_becomes_a_setting_of_its_chapter_alone() -> None:
    plan = plan_of(["a"], ["b"], ["c"])
    line = replace(plan.chapters[1], settings={"kv_cache": True})
    plan = replace(plan, chapters=(plan.chapters[0], line, plan.chapters[2]))
    found = {1: degrade("x", rate_hz=24_000), 2: degrade("y", chars=50)}
    rated = [chapter.settings for chapter in with_rates(plan, found).chapters]
    assert rated == [{}, {"kv_cache": True, "sample_rate": 24_000}, {}]
