"""What the original GLM-TTS raises, in the words of an engine: whose fault, and whether to try again."""

import traceback
from collections.abc import Iterator

from child.engine import BadInput, EngineError, OutOfMemory
from child.failings import log
from supervisor.wire.messages import Vitals

#: What its code and its libraries are known to raise; whatever else they raise is told as it stands.
KNOWN = (
    *(AssertionError, AttributeError, ImportError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError),
)

#: How torch's allocator for the host says no: it has no class of its own.
_NO_HOST_MEMORY = ("can't allocate memory", "not enough memory")

#: What torch says where there is no CUDA, by its build, its driver or its devices.
_NO_CUDA = (
    "not compiled with CUDA",
    "no NVIDIA driver",
    "No CUDA GPUs",
    "no CUDA-capable device",
    "CUDA driver initialization failed",
    "torch.cuda.is_available() is False",
    "CUDAExecutionProvider",
)


def in_our_words(error: Exception, vitals: Vitals, *, recording: str | None = None) -> EngineError:
    """Return what to raise instead, once the error itself and all that it holds are let go.

    Args:
        error: One of `KNOWN`.
        vitals: Of the moment after it.
        recording: Path of what was listened to; None while it spoke.
    """
    said = f"{type(error).__name__}: {error}"
    if is_out_of_memory(error):
        return OutOfMemory(f"{said.splitlines()[0]} ({_figures(vitals)})")
    if any(name == "split_by_len" for name in _functions(error)):
        return BadInput(
            f"GLM-TTS's own splitting fails at this text ({said}): it cannot cut long words in a row without "
            "a mark between them; put marks in, or choose a smaller narration.segment_chars"
        )
    log("".join(traceback.format_exception(error)).rstrip())
    if recording is not None and not isinstance(error, ImportError) and "CUDA error" not in said:
        return BadInput(
            f"GLM-TTS cannot use the recording {recording} ({said}); name a WAV of 3 to 15 s of clear speech"
        )
    if isinstance(error, IndexError):
        return EngineError(
            f"GLM-TTS failed with {said}; most likely its language model uttered something that is no speech "
            "token: nothing keeps it from that"
        )
    return EngineError(f"GLM-TTS failed with {said}")


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an allocator said no."""
    # torch's class, known by name: it is another one in each version.
    by_kind = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return by_kind or any(words in str(error) for words in _NO_HOST_MEMORY)


def wants_cuda(error: Exception) -> bool:
    """Say whether it failed because there is no CUDA here."""
    return any(words in str(error) for words in _NO_CUDA)


def _functions(error: Exception) -> Iterator[str]:
    return (frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__))


def _figures(vitals: Vitals) -> str:
    shown = {
        "live": vitals.live_bytes,
        "reserved": vitals.reserved_bytes,
        "peak": vitals.peak_bytes,
        "private host memory": vitals.host_private_bytes,
    }
    return ", ".join(f"{name} {count / 2**20:.0f} MiB" for name, count in shown.items() if count is not None)
