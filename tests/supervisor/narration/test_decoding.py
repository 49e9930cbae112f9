import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.decoding import LOST_BYTE, MOST_INPUT_BYTES, DecodingError, DocumentKind, decode


@given(st.text(max_size=50), st.sampled_from(["text", "markdown", "jsonl"]))
def test_utf8_is_read_as_it_is(text: str, kind: DocumentKind) -> None:
    assert decode("a", text.encode(), kind) == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ab\ncaf\xe9 au lait", r"byte 0xe9 at offset 6 \(line 2\); convert it with iconv -f WINDOWS-1252"),
        ("第一章 你好世界".encode("gb18030"), "iconv -f GB18030 -t UTF-8 'my book'"),
        ("hello".encode("utf-16"), "iconv -f UTF-16"),
        (bytes(MOST_INPUT_BYTES + 1), "split it"),
    ],
)
def test_what_is_no_text_says_why(content: bytes, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decode("my book", content, "text")


@given(st.binary(max_size=30), st.binary(min_size=1, max_size=3))
def test_bytes_that_are_no_utf8_touch_only_their_line(before: bytes, lost: bytes) -> None:
    content = b'{"a": 1}\n' + before + bytes(byte | 0x80 for byte in lost) + b'\xff\n{"b": 2}'
    text = decode("a", content, "jsonl")
    assert text.startswith('{"a": 1}\n')
    assert text.endswith('\n{"b": 2}')
    assert "\x1aff\n" in text
    text.encode()  # no lone surrogate is left


@given(st.sampled_from([b"", b"\\", b"\\\\", b'"', b'": "']), st.integers(0x80, 0xFF))
def test_a_line_with_a_lost_byte_is_never_json(before: bytes, byte: int) -> None:
    for content in (b'{"text": "a' + before + bytes([byte]) + b'41"}', bytes([byte]) + b"{}"):
        text = decode("a", content, "jsonl")
        found = LOST_BYTE.search(text)
        assert found is not None
        assert int(found[1], 16) == byte
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
