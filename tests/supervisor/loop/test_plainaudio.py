"""WAV headers, read by the standard library and by others."""

import io
import wave

import pytest

from supervisor.loop.plainaudio import wav_header
from tests.supervisor.encoding.sounds import pcm_by_av, pcm_by_libsndfile

PCM = bytes(range(256)) * 40


def test_a_known_length_stands_in_the_header() -> None:
    with wave.open(io.BytesIO(wav_header(22_050, len(PCM) // 2) + PCM)) as file:
        assert file.getparams()[:4] == (1, 2, 22_050, len(PCM) // 2)
        assert file.readframes(len(PCM)) == PCM


@pytest.mark.parametrize("samples", [None, 2**32])
def test_an_unknown_length_means_up_to_the_end(samples: int | None) -> None:
    wav = wav_header(24_000, samples) + PCM
    assert wav[4:8] == wav[40:44] == b"\xff\xff\xff\xff"
    assert pcm_by_libsndfile(wav) == pcm_by_av(wav) == PCM


def test_the_most_that_a_wav_can_say_is_said() -> None:
    samples = (2**32 - 1 - 36) // 2
    assert int.from_bytes(wav_header(24_000, samples)[40:44], "little") == 2 * samples
    assert wav_header(24_000, samples + 1)[40:44] == b"\xff\xff\xff\xff"
