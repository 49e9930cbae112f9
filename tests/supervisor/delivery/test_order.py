"""An order is whole, or there is none."""

import pytest

from supervisor.delivery.order import Order, OrderError, Pause, SegmentAudio, read_order

HEAD = b'{"path": "/out/a.wav", "format": "wav", "sample_rate_hz": 24000, "title": "A"}\n'
AUDIO = b'{"wav": "/state/k.wav", "sample_rate_hz": 22050, "samples": 10, "sha256": "ab"}\n'
SILENCE = b'{"silence_s": 0.25}\n'
END = b'{"end": true}\n'


def test_a_whole_order_is_read() -> None:
    order, pieces = read_order([HEAD, AUDIO, SILENCE, END])
    assert order == Order(path="/out/a.wav", format="wav", sample_rate_hz=24_000, title="A")
    assert pieces == [
        SegmentAudio(wav="/state/k.wav", samples=10, sample_rate_hz=22_050, sha256="ab"),
        Pause(seconds=0.25),
    ]


@pytest.mark.parametrize("kept", range(4))
def test_an_order_that_breaks_off_is_none(kept: int) -> None:
    with pytest.raises(OrderError):
        read_order([HEAD, AUDIO, SILENCE, END][:kept])


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"{}\n",
        b'{"silence_s": -1}\n',
        b'{"wav": "/a.wav"}\n',
        b'{"wav": "/a.wav", "samples": 1, "sample_rate_hz": 0, "sha256": "ab"}\n',
        b'{"wav": "/a.wav", "samples": 1, "sample_rate_hz": 22050}\n',
        b'{"unknown": 1}\n',
        SILENCE[:-3],
    ],
)
def test_a_line_that_is_neither_audio_nor_silence_is_refused(line: bytes) -> None:
    with pytest.raises(OrderError):
        read_order([HEAD, line, END])


def test_another_format_is_refused() -> None:
    with pytest.raises(OrderError, match="mp3"):
        read_order([HEAD.replace(b'"wav"', b'"mp3"'), END])
