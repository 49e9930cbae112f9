import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from supervisor.narration.jsonl import LineError
from supervisor.narration.plan import Plan, Recording, VoiceSpec, segment_seed
from supervisor.narration.planner import Document, DocumentKind, Wishes, plan_documents
from tests.book import make_book
from tests.supervisor.narration.laws import (
    check,
    covered_letters,
    found,
    plan_text,
    segments_of,
    skipped,
    spoken_letters,
    texts_of,
    wishes,
)

# Whatever decides a cut, a paragraph or a mark, together with what is only in the way.
_PIECES = [
    *(
        "a",
        "Z",
        "7",
        "é",
        "中",
        "文",
        "word",
        "Mr. ",
        "3.14",
        "12:30",
        "1,000",
        "e\u0301",
        "👨\u200d👩\u200d👧",
        "🇨🇭",
    ),
    *(
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "\u3000",
        "\u3000\u3000",
        "\xa0",
        "\0",
        "\ufeff",
        "\u00ad",
        "\x85",
        "\u2028",
    ),
    *(
        ". ",
        "! ",
        "? ",
        "。",
        "！",
        "？",
        "…",
        "，",
        "、",
        ", ",
        "; ",
        "：",
        "—",
        "“",
        "”",
        '"',
        "(",
        ")",
        "「",
        "」",
    ),
    *("Chapter 12\n\n", "\n\n第十二章\n\n", "Part One: x\n\n"),
]
_MARKUP = [
    *(
        "*",
        "**",
        "_",
        "`",
        "``",
        "~~",
        "[",
        "](u)",
        "![",
        '](u "t")',
        "<b>",
        "<br>",
        "<u://x>",
        "]",
        "&",
        "\\",
        "<!-- c -->",
    ),
    *(
        "# ",
        "## ",
        "### ",
        "\n===\n",
        "\n---\n",
        "> ",
        "- ",
        "1. ",
        "    ",
        "```\n",
        "\n```\n",
        "|",
        "\n|-|-|\n",
        "\\|",
    ),
    *("[r]: /u\n", "&amp;", "&#65;", "\\*", "<div>\n", "\n***\n"),
]
texts = st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)
markdowns = st.lists(st.sampled_from(_PIECES + _MARKUP * 2), max_size=60).map("".join)
sizes = st.sampled_from([1, 2, 7, 20, 200])


@given(texts, sizes)
def test_what_a_plain_text_says_is_what_its_spans_cover(text: str, segment_chars: int) -> None:
    plan = plan_text(text, segment_chars=segment_chars)
    invisible = {text[span.start] for span in plan.spans if span.reason == "invisible character"}
    assert spoken_letters(plan) == "".join(c for c in covered_letters(plan) if c not in invisible)


@given(texts, sizes)
def test_a_plain_text_leaves_out_no_letter(text: str, segment_chars: int) -> None:
    plan = plan_text(text, segment_chars=segment_chars)
    assert letters(spoken_letters(plan)) == letters(text)


@given(markdowns, sizes)
@settings(max_examples=300)
def test_a_markdown_text_says_what_it_says_in_any_reader(text: str, segment_chars: int) -> None:
    # The stock parser renders; what it shows as text is what is to be spoken, letter by letter.
    plan = plan_text(text, "markdown", segment_chars=segment_chars)
    said, seen = letters(spoken_letters(plan)), letters(shown(text.removeprefix("\ufeff")))
    if "|" in text:  # a table's cells beyond its head are shown by nobody; here they are spoken
        rest = iter(said)
        assert all(letter in rest for letter in seen)
    else:
        assert said == seen


@given(
    st.lists(st.sampled_from([p for p in _PIECES + _MARKUP if not set(p) & set("&\\\0")]), max_size=60).map(
        "".join
    )
)
@settings(max_examples=300)
def test_what_a_markdown_text_says_is_what_its_spans_cover(text: str) -> None:
    # Without entities and escapes every character that is spoken stands in the source as it is.
    plan = plan_text(text, "markdown")
    assert letters(spoken_letters(plan)) == letters(covered_letters(plan))


@given(st.lists(texts, max_size=5), sizes)
def test_json_lines_say_what_their_texts_say(lines: list[str], segment_chars: int) -> None:
    source = "\n".join(json.dumps({"text": line}, ensure_ascii=len(line) % 2 == 0) for line in lines)
    plan = plan_text(source, "jsonl", segment_chars=segment_chars)
    assert letters(spoken_letters(plan)) == letters("".join(lines))


kinds = st.sampled_from(get_args(DocumentKind))


@given(st.text(max_size=300), kinds, sizes)
def test_no_text_whatever_breaks_a_law(text: str, kind: DocumentKind, segment_chars: int) -> None:
    plan_text(text, kind, segment_chars=segment_chars)


@given(markdowns, sizes)
def test_the_same_text_has_the_same_plan(text: str, segment_chars: int) -> None:
    first, second = (plan_text(text, "markdown", segment_chars=segment_chars) for _ in range(2))
    assert first == second


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def shown(markdown: str) -> str:
    parser = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"])
    return _shown(parser.parse(markdown))


def _shown(tokens: list[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.children:
            parts.append(_shown(token.children))
        elif token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type == "html_block":
            parts.extend(_shown_html(token.content))
    return "".join(parts)


def _shown_html(html: str) -> Iterator[str]:
    """Show HTML as a browser does, and the Markdown in it, which only a few readers know."""
    inline = MarkdownIt("commonmark").enable("strikethrough")
    for paragraph in re.split("<div>", re.sub(r"<!--.*?(-->|\Z)", "", html, flags=re.DOTALL)):
        yield _shown(inline.parseInline(paragraph.strip()))


# ---------------------------------------------------------------- a book


@pytest.fixture(scope="module")
def book() -> str:
    return make_book(60_000)


def test_a_changed_sentence_changes_only_its_segments(book: str) -> None:
    before = segments_of(plan_text(book, "markdown"))
    edited = before[len(before) // 2]
    word = next(word for word in edited.text.split() if len(word) > 3 and word.isalpha())
    at = book.index(word, edited.start)
    after = segments_of(plan_text(book[:at] + word[::-1] + book[at + len(word) :], "markdown"))
    changed = [
        (b.text, a.text) for b, a in zip(before, after, strict=True) if (b.text, b.seed) != (a.text, a.seed)
    ]
    assert changed == [(edited.text, edited.text.replace(word, word[::-1], 1))]


def test_a_sentence_put_in_changes_nothing_beyond_its_paragraph(book: str) -> None:
    paragraphs = book.split("\n\n")
    place = next(n for n, p in enumerate(paragraphs) if n > 100 and p.count(". ") > 3 and p[0].isalpha())
    before = {(s.text, s.seed) for s in segments_of(plan_text(book, "markdown"))}
    paragraphs[place] = "A new sentence of quite another length. " + paragraphs[place]
    after = {(s.text, s.seed) for s in segments_of(plan_text("\n\n".join(paragraphs), "markdown"))}
    own = " ".join(paragraphs[place].split())
    assert after - before
    assert all(text in own for text, _ in after - before)


def test_a_book_is_planned_within_two_seconds() -> None:
    text = make_book(300_000)
    start_s = time.process_time()
    plan_documents([Document(name="b", title="b", kind="markdown", text=text)], wishes())
    assert time.process_time() - start_s < 2  # the budget of the brief; 0.4 s when measured


@pytest.mark.parametrize(
    ("char", "kind"),
    [("x", "text"), ("汉", "markdown"), (".", "text"), ("“", "text"), ("、", "text"), ("\u0301", "text")],
)
def test_a_million_characters_without_a_space_take_no_time(char: str, kind: DocumentKind) -> None:
    text = "x" + char * 1_000_000
    start_s = time.process_time()
    plan = plan_text(text, kind)
    assert time.process_time() - start_s < 10  # 1 to 2 s when measured; a square of it would be hours
    assert texts_of(plan)[0].startswith("x")


# ---------------------------------------------------------------- several documents


def test_documents_are_chapters_in_their_order() -> None:
    plan = plan_documents(
        [
            Document(name="b.txt", title="b", kind="text", text="Second letter, first place."),
            Document(name="a.md", title="a", kind="markdown", text="# One\n\nHello.\n\n# Two\n\nBye."),
        ],
        wishes(),
    )
    check(plan, 200)
    assert [chapter.title for chapter in plan.chapters] == ["b", "One", "Two"]
    assert [segment.source for segment in segments_of(plan)] == [0, 1, 1, 1, 1]


def test_a_byte_order_mark_is_skipped_and_accounted_for() -> None:
    plan = plan_text('\ufeff{"text": "Hello."}', "jsonl")
    assert texts_of(plan) == ["Hello."]
    assert skipped(plan)[0] == ("\ufeff", "byte order mark")
    assert plan_text("\ufeff# Hi\n\nThere.", "markdown").chapters[0].title == "Hi"


def test_what_is_invisible_is_not_spoken() -> None:
    plan = plan_text("co\u00adop\0er\u200bate.")
    assert texts_of(plan) == ["cooperate."]
    assert [reason for _, reason in skipped(plan)] == ["invisible character"] * 3


def test_a_row_of_stars_is_skipped_with_its_reason() -> None:
    plan = plan_text("One.\n\n* * *\n\nTwo.")
    assert texts_of(plan) == ["One.", "Two."]
    assert skipped(plan) == [("* * *", "nothing to speak")]


def test_a_text_of_punctuation_has_no_chapter() -> None:
    assert plan_text("...\n\n!?").chapters == ()


# ---------------------------------------------------------------- seeds


def test_a_text_that_stands_twice_has_two_seeds() -> None:
    plan = plan_text("Yes.\n\nNo.\n\nYes.", seed=5)
    assert [s.occurrence for s in segments_of(plan)] == [0, 0, 1]
    assert [s.seed for s in segments_of(plan)] == [
        segment_seed(5, "Yes.", 0),
        segment_seed(5, "No.", 0),
        segment_seed(5, "Yes.", 1),
    ]


def test_occurrences_are_counted_by_chapter() -> None:
    plan = plan_text("# A\n\nYes.\n\n# B\n\nYes.", "markdown")
    assert [s.occurrence for s in segments_of(plan) if s.text == "Yes."] == [0, 0]


# ---------------------------------------------------------------- JSONL


def cloned(name: str) -> VoiceSpec | None:
    """One voice is cloned, one is broken, all others are the engine's."""
    if name == "broken":
        raise LineError("the voice 'broken': its recording is gone")
    spec = VoiceSpec(
        reference_path="kept/ada", reference_text="I am Ada.", reference_sha256="ada", origin="ada"
    )
    return spec if name == "ada" else None


def lines(*objects: dict[str, object], voice: VoiceSpec | None = None, names_files: bool = True) -> Plan:
    text = "\n".join(json.dumps(each) for each in objects)
    job = Wishes(
        voice=voice or VoiceSpec(),
        seed=1,
        segment_chars=50,
        find_recording=found,
        find_voice=cloned,
        names_files=names_files,
    )
    plan = plan_documents([Document(name="in.jsonl", title="in", kind="jsonl", text=text)], job)
    check(plan, 50)
    return plan


def test_each_line_is_a_chapter_with_the_name_it_gives() -> None:
    plan = lines(
        {"text": "One."},
        {"uttid": "u2", "syn_text": "Two."},
        {"output_name": "w.wav", "input_text": "Three."},
    )
    assert [(chapter.name, chapter.title) for chapter in plan.chapters] == [
        ("1", "1"),
        ("u2", "u2"),
        ("w", "w"),
    ]


def test_a_bad_line_costs_only_itself() -> None:
    text = '{"text": "One."}\n\nnot json\n{"text": "..."}\n{"text": "Two."}'
    plan = plan_text(text, "jsonl")
    assert texts_of(plan) == ["One.", "Two."]
    assert [bad.line for bad in plan.bad_lines] == [3, 4]
    assert [text[bad.start : bad.end] for bad in plan.bad_lines] == ["not json", '{"text": "..."}']
    assert [reason for piece, reason in skipped(plan) if piece == "not json"] == ["bad line"]


def test_a_name_that_is_taken_is_a_bad_line() -> None:
    plan = lines(
        {"text": "One.", "id": "x"},
        {"text": "Two.", "id": "x"},
        {"text": "Three.", "id": "4"},
        {"text": "Four."},
    )
    assert [chapter.name for chapter in plan.chapters] == ["x", "4"]
    assert [bad.line for bad in plan.bad_lines] == [2, 4]
    assert "line 1 of in.jsonl" in plan.bad_lines[0].message


def test_lines_of_two_files_do_not_share_names() -> None:
    documents = [
        Document(name=f"{name}.jsonl", title=name, kind="jsonl", text='{"text": "Hi."}')
        for name in ("a", "b")
    ]
    assert [chapter.name for chapter in plan_documents(documents, wishes()).chapters] == ["a-1", "b-1"]


def test_a_line_says_more_than_the_job() -> None:
    job = VoiceSpec(name="job", reference_path="/r.wav", reference_text="ref")
    plan = lines(
        {"text": "One."},
        {"text": "Two.", "voice": "own", "seed": 9, "sample_rate": 24000, "use_kv_cache": False},
        {"text": "Three.", "prompt_speech": "p.wav", "prompt_text": "said"},
        voice=job,
    )
    plain, own, line = plan.chapters
    assert (plain.voice, plain.seed, plain.sample_rate_hz, plain.settings) == (job, 1, None, {})
    assert (own.voice, own.seed, own.sample_rate_hz) == (VoiceSpec(name="own"), 9, 24000)
    assert own.settings == {"kv_cache": False}
    assert own.segments[0].seed == segment_seed(9, "Two.", 0)
    assert line.voice == VoiceSpec(
        name="job",
        reference_path="kept/p.wav",
        reference_text="said",
        reference_sha256="sha256 of p.wav",
        origin="/there/p.wav",
    )


def test_a_lines_voice_may_be_a_cloned_one() -> None:
    by_name, with_the_jobs = lines(
        {"text": "One.", "voice": "ada"}, {"text": "Two."}, voice=VoiceSpec(name="own")
    ).chapters
    assert by_name.voice == cloned("ada")
    assert with_the_jobs.voice == VoiceSpec(name="own")


def test_a_line_has_one_recording_at_most() -> None:
    plan = lines(
        {"text": "One.", "voice": "ada", "prompt_speech": "p.wav", "prompt_text": "said"}, {"text": "Two."}
    )
    (bad,) = plan.bad_lines
    assert "'ada' has a recording of its own" in bad.message


def test_a_line_that_names_a_voice_of_the_engines_beside_a_recording_is_refused() -> None:
    both: dict[str, object] = {
        "text": "One.",
        "voice": "plain-zh",
        "prompt_speech": "p.wav",
        "prompt_text": "said",
    }
    plan = lines(both, {"text": "Two."})
    (bad,) = plan.bad_lines
    assert bad.message == "voice 'plain-zh' and a recording both say who speaks; leave one of them out"
    assert texts_of(plan) == ["Two."]


def test_an_engine_that_clones_nothing_takes_the_voice_of_a_line_that_has_a_recording_too() -> None:
    text = '{"text": "One.", "voice": "en", "prompt_speech": "p.wav", "prompt_text": "said"}'
    document = Document(name="in.jsonl", title="in", kind="jsonl", text=text)

    def unread(_document: str, path: str) -> Recording:
        return Recording(origin=path, path=path, sha256=None)

    (chapter,) = plan_documents([document], replace(wishes(), find_recording=unread)).chapters
    assert chapter.voice.name == "en"


def test_a_voice_that_cannot_be_had_costs_its_line_and_takes_no_name() -> None:
    plan = lines({"text": "One.", "voice": "broken", "id": "x"}, {"text": "Two.", "id": "x"})
    assert [bad.line for bad in plan.bad_lines] == [1]
    assert [chapter.name for chapter in plan.chapters] == ["x"]


def test_names_may_repeat_where_they_name_no_files() -> None:
    twice: list[dict[str, object]] = [{"text": "One.", "id": "x"}, {"text": "Two.", "id": "x"}]
    assert texts_of(lines(*twice, names_files=False)) == ["One.", "Two."]
    assert texts_of(lines(*twice)) == ["One."]


def test_fields_that_mean_nothing_are_noticed_once() -> None:
    plan = lines({"text": "One.", "rl": 1}, {"text": "Two.", "rl": 2})
    assert len(plan.notices) == 1
    assert "'rl'" in plan.notices[0]
    assert "2 line(s)" in plan.notices[0]


def test_a_line_of_many_paragraphs_stays_one_chapter() -> None:
    plan = lines({"text": "Chapter 1\n\nOne.\n\nChapter 2\n\nTwo."})
    assert [chapter.title for chapter in plan.chapters] == ["1"]
    assert texts_of(plan) == ["Chapter 1", "One.", "Chapter 2", "Two."]
