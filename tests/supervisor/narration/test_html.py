import pytest

from supervisor.narration.html import HtmlText, read_html, tag_name
from supervisor.narration.traced import Skip, squeeze, trace


def texts(html: str) -> list[tuple[str, int]]:
    parts = [part for part in read_html(trace(html)) if isinstance(part, HtmlText)]
    bodies = [(squeeze(part.body).text, part.level) for part in parts]
    return [body for body in bodies if body[0]]


def left_out(html: str) -> list[str]:
    parts = [part for part in read_html(trace(html)) if isinstance(part, Skip)]
    assert {part.reason for part in parts} <= {"html"}
    return [html[part.start : part.end] for part in parts]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p align='a>b'>one</P>", [("one", 0)]),
        ("<p>one<p>two <b>bold</b><br>three", [("one", 0), ("two <b>bold</b><br>three", 0)]),
        ("<H2 id=x>head</H2>text<h7>x", [("head", 2), ("text<h7>x", 0)]),
        ("<div>1 < 2 &amp; <u://x></div>", [("1 < 2 &amp; <u://x>", 0)]),
        ("a<!-- <p> -->b<!-->c<?x <p> ?>d<!X>e<![CDATA[<p>]]>f", [("abcdef", 0)]),
        ("a<style>p {}<p></style>b<script>", [("ab", 0)]),
        ("<head><title>x</title></head>a<styles>b", [("a<styles>b", 0)]),
        ("a <!-- open", [("a", 0)]),
        ("<div class=", [("<div class=", 0)]),
    ],
)
def test_text_stands_between_the_tags_of_blocks(html: str, expected: list[tuple[str, int]]) -> None:
    assert texts(html) == expected


def test_what_is_not_shown_is_left_out_whole() -> None:
    assert left_out("<p>a<script>x</script>b</p>") == ["<p>", "<script>x</script>", "</p>"]
    assert left_out("<b>a</b>") == []


def test_a_tag_has_a_name() -> None:
    assert [tag_name(tag) for tag in ("<B a>", "</h1 >", "<!-- b -->")] == [
        (False, "b"),
        (True, "h1"),
        (False, ""),
    ]
