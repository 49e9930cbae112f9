import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.json_text import string_field
from supervisor.narration.traced import trace

strings = st.text(alphabet='ab"\\/中😀\n\t\u2028{}[]:,', max_size=20)


@given(strings, st.dictionaries(strings, strings | st.lists(strings, max_size=2)), st.booleans())
def test_the_value_is_what_the_json_module_reads(text: str, others: dict[str, str], ascii_only: bool) -> None:
    line = json.dumps({**others, "text": text}, ensure_ascii=ascii_only)
    found = string_field(trace(line), "text")
    assert found.text == text
    for char, start, end in zip(found.text, found.starts, found.ends, strict=True):
        assert json.loads(f'"{line[start:end]}"') == char


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "v"}',
        '{"a": {"text": "no"}, "text": "v"}',
        '{"a": ["text", "no"], "text" : "v", "b": 1}',
        '{"a": "text", "text": "v"}',
        '{"\\u0074ext": "v"}',
        '  {"n": -1.5e3, "t": true, "text":"v"}',
    ],
)
def test_the_value_is_the_one_at_the_top(line: str) -> None:
    assert string_field(trace(line), "text").text == "v"


def test_an_escape_stands_for_all_of_its_writing() -> None:
    line = '{"text": "a\\ud83d\\ude00\\n"}'
    found = string_field(trace(line, at=100), "text")
    assert found.text == "a😀\n"
    assert [line[start - 100 : end - 100] for start, end in zip(found.starts, found.ends, strict=True)] == [
        "a",
        "\\ud83d\\ude00",
        "\\n",
    ]


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no string field 'text'"):
        string_field(trace('{"a": "text"}'), "text")
