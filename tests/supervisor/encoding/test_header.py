"""The one line before the samples."""

import pytest

from supervisor.encoding.header import EncodingError, Header, read_header


def test_format_and_rate_are_all_that_must_be_said() -> None:
    line = b'{"format":"mp3","sample_rate_hz":24000}\n'
    assert read_header(line) == Header(format="mp3", sample_rate_hz=24_000)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "ended before its first line"),
        (b'{"format":"mp3","sample_rate_hz":24000}', "ended before its first line"),
        (b"RIFF\n", "no header"),
        (b'{"format":"wma","sample_rate_hz":24000}\n', "format"),
        (b'{"format":"mp3","sample_rate_hz":0}\n', "sample_rate_hz: 0"),
        (b'{"format":"mp3","sample_rate_hz":192001}\n', "sample_rate_hz: 192001"),
        (b'{"format":"mp3","sample_rate_hz":24000,"samples":-1}\n', "samples: -1"),
        (b'{"format":"mp3","sample_rate_hz":24000,"volume":2}\n', "volume"),
    ],
)
def test_what_is_no_header_is_refused_with_what_is_wrong_with_it(line: bytes, why: str) -> None:
    with pytest.raises(EncodingError, match=why):
        read_header(line)
