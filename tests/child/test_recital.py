"""Audio in, chunks out; the first hopeless piece ends it."""

import numpy as np
import numpy.typing as npt
import pytest

from child.engine import Audio, EngineError
from child.recital import Recital, Rejected, to_pcm_s16le
from supervisor.wire.messages import MAX_CHUNK_BYTES
from supervisor.wire.speech import length_bounds_s

RATE_HZ = 24000


def tone(seconds: float) -> npt.NDArray[np.float32]:
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * 220 * at_s)).astype(np.float32)


def piece(samples: npt.NDArray[np.float32], rate_hz: int = RATE_HZ) -> Audio:
    return Audio(samples=samples, sample_rate_hz=rate_hz)


def test_what_comes_out_is_what_went_in_however_it_is_cut() -> None:
    samples = tone(30.0)
    chunks: list[bytes] = []
    recital = Recital("x" * 400, None, chunks.append)
    for part in np.split(samples, [1, 2, 500_000]):
        recital.take(piece(part))
    recital.finish()
    assert b"".join(chunks) == to_pcm_s16le(samples)
    assert recital.chunks == len(chunks)
    assert recital.samples == samples.size
    assert max(map(len, chunks)) == MAX_CHUNK_BYTES


def test_rounding_is_to_the_nearest_and_full_scale_is_the_end() -> None:
    samples = np.array([0, 0.4 / 32768, 0.6 / 32768, -1, 1, 2, -2, 0.5], np.float32)
    pcm = np.frombuffer(to_pcm_s16le(samples), "<i2")
    assert pcm.tolist() == [0, 0, 1, -32768, 32767, 32767, -32768, 16384]


def test_sixteen_bits_survive_the_way_through_floats() -> None:
    every = np.arange(-32768, 32768, dtype="<i2")
    assert to_pcm_s16le(every.astype(np.float32) / np.float32(32768)) == every.tobytes()


def test_nothing_after_a_nan_is_sent() -> None:
    chunks: list[bytes] = []
    recital = Recital("hello there", None, chunks.append)
    spoiled = tone(1.0)
    spoiled[7] = np.nan
    with pytest.raises(Rejected, match="finite") as caught:
        recital.take(piece(spoiled))
    assert caught.value.figures.failed == "finite"
    assert chunks == []


def test_audio_that_does_not_end_is_stopped() -> None:
    recital = Recital("hi", None)
    most_s = length_bounds_s("hi")[1]
    recital.take(piece(tone(most_s)))
    with pytest.raises(Rejected, match="length"):
        recital.take(piece(tone(0.01)))


def test_an_empty_piece_makes_no_chunk() -> None:
    chunks: list[bytes] = []
    recital = Recital("hi", None, chunks.append)
    recital.take(piece(np.zeros(0, np.float32)))
    assert chunks == []


def test_an_engine_that_breaks_the_contract_is_told_so() -> None:
    recital = Recital("hi", None)
    with pytest.raises(EngineError, match="without yielding"):
        recital.finish()
    recital.take(piece(tone(0.1)))
    with pytest.raises(EngineError, match="24000 to 8000"):
        recital.take(piece(tone(0.1), 8000))
    with pytest.raises(EngineError, match="mono float32"):
        recital.take(piece(np.zeros((2, 10), np.float32)))
