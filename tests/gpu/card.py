"""What the tests on a real GPU see of the card and of the processes around it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.processes.narration import Task
from tests.tree import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The first GPU, through NVML.

    Attributes:
        before_bytes: In use before the test began anything.
        used_bytes: In use now.
        pids: Of every process that has a context there, computing or drawing.
    """

    before_bytes: int
    used_bytes: Callable[[], int]
    pids: Callable[[], set[int]]


def has_context(pid: int) -> bool:
    """Whether a process holds CUDA, seen also where a container hides whose pid is whose.

    A context opens /dev/nvidia-uvm; NVML opens others.
    """
    opened = [fd.readlink() for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]
    return any(path.name == "nvidia-uvm" for path in opened)


def task_in(folder: Path, text: str, sets: dict[str, str]) -> Task:
    """A narration by the torch engine of the tests, on the card."""
    folder.mkdir(exist_ok=True)
    (folder / "text.txt").write_text(text, "utf-8")
    return Task(
        text=folder / "text.txt",
        output=folder / "out.wav",
        state=folder / "state",
        sets={"engine.name": '"torch-stand-in"', "child.device": '"cuda:0"', **sets},
        env={"PYTHONPATH": str(ROOT / "tests" / "engines")},
    )
