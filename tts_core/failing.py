"""What an allocator says no with, turned into an error with the figures."""

import gc
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import torch

from tts_core.errors import OutOfMemory

#: What torch says when the host has no room: a bare RuntimeError, known by its words alone.
_HOST_WORDS = "can't allocate memory"

_HEAD_CHARS = 40

#: Whose package of this one asked for it, in words: what is to be done differs.
_STAGES = {
    "audio": "the recording",
    "voice": "the voice",
    "text": "the text",
    "lm": "the language model",
    "flow": "the flow",
    "vocoder": "the vocoder",
}

#: Of /proc: what of this process lies in memory, what it has asked for, what the machine could still give.
_OF_THE_PROCESS = {"VmRSS": "held", "VmSize": "mapped"}
_OF_THE_MACHINE = {"MemAvailable": "available"}


@contextmanager
def telling_memory(device: torch.device, text: str) -> Generator[None]:
    """Turn "out of memory", of the card or of the host, into `OutOfMemory`, with caches given back.

    The frames of torch's own error would keep every tensor of the way down alive, as its context wherever
    this one is held: they are cleared.

    Args:
        device: Where the work is done.
        text: That is spoken, for the message.

    Raises:
        OutOfMemory: In the place of torch's error, naming the stage that asked; any other goes through as
            it is.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is one of the first
        if not is_memory(error):
            raise
        said = (str(error) or type(error).__name__).split("\n", 1)[0]
        where = _stage(error.__traceback__)
        traceback.clear_frames(error.__traceback__)
    else:
        return
    figures = _figures(device)
    give_back(device)
    raise OutOfMemory(
        f"out of memory within {text[:_HEAD_CHARS]!r} ({len(text)} characters){where}: {said}{figures}"
    )


def is_memory(error: Exception) -> bool:
    """Say whether an error, of torch or of Python, is about memory."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _HOST_WORDS in str(error)


def _stage(trace: TracebackType | None) -> str:
    """Return the stage that asked last, for the message; empty where none of them did."""
    found = ""
    while trace is not None:
        package, _, rest = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")
        stage = _STAGES.get(rest.partition(".")[0]) if package == "tts_core" else None
        found = f", in {stage}" if stage else found
        trace = trace.tb_next
    return found


def give_back(device: torch.device) -> None:
    """Return to the card what torch holds in reserve; on the CPU it holds none."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _figures(device: torch.device) -> str:
    figures = _of_the_card(device) if device.type == "cuda" else _of_the_host()
    return "; " + ", ".join(f"{size_bytes // 2**20} MiB {what}" for what, size_bytes in figures.items())


def _of_the_card(device: torch.device) -> dict[str, int]:
    free_bytes, total_bytes = torch.cuda.mem_get_info(device)
    return {
        "held": torch.cuda.memory_allocated(device),
        "reserved": torch.cuda.memory_reserved(device),
        "free": free_bytes,
        "in all": total_bytes,
    }


def _of_the_host() -> dict[str, int]:
    own = _kib_in(Path("/proc/self/status"), _OF_THE_PROCESS)
    return own | _kib_in(Path("/proc/meminfo"), _OF_THE_MACHINE)


def _kib_in(path: Path, wanted: dict[str, str]) -> dict[str, int]:
    """Return bytes by word, of lines such as `VmRSS:  1234 kB`."""
    lines = (line.split() for line in path.read_text("ascii", "replace").splitlines())
    return {wanted[line[0][:-1]]: int(line[1]) * 1024 for line in lines if line and line[0][:-1] in wanted}
