import json

import pytest

from supervisor.narration.jsonl import MOST_LINE_CHARS, JsonLine, LineError, lines_of, read_line
from supervisor.narration.traced import trace


def read(**fields: object) -> JsonLine:
    return read_line(trace(json.dumps(fields)))


@pytest.mark.parametrize("field", ["text", "syn_text", "input_text"])
def test_each_form_has_its_field_for_the_text(field: str) -> None:
    assert read(**{field: "Hello 中."}).body.text == "Hello 中."


@pytest.mark.parametrize("field", ["prompt_speech", "prompt_audio"])
def test_each_form_has_its_field_for_the_recording(field: str) -> None:
    line = read(**{"text": "Hi.", field: "a/b.wav", "prompt_text": "said"})
    assert (line.recording, line.recording_text) == ("a/b.wav", "said")


def test_empty_strings_and_null_are_as_good_as_absent() -> None:
    line = read(
        text="Hi.", prompt_audio="", prompt_text="", voice=None, id="", uttid=None, seed=None, phonemes=None
    )
    assert line == read(text="Hi.", prompt_audio="", prompt_text="") != read(text="Hi.", voice="x")
    assert (line.recording, line.voice, line.name, line.seed, line.settings) == (None, None, None, None, {})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "a", "uttid": "b", "output_name": "c"}, "a"),
        ({"uttid": "b", "output_name": "c"}, "b"),
        ({"output_name": "c.WAV"}, "c"),
        ({"id": 7}, "7"),
        ({"id": " 第一 "}, "第一"),
        ({}, None),
    ],
)
def test_a_line_is_named_by_the_first_name_it_has(fields: dict[str, object], name: str | None) -> None:
    assert read(text="Hi.", **fields).name == name


def test_switches_have_the_names_of_the_configuration() -> None:
    assert read(text="Hi.", use_kv_cache=True, phonemes=False).settings == {
        "kv_cache": True,
        "phonemes": False,
    }
    assert read(text="Hi.", use_kv_cache="auto").settings == {"kv_cache": "auto"}


def test_fields_of_other_programs_are_told() -> None:
    assert read(text="Hi.", b=1, a={"text": "x"}).unused == ("a", "b")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "not JSON: Expecting value at column 1"),
        ('{"text": "Hi."', "not JSON"),
        ('{"text": "caf\x1ae9"}', "not UTF-8: byte 0xe9 at column 14; convert the line"),
        ('{"text": "Hi.", "seed": NaN}', "not JSON: NaN"),
        ('{"text": "Hi.", "seed": ' + "9" * 5000 + "}", "not JSON that can be read"),
        ("[" * 100_000, "not JSON that can be read"),
        ('"Hi."', "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"text": "Hi.", "text": "Ho."}', "'text' stands there twice"),
        ("{}", "no text"),
        ('{"text": null}', "no text"),
        ('{"text": "Hi.", "syn_text": "Ho."}', "mean the same"),
        ('{"text": 5}', "'text' must be a string, not the number 5"),
        ('{"text": ["Hi."]}', "not a list"),
        ('{"text": {"a": 1}}', "not an object"),
        ('{"text": true}', "not true or false"),
        ('{"text": "\\ud800"}', r"\\ud800, half of a character"),
        ('{"text": "Hi.", "voice": 1}', "'voice' must be a string"),
        ('{"text": "Hi.", "seed": "1"}', "'seed' must be a whole number, not a string"),
        ('{"text": "Hi.", "seed": true}', "'seed' must be a whole number"),
        ('{"text": "Hi.", "seed": 1.5}', "'seed' must be a whole number"),
        ('{"text": "Hi.", "seed": -1}', "'seed' is out of range"),
        ('{"text": "Hi.", "seed": 9223372036854775808}', "'seed' is out of range"),
        ('{"text": "Hi.", "sample_rate": 24}', "'sample_rate' is out of range"),
        ('{"text": "Hi.", "phonemes": 1}', "'phonemes' must be true or false, not"),
        ('{"text": "Hi.", "phonemes": "auto"}', "'phonemes' must be true or false, not a string"),
        ('{"text": "Hi.", "use_kv_cache": "yes"}', "'use_kv_cache' must be true or false or \"auto\", not a"),
        ('{"text": "Hi.", "prompt_speech": "a.wav"}', "prompt_text must say"),
        ('{"text": "Hi.", "prompt_speech": "a.wav", "prompt_text": "。。"}', "prompt_text must say"),
        ('{"text": "Hi.", "prompt_speech": "a", "prompt_audio": "b", "prompt_text": "c"}', "mean the same"),
        ('{"text": "Hi.", "prompt_speech": "a\\u0000", "prompt_text": "c"}', "holds a NUL"),
        ('{"text": "Hi.", "id": "a/b"}', "no file name"),
        ('{"text": "Hi.", "id": ".."}', "no file name"),
        ('{"text": "Hi.", "uttid": "a\\nb"}', "no file name"),
        ('{"text": "Hi.", "id": true}', "'id' must be a string"),
        ('{"text": "Hi.", "id": "' + "字" * 70 + '"}', "too long for a file name"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(LineError, match=message):
        read_line(trace(line))


def test_a_line_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(LineError, match="split it"):
        read_line(trace("x" * (MOST_LINE_CHARS + 1)))


def test_lines_are_numbered_as_an_editor_does() -> None:
    text = '\n{"a"}\r\n \n{"b"}'
    assert [(number, line.text, line.starts[0]) for number, line in lines_of(trace(text))] == [
        (2, '{"a"}', 1),
        (4, '{"b"}', 10),
    ]
