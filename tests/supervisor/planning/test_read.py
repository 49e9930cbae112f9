import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.errors import InputError
from supervisor.narration.decoding import MOST_INPUT_BYTES
from supervisor.narration.plan import Plan, VoiceSpec
from supervisor.planning.read import Asked, UnusableInput, plan_inputs
from supervisor.planning.recordings import Passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    path: str | None
    name: str
    text: str | None = None


def plan(*inputs: Given) -> Plan:
    return plan_inputs(inputs, Asked(voice=VoiceSpec(), seed=0, segment_chars=200), Passed())


def written(folder: Path, name: str, content: str | bytes) -> Given:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Given(path=str(path), name=name)


def refused(*inputs: Given) -> str:
    with pytest.raises(UnusableInput) as caught:
        plan(*inputs)
    assert isinstance(caught.value, InputError)
    assert caught.value.input == inputs[-1].name
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "titles"),
    [
        ("Book.txt", "Hello.", ["Book"]),
        ("Book.TXT", "\ufeffHello.", ["Book"]),
        ("a.b.md", "# One\n\nHi.\n\n# Two\n\nHo.", ["One", "Two"]),
        ("x.markdown", "Hi.", ["x"]),
        ("x.jsonl", '{"text": "Hi.", "id": "a"}', ["a"]),
    ],
)
def test_the_suffix_says_how_to_read(tmp_path: Path, name: str, content: str, titles: list[str]) -> None:
    made = plan(written(tmp_path, name, content))
    assert [chapter.title for chapter in made.chapters] == titles


def test_a_given_text_is_plain_text() -> None:
    made = plan(Given(path=None, name="stdin", text="# Hello."))
    assert [(c.title, [s.text for s in c.segments]) for c in made.chapters] == [("stdin", ["# Hello."])]
    made = plan(Given(path=None, name="a letter from Dr. Who", text="Hello."))
    assert [chapter.title for chapter in made.chapters] == ["a letter from Dr. Who"]


def test_what_a_given_text_is_called_says_how_to_read_it() -> None:
    made = plan(Given(path=None, name="a.md", text="# One\n\nHi."))
    assert [(c.title, [s.text for s in c.segments]) for c in made.chapters] == [("One", ["One", "Hi."])]
    made = plan(Given(path=None, name="x.jsonl", text='{"text": "Hi.", "id": "a"}'))
    assert [(c.title, [s.text for s in c.segments]) for c in made.chapters] == [("a", ["Hi."])]


def test_line_ends_are_read_as_they_are(tmp_path: Path) -> None:
    made = plan(written(tmp_path, "a.txt", "One.\r\n\r\nTwo.\r"))
    assert made.sources[0].text == "One.\r\n\r\nTwo.\r"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"ab\ncaf\xe9 au lait",
            "not UTF-8: byte 0xe9 at offset 6 (line 2); convert it with iconv -f WINDOWS-1252",
        ),
        (
            "第一章 你好世界".encode("gb18030"),
            "byte 0xb5 at offset 0 (line 1); convert it with iconv -f GB18030 -t UTF-8",
        ),
        ("hello".encode("utf-16"), "iconv -f UTF-16 -t UTF-8 'my book.txt' > NEW_FILE"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"...\n\n!?", "nothing to speak in its 7 characters (blank 2, nothing to speak 5)"),
    ],
)
def test_a_file_that_cannot_be_spoken_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    said = refused(written(tmp_path, "my book.txt", content))
    assert said.startswith("my book.txt: ")
    assert message in said


def test_a_text_that_is_all_code_says_so(tmp_path: Path) -> None:
    assert "code block 11" in refused(written(tmp_path, "a.md", "```\nabc\n```"))


def test_lines_that_are_all_bad_say_what_is_wrong_with_the_first(tmp_path: Path) -> None:
    said = refused(written(tmp_path, "a.jsonl", "bad\n{}\n"))
    assert "no line of 2 can be spoken; line 1: not JSON" in said


def test_a_line_that_is_not_utf8_costs_only_itself_also_when_it_is_read_back(tmp_path: Path) -> None:
    content = b'{"text": "One."}\n{"text": "caf\xe9"}\n{"text": "Three."}\n'
    file = written(tmp_path, "a.jsonl", content)
    made = plan(file)
    assert [chapter.name for chapter in made.chapters] == ["1", "3"]
    (bad,) = made.bad_lines
    assert (bad.line, bad.message) == (
        2,
        "not UTF-8: byte 0xe9 at column 14; convert the line, as with iconv",
    )
    (source,) = made.sources
    assert source.text[bad.start : bad.end] == '{"text": "caf\x1ae9"}'
    assert plan(Given(path=file.path, name=file.name, text=source.text)) == made


def test_a_text_without_a_suffix_that_was_read_elsewhere_is_plain_text(tmp_path: Path) -> None:
    made = plan(Given(path=str(tmp_path / "pipe"), name="./pipe", text="# Hello."))
    assert [s.text for s in made.chapters[0].segments] == ["# Hello."]
    assert "unknown kind" in refused(written(tmp_path, "file", "x"))
    assert "unknown kind" in refused(Given(path=str(tmp_path / "a.pdf"), name="a.pdf", text="x"))


def test_one_mute_input_among_others_is_refused(tmp_path: Path) -> None:
    assert "is empty" in refused(written(tmp_path, "a.txt", "Hello."), written(tmp_path, "b.txt", ""))


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    loop = tmp_path / "loop.txt"
    loop.symlink_to(loop)
    assert "is a folder" in refused(Given(path=str(tmp_path / "folder.txt"), name="f"))
    assert "no such file" in refused(Given(path=str(tmp_path / "none.txt"), name="n"))
    assert "cannot be read" in refused(Given(path=str(loop), name="l"))
    assert ".txt, .md, .markdown, .jsonl" in refused(written(tmp_path, "a.pdf", "x"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_names_the_mend(tmp_path: Path) -> None:
    given = written(tmp_path, "a.txt", "Hello.")
    (tmp_path / "a.txt").chmod(0)
    assert "chmod u+r a.txt" in refused(given)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(MOST_INPUT_BYTES + 1)  # a hole: it takes no disk
    assert "split it" in refused(Given(path=str(path), name="big.txt"))


def test_a_recording_is_looked_for_beside_the_document_that_names_it(tmp_path: Path) -> None:
    line = '{"syn_text": "Hi.", "prompt_text": "x", "prompt_speech": "a.wav"}\n'
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    made = plan(*(written(folder, f"{folder.name}.jsonl", line) for folder in folders))
    assert [chapter.voice.origin for chapter in made.chapters] == [
        str(folder / "a.wav") for folder in folders
    ]
