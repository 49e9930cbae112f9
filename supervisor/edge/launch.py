"""What a process of ours is started with: the interpreter and the environment."""

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import supervisor
from supervisor.errors import ConfigError, TryLater
from supervisor.wire.lifeline import LIFE_VARIABLE, PARENT_VARIABLE, STATE_VARIABLE

#: Ours alone: a library in the child that talks to the service manager would speak in our name.
_NOT_INHERITED = (
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
    "JOURNAL_STREAM",  # of our own standard error: theirs is a pipe to us
    "TTS_SUPERVISOR_HTTP__API_KEY",  # asked for at our door alone; an engine is anybody's code
)

#: These steer the parent's interpreter; in another environment they would bring in its packages.
_OF_THIS_INTERPRETER = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")

_FIXED = {
    "OPENBLAS_NUM_THREADS": "1",  # numpy starts a thread otherwise, and a fork beside threads may deadlock
    "PYTHONUNBUFFERED": "1",  # the last words before a crash are the ones that matter
}

_DEFAULTS = {
    "MALLOC_ARENA_MAX": "2",  # glibc keeps up to 8 arenas a core: memory that looks leaked
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # so that cuda:N is the N of the driver that we read
    # On the CPU oneDNN keeps a kernel with its workspace for each shape of input, and every text has another
    # length: with the 1,024 that torch and oneDNN allow, gigabytes that look leaked.
    "LRU_CACHE_CAPACITY": "256",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
}

#: Its older name and its newer one: torch up to 2.8 reads the first alone, later ones grumble at it alone.
_ALLOCATOR_SETTINGS = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")

#: There where NVIDIA's own kernel driver runs. Not under WSL, nor on boards with unified memory.
_KERNEL_DRIVER = Path("/proc/driver/nvidia/version")

#: What is added to our own oom_score_adj, three tenths of the machine's memory: whatever we started is ended
#: before us, who are small and know what is to be done, though not before all others of the machine.
OOM_STEP: Final = 300

#: The kernel's greatest.
_MOST_OOM_SCORE: Final = 1000

#: Top-level packages that must be the very ones the parent runs from.
_OUR_PACKAGES = ("supervisor", "child")


class CannotStart(TryLater):
    """The system has no room for another process now."""


def find_python(python: str) -> str:
    """Return the absolute path of an interpreter, symbolic links kept: a venv is found by its link.

    Raises:
        ConfigError: If there is no such program; names the key.
    """
    found = shutil.which(python)
    if found is None:
        raise ConfigError(
            f"child.python = {python!r}: no program of that name can be run; give the path of a Python 3.11 "
            "or newer in whose environment tts-supervisor is installed, or leave the key out to use this one"
        )
    return str(Path(found).absolute())


def environment_for(python: str, state_marker: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a process of ours.

    Args:
        python: Interpreter that will run it; one that is not ours gets no import path from us.
        state_marker: Real path of the state folder: what the sweep looks for.
        extra: Wins over all else.

    Raises:
        ConfigError: If there is no such interpreter.
    """
    env = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    if find_python(python) == str(Path(sys.executable).absolute()):
        _lead_to_our_packages(env)
    else:
        env = {name: value for name, value in env.items() if name not in _OF_THIS_INTERPRETER}
    markers = {PARENT_VARIABLE: str(os.getpid()), STATE_VARIABLE: state_marker}
    return {**_DEFAULTS, **env, **_FIXED, **markers, **extra}


def allocator_env(device: str, kernel_driver: Path = _KERNEL_DRIVER) -> dict[str, str]:
    """Return what torch's allocator in a child is told, to be given to `environment_for` as extra.

    With expandable segments it maps pages into one growing range, where it would otherwise take
    blocks of fixed sizes that texts of ever other lengths split and leave lying. That needs the
    driver's calls for virtual memory; under another kernel driver, or none, torch's default stays.

    Args:
        device: As configured: "auto", "cpu" or "cuda:N".
        kernel_driver: Where that driver says its version.

    Returns:
        Nothing on the CPU, without that driver, or where the user has set the allocator: that wins.
    """
    told_by_user = any(name in os.environ for name in _ALLOCATOR_SETTINGS)
    if device == "cpu" or told_by_user or not kernel_driver.exists():
        return {}
    return dict.fromkeys(_ALLOCATOR_SETTINGS, "expandable_segments:True")


def let_go_first(pid: int) -> None:
    """Have the kernel, when it lacks memory, end a process before us; its forks inherit that.

    Never raises: a kernel that does not take it chooses by size, which is the child as a rule.
    """
    with contextlib.suppress(OSError, ValueError):
        own = int(Path("/proc/self/oom_score_adj").read_text("ascii"))
        score = min(own + OOM_STEP, _MOST_OOM_SCORE)
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(score), "ascii")


def environment_for_strangers() -> dict[str, str]:
    """Return the environment for a program that is not ours: our own, without what is meant for us alone."""
    private = (*_NOT_INHERITED, PARENT_VARIABLE, STATE_VARIABLE, LIFE_VARIABLE)
    return {name: value for name, value in os.environ.items() if name not in private}


def _lead_to_our_packages(env: dict[str, str]) -> None:
    """Make `python -P -m child` find the package the parent runs from, whatever the cwd is.

    A folder of installed packages is on the path anyway and must not come before the standard
    library; so it is put first only where an entry of PYTHONPATH would hide our packages.
    """
    root = str(Path(supervisor.__file__).resolve().parent.parent)
    entries = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if not _is_installed(root) or any(_hides_us(entry, root) for entry in entries):
        env["PYTHONPATH"] = os.pathsep.join([root, *(entry for entry in entries if entry != root)])


def _is_installed(root: str) -> bool:
    return Path(root).name in {"site-packages", "dist-packages"}


def _hides_us(entry: str, root: str) -> bool:
    folder = Path(entry)
    candidates = [folder / name for name in _OUR_PACKAGES] + [folder / f"{name}.py" for name in _OUR_PACKAGES]
    return str(folder.resolve()) != root and any(path.exists() for path in candidates)
