"""What a service is asked for, as clients write it."""

import msgspec
import pytest

from supervisor.loop.speaking import Speech, SpeechRequest, Submission


def test_a_request_needs_its_text_alone() -> None:
    read = msgspec.json.decode(b'{"text": "Hello."}', type=SpeechRequest)
    assert (read.text, read.voice, read.seed, read.audio, read.output_file) == (
        "Hello.",
        None,
        0,
        "file",
        None,
    )


@pytest.mark.parametrize(
    ("kind", "line", "named"),
    [
        (SpeechRequest, b"{}", "text"),
        (SpeechRequest, b'{"text": 7}', r"\$\.text"),
        (SpeechRequest, b'{"text": "x", "audio": "loud"}', r"\$\.audio"),
        (SpeechRequest, b'{"text": "x", "vioce": "en"}', "vioce"),
        (Submission, b'{"inputs": ["a.txt"]}', "output"),
        (Submission, b'{"output": "a.wav", "inputs": "a.txt"}', r"\$\.inputs"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    kind: type[SpeechRequest | Submission], line: bytes, named: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.json.decode(line, type=kind)


def test_a_path_that_is_not_there_is_left_out_of_the_answer() -> None:
    speech = Speech(seconds=1.0, sample_rate=24000, sha256="ab", attempts=1, checks={})
    assert b"path" not in msgspec.json.encode(speech)
