import pytest

from supervisor.narration.markdown import read_markdown
from supervisor.narration.traced import Passage, trace
from tests.supervisor.narration.laws import plan_text, texts_of

# Text, what is said, and what of the source each part of it stands for, in order.
CASES = [
    ("plain", "plain", "plain"),
    ("**bold** and *em*", "bold and em", "bold and em"),
    ("[text](http://x 'x')", "text", "text"),
    ("[a](<a b> 'a') a", "a a", "a a"),
    ("![alt *text*](a.png)", "alt text", "alt text"),
    ("[![alt](a.png)](b)", "alt", "alt"),
    ("`code` and `` a`b ``", "code and a`b", "code and a`b"),
    ("`  two  `", "two", "two"),
    ("`a\nb`", "a b", "a\nb"),
    ("AT&amp;T &#65;&nbsp;&#x42;", "AT&T A B", "AT&amp;T &#65;&nbsp;&#x42;"),
    ("\\*no\\* \\a", "*no* \\a", "\\*no\\* \\a"),
    ("<http://x.org/%20y>", "http://x.org/%20y", "http://x.org/%20y"),
    ("<me@x.org>", "me@x.org", "me@x.org"),
    ("~~gone~~ ~one~", "gone ~one~", "gone ~one~"),
    ("~~a~~~", "a~", "a~"),
    ("2 * 3 * 4 _ 5", "2 * 3 * 4 _ 5", "2 * 3 * 4 _ 5"),
    ("***a** b*", "a b", "a b"),
    ("**a*", "*a", "*a"),
    ("snake_case_name", "snake_case_name", "snake_case_name"),
    ("one<br>two", "one two", "onetwo"),
    ("one<br/>two<i>x</i>", "one twox", "onetwox"),
    ("one  \ntwo\\\nthree", "one two three", "one \ntwo\nthree"),
    ("[not a link] ![nor this]", "[not a link] ![nor this]", "[not a link] ![nor this]"),
    ("<i>x</i><p>one</p><p>two</p>", "x one two", "xonetwo"),
    ("a <script>no *no*</script> b <style> c", "a b c", "a b c"),
    ("a </script> <script> b", "a b", "a b"),
    ("a[^1] [^x] [^1](u) [^2]: b", "a [^x] ^1 : b", "a [^x] ^1 : b"),
    ("![a[^1]](u) [t[^1]](u)", "a t", "a t"),
    ("a <!-- c --> b", "a b", "a b"),
]


@pytest.mark.parametrize(("text", "said", "_"), CASES)
def test_what_is_said_of_markup(text: str, said: str, _: str) -> None:
    assert [passage.body.text for passage in passages(text)] == [said]


@pytest.mark.parametrize(("text", "_", "from_source"), CASES)
def test_what_is_said_comes_from_where_it_says(text: str, _: str, from_source: str) -> None:
    (passage,) = passages(text)
    places = zip(passage.body.starts, passage.body.ends, strict=True)
    stretches = [text[start:end] for start, end in places]
    assert squeezed("".join(stretches)) == squeezed(from_source)


def test_a_mark_that_stays_stands_in_its_own_place() -> None:
    assert [list(passage.body.starts) for passage in passages("*a**")] == [[1, 3]]
    assert [list(passage.body.starts) for passage in passages("x~~~a~~")] == [[0, 1, 4]]


def test_an_entity_of_two_characters_is_shared_by_them() -> None:
    (passage,) = passages("&fjlig;")
    assert passage.body.text == "fj"
    assert (list(passage.body.starts), list(passage.body.ends)) == ([0, 1], [1, 7])


@pytest.mark.parametrize("text", ["&fjlig;", "\\文", "a\\b&amp;c"])
def test_a_cut_within_what_is_written_otherwise_keeps_every_law(text: str) -> None:
    assert "".join(texts_of(plan_text(text, "markdown", segment_chars=1))).isalnum()


def passages(text: str) -> list[Passage]:
    return [part for part in read_markdown(trace(text)) if isinstance(part, Passage)]


def squeezed(text: str) -> str:
    return " ".join(text.split())
