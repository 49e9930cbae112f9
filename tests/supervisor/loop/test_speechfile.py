"""What a request gives back: the same samples inline, in a file, and in one of the delivery process."""

import asyncio
import hashlib
import wave
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.edge.audiofile import AudioPart
from supervisor.edge.ledger_values import StoredAudio
from supervisor.loop import speechfile
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Speech, SpeechRequest
from supervisor.loop.speechfile import SpeechFile, Wanted
from supervisor.loop.utterance import FOLDER_NAME, Spoken
from supervisor.wire.messages import Figures
from tests.standin.jobs import FIGURES, tone
from tests.standin.tinydisk import tiny_disk

RATE_HZ = 24_000


def spoken(  # noqa: PLR0913 - a segment and what is known of it
    state: Path,
    number: int,
    samples: int,
    *,
    rate_hz: int = RATE_HZ,
    figures: Figures = FIGURES,
    attempts: int = 1,
) -> Spoken:
    name = f"{FOLDER_NAME}/r1-{number}.wav"
    part = AudioPart(state / name, durable=False)
    part.append(tone(samples))
    audio = part.commit(rate_hz)
    stored = StoredAudio(
        key=str(number),
        path=name,
        samples=audio.samples,
        sample_rate_hz=rate_hz,
        sha256=audio.sha256,
        figures=figures,
    )
    return Spoken(audio=stored, attempts=attempts)


class Heard:
    """What came inline."""

    def __init__(self) -> None:
        self.pcm = b""
        self.rates_hz: set[int] = set()
        self.longest = 0

    def take(self, pcm: bytes, rate_hz: int) -> None:
        self.pcm += pcm
        self.rates_hz.add(rate_hz)
        self.longest = max(self.longest, len(pcm))


def make(  # noqa: PLR0913 - a request, with all that can be asked
    state: Path,
    pieces: list[Spoken],
    pauses_s: tuple[float, ...],
    *,
    name: str | None = "out.wav",
    rate_hz: int | None = None,
    heard: Heard | None = None,
    followed: Heard | None = None,
) -> Speech:
    """Make what was asked for: with `heard` inline, with `followed` a file whose progress is told."""
    path = None if name is None else state / name
    wanted = Wanted(
        request=SpeechRequest(text="x", sample_rate=rate_hz, audio="file" if heard is None else "inline"),
        path=path,
        format="flac" if name is not None and name.endswith("flac") else "wav",
        keeps=False,
        state=state,
    )
    hears = heard or followed
    file = SpeechFile(wanted, pauses_s, None if hears is None else hears.take)
    for piece in pieces:
        file.take(piece)
    return asyncio.run(file.end())


def samples_of(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def left(state: Path) -> list[str]:
    return sorted(path.name for path in (state / FOLDER_NAME).iterdir())


LENGTHS = st.lists(st.integers(1, 3000), min_size=1, max_size=6)
PAUSES = st.floats(0.0, 0.3, allow_nan=False)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=LENGTHS, pauses=st.lists(PAUSES, min_size=6, max_size=6))
def test_pieces_and_pauses_inline_are_the_samples_of_the_file(
    tmp_path: Path, lengths: list[int], pauses: list[float]
) -> None:
    pieces = [spoken(tmp_path, number, samples) for number, samples in enumerate(lengths)]
    pauses_s = tuple(pauses[: len(lengths)])
    heard, alone = Heard(), Heard()
    both = make(tmp_path, pieces, pauses_s, heard=heard)
    inline = make(tmp_path, pieces, pauses_s, name=None, heard=alone)
    file = make(tmp_path, pieces, pauses_s)
    expected = b"".join(
        bytes(2 * round(before_s * RATE_HZ)) + tone(samples)
        for before_s, samples in zip((0.0, *pauses_s), lengths, strict=False)
    )
    assert heard.pcm == alone.pcm == samples_of(tmp_path / "out.wav") == expected
    assert (inline.path, both.path, alone.rates_hz) == (None, str(tmp_path / "out.wav"), {RATE_HZ})
    assert inline.sha256 == hashlib.sha256(expected).hexdigest()
    assert both.sha256 == file.sha256 == hashlib.sha256((tmp_path / "out.wav").read_bytes()).hexdigest()
    assert inline.seconds == file.seconds == round(len(expected) / 2 / RATE_HZ, 6)


def test_a_wav_made_here_has_the_samples_of_one_that_the_delivery_process_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [spoken(tmp_path, number, samples) for number, samples in enumerate((1, 24_001, 777))]
    pauses_s = (0.1234567, 0.0, 5.0)
    ours = make(tmp_path, pieces, pauses_s, name="ours.wav")
    monkeypatch.setattr(speechfile, "_OURS_BYTES", 0)
    theirs = make(tmp_path, pieces, pauses_s, name="theirs.wav")
    assert samples_of(tmp_path / "ours.wav") == samples_of(tmp_path / "theirs.wav")
    assert (tmp_path / "ours.wav").read_bytes() == (tmp_path / "theirs.wav").read_bytes()
    assert (ours.seconds, ours.sha256) == (theirs.seconds, theirs.sha256)


def test_a_flac_has_the_same_samples(tmp_path: Path) -> None:
    pieces = [spoken(tmp_path, number, 5000) for number in range(2)]
    make(tmp_path, pieces, (0.2, 0.0))
    flac = make(tmp_path, pieces, (0.2, 0.0), name="out.flac")
    pcm, rate_hz = soundfile.read(tmp_path / "out.flac", dtype="int16")
    assert (pcm.tobytes(), rate_hz) == (samples_of(tmp_path / "out.wav"), RATE_HZ)
    assert flac.sha256 == hashlib.sha256((tmp_path / "out.flac").read_bytes()).hexdigest()


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
def test_another_rate_is_the_same_inline_and_in_a_file_and_as_long_as_it_is_said(
    tmp_path: Path, rate_hz: int
) -> None:
    pieces = [spoken(tmp_path, number, 5000 + number) for number in range(2)]
    heard = Heard()
    file = make(tmp_path, pieces, (0.1, 0.1), rate_hz=rate_hz)
    inline = make(tmp_path, pieces, (0.1, 0.1), name=None, rate_hz=rate_hz, heard=heard)
    assert heard.pcm == samples_of(tmp_path / "out.wav")
    assert (file.sample_rate, inline.sample_rate, heard.rates_hz) == (rate_hz, rate_hz, {rate_hz})
    assert file.seconds == inline.seconds == round(len(heard.pcm) / 2 / rate_hz, 6)
    assert left(tmp_path) == ["r1-0.wav", "r1-1.wav"]


def test_inline_of_another_rate_and_a_file_are_two_requests(tmp_path: Path) -> None:
    with pytest.raises(CannotAsk, match="ask for one of the two"):
        make(tmp_path, [spoken(tmp_path, 0, 100)], (0.0,), rate_hz=8000, heard=Heard())


@pytest.mark.parametrize("rate_hz", [None, 8000])
def test_a_file_whose_progress_is_told_is_the_file_that_it_is_without(
    tmp_path: Path, rate_hz: int | None
) -> None:
    pieces = [spoken(tmp_path, number, 2400) for number in range(2)]
    followed = Heard()
    told = make(tmp_path, pieces, (0.1, 0.1), rate_hz=rate_hz, followed=followed)
    assert told == make(tmp_path, pieces, (0.1, 0.1), rate_hz=rate_hz)
    assert told.sha256 == hashlib.sha256((tmp_path / "out.wav").read_bytes()).hexdigest()
    assert len(followed.pcm) / 2 == told.seconds * RATE_HZ
    assert followed.rates_hz == {RATE_HZ}


def test_a_long_segment_goes_out_in_pieces_of_a_bounded_size(tmp_path: Path) -> None:
    heard = Heard()
    make(tmp_path, [spoken(tmp_path, 0, 400_000)], (0.0,), name=None, heard=heard)
    assert len(heard.pcm) == 800_000
    assert heard.longest <= 256 * 1024


def test_checks_are_the_worst_of_its_segments_and_the_tail_is_the_last_ones(tmp_path: Path) -> None:
    other = Figures(
        seconds=0.1,
        peak=0.9,
        clipped_share=0.01,
        longest_silence_s=0.3,
        tail_silence_s=0.2,
        level_jump_db=3.0,
    )
    pieces = [
        spoken(tmp_path, 0, 100, figures=other, attempts=3),
        spoken(tmp_path, 1, 100),
    ]
    speech = make(tmp_path, pieces, (0.0, 0.0))
    assert speech.attempts == 3
    assert speech.checks == {
        "peak": 0.9,
        "clipped_share": 0.01,
        "longest_silence_s": 0.3,
        "tail_silence_s": 0.0,
        "level_jump_db": 3.0,
    }


@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
def test_what_stands_in_the_way_of_a_file_is_told_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(CannotAsk) as caught:
        make(tmp_path, [spoken(tmp_path, 0, 100)], (0.0,), name=name)
    assert (caught.value.kind, caught.value.retryable) == ("bad_input", False)
    assert str(tmp_path) in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("name", ["full/out.wav", "full/out.flac"])
def test_a_full_disk_is_told_as_such_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    with tiny_disk(tmp_path / "full", size_bytes=64 * 1024) as full:
        with pytest.raises(CannotAsk, match="disk is full") as caught:
            make(tmp_path, [spoken(tmp_path, 0, 1_000_000)], (0.0,), name=name)
        assert (caught.value.kind, caught.value.retryable) == ("disk_full", True)
        assert list(full.iterdir()) == []


def test_a_segments_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    piece = spoken(tmp_path, 0, 100)
    (tmp_path / piece.audio.path).write_bytes(b"something else")
    with pytest.raises(CannotAsk, match=r"r1-0\.wav"):
        make(tmp_path, [piece], (0.0,), name="out.flac")


def test_whoever_leaves_while_a_file_is_made_leaves_nothing(tmp_path: Path) -> None:
    piece = spoken(tmp_path, 0, 3_000_000)

    async def run(name: str | None, rate_hz: int) -> None:
        wanted = Wanted(
            request=SpeechRequest(text="x", sample_rate=rate_hz),
            path=None if name is None else tmp_path / name,
            format="wav",
            keeps=True,
            state=tmp_path,
        )
        file = SpeechFile(wanted, (0.0,), Heard().take if name is None else None)
        file.take(piece)
        making = asyncio.ensure_future(file.end())
        folder = tmp_path if name is not None else tmp_path / FOLDER_NAME
        while not any(path.name.endswith(".part") for path in folder.iterdir()):
            assert not making.done()
            await asyncio.sleep(0.001)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(run("out.wav", 192_000))
    asyncio.run(run(None, 192_000))
    assert sorted(path.name for path in tmp_path.iterdir()) == [FOLDER_NAME]
    assert left(tmp_path) == ["r1-0.wav"]
