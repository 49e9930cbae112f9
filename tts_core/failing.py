"""What an allocator says no with, turned into an error with the figures."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

import torch

from tts_core.errors import OutOfMemory

#: What torch says when the host has no room: a bare RuntimeError, known by its words alone.
_HOST_WORDS = "can't allocate memory"

_HEAD_CHARS = 40


@contextmanager
def telling_memory(device: torch.device, text: str) -> Generator[None]:
    """Turn "out of memory", of the card or of the host, into `OutOfMemory`, with caches given back.

    The traceback of torch's own error would keep every tensor of the way down alive; it goes.

    Args:
        device: Where the work is done.
        text: That is spoken, for the message.

    Raises:
        OutOfMemory: In the place of torch's error; any other goes through as it is.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not is_memory(error):
            raise
        said = str(error).split("\n", 1)[0]
    else:
        return
    figures = _figures(device)
    give_back(device)
    raise OutOfMemory(
        f"out of memory within {text[:_HEAD_CHARS]!r} ({len(text)} characters): {said}{figures}"
    )


def is_memory(error: RuntimeError) -> bool:
    """Say whether an error of torch is about memory."""
    return isinstance(error, torch.OutOfMemoryError) or _HOST_WORDS in str(error)


def give_back(device: torch.device) -> None:
    """Return to the card what torch holds in reserve; on the CPU it holds none."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _figures(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    free_bytes, total_bytes = torch.cuda.mem_get_info(device)
    figures = {
        "held": torch.cuda.memory_allocated(device),
        "reserved": torch.cuda.memory_reserved(device),
        "free": free_bytes,
        "in all": total_bytes,
    }
    return "; " + ", ".join(f"{size_bytes // 2**20} MiB {what}" for what, size_bytes in figures.items())
