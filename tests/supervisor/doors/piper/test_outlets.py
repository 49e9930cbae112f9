"""Where the audio of a line goes."""

import asyncio
import os
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.piper.outlets import FileSink, Namer, NoSink, RawSink, WavSink, text_name
from supervisor.doors.piper.stdout import Stdout
from supervisor.errors import Unwritable

PCM = bytes(range(256)) * 10


def test_a_file_stands_under_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.wav"
    sink = FileSink(path)
    sink.take(PCM[:100])
    sink.take(PCM[100:])
    assert not path.exists()
    assert sink.end(22_050) == str(path)
    sink.discard()
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.readframes(10_000)) == (22_050, PCM)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_does_not_become_whole_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    sink = FileSink(path)
    sink.take(PCM)
    sink.discard()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    sink = FileSink(tmp_path / "link.wav")
    sink.take(PCM)
    sink.end(8_000)
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").is_file()


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Unwritable, match="no file"):
        FileSink(tmp_path / "fifo")
    with pytest.raises(Unwritable, match="a folder"):
        FileSink(tmp_path)


def written(tmp_path: Path, use: "type[RawSink] | type[WavSink]") -> bytes:
    async def test() -> None:
        fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
        stdout = Stdout(fd, tmp_path)
        sink = RawSink(stdout) if use is RawSink else WavSink(stdout, tmp_path)
        sink.take(PCM[:2])
        sink.take(PCM[2:])
        assert sink.end(16_000) is None
        sink.discard()
        await stdout.written()
        stdout.close()
        os.close(fd)

    asyncio.run(test())
    return (tmp_path / "out").read_bytes()


def test_raw_samples_are_nothing_but_samples(tmp_path: Path) -> None:
    assert written(tmp_path, RawSink) == PCM


def test_a_wav_on_standard_output_says_its_length(tmp_path: Path) -> None:
    whole = written(tmp_path, WavSink)
    assert whole[44:] == PCM
    with wave.open(str(tmp_path / "out")) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, len(PCM) // 2)


def test_nothing_is_kept_for_nobody() -> None:
    sink = NoSink()
    sink.take(PCM)
    assert sink.end(8_000) == os.devnull
    sink.discard()


def test_no_name_by_the_clock_comes_twice(tmp_path: Path) -> None:
    namer = Namer(tmp_path, by_text=False)
    names = [namer.name("same") for _ in range(1000)]
    assert len(set(names)) == 1000
    assert sorted(names, key=lambda path: int(path.stem)) == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hello, world!", "Hello, world!"),
        ("../../etc/passwd", "etcpasswd"),
        (" a\tb\nc ", "a b c"),
        ("世界", "世界"),
        ("..", ""),
        ("???", ""),
    ],
)
def test_a_text_is_a_name_without_what_no_name_may_hold(text: str, name: str) -> None:
    assert text_name(text) == name


def test_a_text_without_a_name_gets_one_by_the_clock(tmp_path: Path) -> None:
    assert Namer(tmp_path, by_text=True).name("???").stem.isdecimal()


@given(st.text())
def test_a_texts_name_is_one_name_and_fits(text: str) -> None:
    name = text_name(text)
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert len(f"{name}.wav.part".encode()) <= 255
