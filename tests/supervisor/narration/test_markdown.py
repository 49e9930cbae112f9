import pytest

from supervisor.narration.markdown import read_markdown
from supervisor.narration.traced import Passage, Skip, trace
from tests.supervisor.narration.laws import plan_text, skipped, texts_of


def said(text: str) -> list[str]:
    return [part.body.text for part in read_markdown(trace(text)) if isinstance(part, Passage)]


def left_out(text: str) -> list[tuple[str, str]]:
    parts = [part for part in read_markdown(trace(text)) if isinstance(part, Skip)]
    return [(text[part.start : part.end], part.reason) for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\nline.\n\nTwo.", ["One line.", "Two."]),
        ("- one\n- two\n  more\n\n  para", ["one", "two more", "para"]),
        ("1. one\n2. two", ["one", "two"]),
        ("- a\n  - b\n    - c", ["a", "b", "c"]),
        ("> quoted\n> text\nlazy\n\nafter", ["quoted text lazy", "after"]),
        ("> - item\n>   more\n> > deep", ["item more", "deep"]),
        ("| a | b |\n|---|---|\n| c \\| d | |", ["a", "b", "c | d"]),
        ("| a |\n|---|\n| b | extra |", ["a", "b", "extra"]),
        ("> | a |\n> |---|\n> | b |", ["a", "b"]),
        ("# One #\n## Two ##  \n#\n### ###\n#### C# ####", ["One", "Two", "C#"]),
        ("Set\next\n===\nSecond\n---", ["Set ext", "Second"]),
        ("a\r\nb\r\n\r\nc\rd", ["a b", "c d"]),
        ("\u3000\u3000第一段。", ["第一段。"]),
        ("- [ ] to do\n- [x] done\n- no [x]\n\n[x] box", ["to do", "done", "no [x]", "[x] box"]),
        ("# One {#id .class}\n## Two ## {#x k=v}\n\nThree {-}\n===", ["One", "Two", "Three"]),
        ("# Set {a} {}\n\ntext {#id}", ["Set {a} {}", "text {#id}"]),
        ("<center>\n**The End**\n</center>", ["The End"]),
        ("<details><summary>Sum</summary>\nin\n</details>\n\nafter", ["Sum", "in", "after"]),
        ("> <div>\n> a\n> </div>", ["a"]),
        ("Text[^1] [^a] [^b].\n\n[^1]: Ibid.\n[^a]: Two\nlines.", ["Text [^b].", "Ibid.", "Two lines."]),
        ("[^1]: One.\n\n    Two.\n\n        code\n\nx\n\n    code", ["One.", "Two.", "x"]),
        ("Text.[^2]\n\n[^n]: [^2] Three.\n\n    Four.\n\n    Five.", ["Text.", "Three.", "Four.", "Five."]),
        (
            "[JOHN]: Hello\n[MARY]: Hi\n\n[JOHN]: Hi there.",
            ["[JOHN]: Hello", "[MARY]: Hi", "[JOHN]: Hi there."],
        ),
        ("", []),
    ],
)
def test_blocks_are_spoken_one_by_one(text: str, expected: list[str]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```py\ncode\n```", [("```py\ncode\n```", "code block")]),
        ("~~~\nopen to the end", [("~~~\nopen to the end", "code block")]),
        ("    indented\n    code", [("indented\n    code", "code block")]),
        ("> ```\n> code\n> ```", [("```\n> code\n> ```", "code block")]),
        ("<div>\nhtml\n</div>", [("<div>", "html"), ("</div>", "html")]),
        ("<style>\n\np {}\n</style>", [("<style>\n\np {}\n</style>", "html")]),
        ("[^1]: Ibid. [^1]", [("[^1]:", "footnote mark"), ("[^1]", "footnote mark")]),
        ("[a]: #x", [("[a]: #x", "link definition")]),
        ("[a]: b\n\n[a] [c]: d", [("[a]: b", "link definition")]),
        ("<!-- note -->", [("<!-- note -->", "html")]),
        ('[a]: http://x\n  "title"', [('[a]: http://x\n  "title"', "link definition")]),
        ("***", [("***", "markup")]),
        ("---\ntitle: x\ndate: 1\n---\ntext", [("---\ntitle: x\ndate: 1\n---\n", "front matter")]),
        ("---\n# comment\n...", [("---\n# comment\n...", "front matter")]),
        ("text <b>bold</b>", [("<b>", "html"), ("</b>", "html")]),
        ("![](a.png)", [("![](a.png)", "image")]),
        ("- \n\n1.\n\n>", []),
    ],
)
def test_what_is_not_prose_is_left_out_with_its_reason(text: str, expected: list[tuple[str, str]]) -> None:
    assert left_out(text) == expected


def test_prose_between_two_rules_is_no_front_matter() -> None:
    assert said("---\n\nIt was so: a text.\n\n---\n") == ["It was so: a text."]
    assert said("---\nJust prose\n") == ["Just prose"]


def test_nested_deeper_than_anybody_reads_is_left_out_with_its_reason() -> None:
    text = "> " * 100 + "deep\n\nafter"
    assert said(text) == ["after"]
    assert left_out(text) == [(text.split("\n", maxsplit=1)[0], "nested too deep")]


def test_hundreds_of_images_within_images_are_read_out_rather_than_lost() -> None:
    text = "![" * 900 + "deep" + "](u)" * 900
    assert "deep" in "".join(said(text))


def test_a_definition_far_below_makes_a_link_above() -> None:
    plan = plan_text("See [the *book*][1].\n\n[1]: http://example.org/1 (words)", "markdown")
    assert texts_of(plan) == ["See the book."]
    assert ("[1]: http://example.org/1 (words)", "link definition") in skipped(plan)


def test_a_heading_in_html_starts_a_chapter() -> None:
    plan = plan_text('<h1 align="center">Book &amp; Co</h1>\n\nOne.\n\n<h3>Deep</h3>\nTwo.', "markdown")
    assert [chapter.title for chapter in plan.chapters] == ["Book & Co"]
    assert [segment.pause for segment in plan.chapters[0].segments] == [
        "heading",
        "heading",
        "heading",
        "paragraph",
    ]


def test_a_speaker_that_is_no_link_keeps_its_brackets_and_its_words() -> None:
    plan = plan_text("[JOHN]: Hello\n\n[JOHN]: Hello there.\n", "markdown")
    assert texts_of(plan) == ["[JOHN]: Hello", "[JOHN]: Hello there."]
    assert skipped(plan) == []


def test_a_nul_is_invisible_here_too() -> None:
    plan = plan_text("a\0b\r\n\r\n# c\0d", "markdown")
    assert texts_of(plan) == ["ab", "cd"]
    assert skipped(plan).count(("\0", "invisible character")) == 2
