from supervisor.narration.marks import Marks
from supervisor.narration.traced import Skip, TracedBuilder, trace


def spans(marks: Marks, text: str) -> list[tuple[str, str | None]]:
    return [(text[span.start : span.end], span.reason) for span in marks.spans(0, "rest")]


def test_what_nothing_was_said_of_is_blank_invisible_or_the_rest() -> None:
    text = "ab \n\0#c"
    marks = Marks(text)
    marks.speak(trace(text)[:2])
    assert spans(marks, text) == [
        ("ab", None),
        (" \n", "blank"),
        ("\0", "invisible character"),
        ("#c", "rest"),
    ]


def test_neighbouring_segments_have_spans_of_their_own() -> None:
    text = "abcd"
    marks = Marks(text)
    for start in range(4):
        marks.speak(trace(text)[start : start + 1])
    assert spans(marks, text) == [("a", None), ("b", None), ("c", None), ("d", None)]


def test_what_is_spoken_within_a_skipped_stretch_is_spoken() -> None:
    text = "<<hi>>"
    marks = Marks(text)
    marks.skip(Skip(start=0, end=6, reason="html"))
    marks.speak(trace(text)[2:4])
    assert spans(marks, text) == [("<<", "html"), ("hi", None), (">>", "html")]


def test_a_written_character_covers_its_writing_and_one_put_in_covers_nothing() -> None:
    text = "a&amp;b"
    built = TracedBuilder()
    built.add_written("&", 1, 6)
    built.add_written(" ", 6, 6)
    marks = Marks(text)
    marks.speak(built.build())
    assert spans(marks, text) == [("a", "rest"), ("&amp;", None), ("b", "rest")]


def test_reasons_are_kept_apart() -> None:
    text = "abc"
    marks = Marks(text)
    marks.skip_text(trace(text)[0:1], "one")
    marks.skip_text(trace(text)[1:2], "two")
    marks.skip_text(trace(text)[2:3], "one")
    assert spans(marks, text) == [("a", "one"), ("b", "two"), ("c", "one")]


def test_an_empty_source_has_no_spans() -> None:
    assert spans(Marks(""), "") == []
