"""Whose fault an error of upstream's is, and what is told of it."""

import pytest
import torch

from child.engine import BadInput, EngineError, OutOfMemory
from child.failings import failed
from child.glm_upstream_errors import in_our_words, wants_cuda
from child.scripted import ScriptedEngine
from supervisor.wire.messages import Synthesize, Vitals

VITALS = Vitals(host_private_bytes=3 * 2**30, live_bytes=8 * 2**30, reserved_bytes=9 * 2**30, peak_bytes=None)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee documentation"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
        MemoryError(),
    ],
)
def test_an_allocator_that_says_no_is_told_with_the_figures(error: Exception) -> None:
    told = in_our_words(raised(error), VITALS, recording="voice.wav")
    assert isinstance(told, OutOfMemory)
    assert "live 8192 MiB, reserved 9216 MiB, private host memory 3072 MiB" in str(told)
    assert "\n" not in str(told)


def test_its_own_splitting_that_fails_is_no_use_to_try_again() -> None:
    def split_by_len() -> str:
        return "short"[90]

    with pytest.raises(IndexError) as seen:
        split_by_len()
    told = in_our_words(seen.value, VITALS)
    assert isinstance(told, BadInput)
    assert "segment_chars" in str(told)


def test_an_id_that_is_no_speech_is_guessed_and_may_be_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    told = in_our_words(raised(IndexError("index out of range in self")), VITALS)
    assert type(told) is EngineError
    assert "no speech token" in str(told)
    assert "Traceback" in capfd.readouterr().err  # for whoever has the original's code at hand


def test_after_an_assert_on_the_device_the_process_is_of_no_more_use() -> None:
    error = raised(RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be late"))
    for recording in (None, "voice.wav"):
        told = in_our_words(error, VITALS, recording=recording)
        assert type(told) is EngineError
        order = Synthesize(segment_id=0, attempt=0, text="x", voice=None, seed=0)
        answer = failed(ScriptedEngine(), order, told)
        assert (answer.kind, answer.sticky, answer.retryable) == ("engine", True, True)


def test_a_recording_that_it_cannot_use_is_named() -> None:
    told = in_our_words(raised(RuntimeError("Failed to decode")), VITALS, recording="voice.wav")
    assert isinstance(told, BadInput)
    assert "voice.wav" in str(told)
    # What is missing is no fault of the recording's.
    assert not isinstance(in_our_words(raised(ImportError("no torchcodec")), VITALS, recording="v"), BadInput)


def test_the_want_of_cuda_is_known_by_what_torch_really_says() -> None:
    with pytest.raises((AssertionError, RuntimeError)) as seen:
        torch.zeros(1).to("cuda:99")
    if not torch.cuda.is_available():
        assert wants_cuda(seen.value)
    assert not wants_cuda(RuntimeError("shapes do not match"))
