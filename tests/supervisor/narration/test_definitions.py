import time

import pytest

from supervisor.narration.definitions import FOOTNOTE, defined_label, used_labels


@pytest.mark.parametrize(
    "destination",
    ["http://x", "mailto:me", "/a", "a/b", "#c", "./d", "<e f>", "page.html", "x.org", "1.2.a", "图.png"],
)
def test_what_looks_like_a_destination_is_no_text(destination: str) -> None:
    assert defined_label(f"[a]: {destination}") is None
    assert defined_label(f"[a]:\n  {destination} 'title'") is None


@pytest.mark.parametrize("destination", ["Hello", "Yes.", "3.14", "Note:", "well...", "“Yes!”"])
def test_what_looks_like_a_word_may_be_text(destination: str) -> None:
    assert defined_label(f"[John  \\]s]: {destination}") == "JOHN \\]S"


def test_a_label_is_used_where_it_is_no_speaker() -> None:
    assert used_labels(["[a]: b [c d] ![e][F]", "[ g\nh ](x) [i\\]j]"]) == {"C D", "E", "F", "G H", "I\\]J"}


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("[^1]: x", "1"),
        ("  [^note-a]:", "note-a"),
        ("[1]: x", None),
        ("[^a b]: x", None),
        ("x [^1]: y", None),
    ],
)
def test_a_footnote_begins_with_its_mark(line: str, label: str | None) -> None:
    found = FOOTNOTE.match(line)
    assert (found and found[1]) == label


def test_brackets_that_never_close_take_no_time() -> None:
    start_s = time.process_time()
    assert used_labels(["[\\" * 50_000]) == frozenset()
    assert time.process_time() - start_s < 20  # 2 s when measured; 120 s without the bound
