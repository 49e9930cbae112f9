"""What this machine has, lacks, and how to mend it: one function a check, each returns a value.

A check that is not `needed` never makes `doctor` fail: narration goes on without what it names.
"""

import importlib.metadata
import importlib.util
import locale
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor.config import Config, faults_in_words
from supervisor.core.readings import DeviceAnswer, DeviceReading
from supervisor.display.words import size
from supervisor.edge.devices import seen_and_mend
from supervisor.edge.hostmem import read_host
from supervisor.edge.modelplace import default_model_path
from supervisor.edge.nvml import DEADLINE_S, DeviceReader
from supervisor.edge.presence import Presence, ask_presence
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import SupervisorError
from supervisor.narration.fitting import PLAIN_ENGINES
from supervisor.wire.messages import Ready

#: What planning and delivery import, each in a process of its own.
_WORKERS_IMPORT = ("sentencex", "markdown_it", "numpy", "soundfile", "soxr")

#: A first import after an install compiles nothing but reads 60 MiB: seconds on a slow disk.
_IMPORT_TIMEOUT_S = 60

#: Under this not even a chapter fits: an hour of the built-in voice is 160 MB before it is packed.
_LEAST_FREE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: Of the thing.
        ok: Whether all is well.
        detail: What was seen, with figures.
        mend: What to do; empty if all is well.
        needed: Whether narration cannot run without it.
    """

    name: str
    ok: bool
    detail: str
    mend: str = ""
    needed: bool = True


def examine(config: Config, state: StateFolder, speak: Callable[[], Ready]) -> list[Check]:
    """Make every check.

    Args:
        config: The configuration.
        state: Where narration would keep its state.
        speak: Starts a real child to ready and ends it; raises SupervisorError.
    """
    return [
        python_check(sys.version_info[:3]),
        kernel_check(),
        clash_check(Path(__file__).parent),
        workers_check(sys.executable),
        engine_check(config, speak),
        state_check(state),
        host_check(),
        device_check(config.child.device),
        torch_check(config.engine.name),
        *glm_checks(config),
        locale_check(),
        faults_check(config),
    ]


def python_check(version: tuple[int, ...]) -> Check:
    """Look at the interpreter."""
    shown = ".".join(map(str, version))
    ok = version >= (3, 11)
    mend = "" if ok else "install Python 3.11 or newer, and tts-supervisor into it"
    return Check(name="python", ok=ok, detail=f"Python {shown} at {sys.executable}", mend=mend)


def kernel_check() -> Check:
    """Look for pidfds: the parent learns of a child's death by one."""
    release = os.uname().release
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        detail = f"{os.uname().sysname} {release} has no pidfd_open ({error})"
        return Check(name="kernel", ok=False, detail=detail, mend="run on Linux 5.3 or newer")
    return Check(name="kernel", ok=True, detail=f"Linux {release} with pidfds")


def clash_check(package: Path) -> Check:
    """Look for the PyPI project Supervisor, whose import package has our name."""
    mend = "install tts-supervisor into an environment of its own (python -m venv)"
    if (package / "supervisord.py").exists():
        return Check(
            name="package", ok=False, detail=f"files of supervisord lie among ours in {package}", mend=mend
        )
    try:
        version = importlib.metadata.version("supervisor")
    except importlib.metadata.PackageNotFoundError:
        return Check(name="package", ok=True, detail=f"imported from {package}")
    detail = f"the PyPI project Supervisor {version} is installed here too: both import as 'supervisor'"
    return Check(name="package", ok=False, detail=detail, mend=mend)


def workers_check(python: str) -> Check:
    """Import what the planning and delivery processes import, in a process of its own."""
    names = ", ".join(_WORKERS_IMPORT)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [python, "-c", f"import {names}"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_IMPORT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(
            name="libraries", ok=False, detail=str(error), mend=f"see why {python} cannot import {names}"
        )
    if done.returncode == 0:
        return Check(name="libraries", ok=True, detail=f"{names} can be imported")
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return Check(
        name="libraries", ok=False, detail=said, mend="install tts-supervisor again, with its dependencies"
    )


def engine_check(config: Config, speak: Callable[[], Ready]) -> Check:
    """Start a real child and let it speak its canary."""
    name = f"engine {config.engine.name}"
    try:
        ready = speak()
    except SupervisorError as error:
        mend = "mend what the message names; 'tts-supervisor -v doctor' shows the child's own words"
        return Check(name=name, ok=False, detail=str(error), mend=mend)
    detail = (
        f"version {ready.engine_version}, voice {ready.voice}, {ready.sample_rate_hz} Hz; spoke "
        f"{ready.canary.seconds:.1f} s as a trial, ready after {ready.took_s:.1f} s, "
        f"holds {size(ready.vitals.host_private_bytes)}"
    )
    return Check(name=name, ok=True, detail=detail)


def state_check(state: StateFolder) -> Check:
    """Look whether the state folder can be written, and how much room there is."""
    place = state.path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        detail = f"{place} is a file, not a folder"
        return Check(name="state folder", ok=False, detail=detail, mend="choose another with --state")
    if not os.access(place, os.W_OK | os.X_OK):
        mend = "make it writable for this user, or choose another with --state"
        return Check(
            name="state folder", ok=False, detail=f"{state.path}: {place} cannot be written", mend=mend
        )
    room = os.statvfs(place)
    free_bytes = room.f_bavail * room.f_frsize
    owner = state.owner_pid()
    used = "" if owner is None else f", in use by process {owner}"
    ok = free_bytes >= _LEAST_FREE_BYTES
    mend = "" if ok else "make room, or choose another folder with --state"
    return Check(name="state folder", ok=ok, detail=f"{state.path}, {size(free_bytes)} free{used}", mend=mend)


def host_check() -> Check:
    """Read the machine's memory and, of ourselves, what would be read of a child."""
    reading = read_host(os.getpid())
    detail = f"{size(reading.total_bytes)}, {size(reading.available_bytes)} available"
    if reading.child_private_bytes is None:
        mend = "make /proc/PID/smaps_rollup readable; until then the marks memory.host.* are not kept"
        detail += "; the system does not tell a process's private memory"
        return Check(name="host memory", ok=False, detail=detail, mend=mend, needed=False)
    return Check(name="host memory", ok=True, detail=detail, needed=False)


def device_check(device: str) -> Check:
    """Read the GPU's memory as narration would, through NVML on a thread of its own."""
    if device == "cpu":
        return Check(name="gpu memory", ok=True, detail='not looked at: child.device is "cpu"', needed=False)
    answer = ask_device(device)
    if isinstance(answer, DeviceReading):
        detail = f"{size(answer.used_bytes)} of {size(answer.total_bytes)} used"
        return Check(name="gpu memory", ok=True, detail=detail, needed=False)
    said = "the NVIDIA driver does not answer; see dmesg, and reboot" if answer is None else answer.text
    if answer is not None and answer.kind == "absent" and device == "auto":  # nothing asks for one
        return Check(name="gpu memory", ok=True, detail=said, needed=False)
    seen, mend = seen_and_mend(said)
    mend += '; until then the marks memory.device.* are not kept; without a GPU set child.device = "cpu"'
    return Check(name="gpu memory", ok=False, detail=seen, mend=mend, needed=False)


def ask_device(device: str) -> DeviceAnswer | None:
    """Ask once; None if the driver has not answered within its deadline."""
    answers: list[DeviceAnswer] = []
    came = threading.Event()

    def take(answer: DeviceAnswer) -> None:
        answers.append(answer)
        came.set()

    reader = DeviceReader(take)
    reader.request(device, os.getpid())
    came.wait(DEADLINE_S)
    reader.close()
    return answers[0] if answers else None


def torch_check(engine: str) -> Check:
    """Look for torch, which the plain engines do without."""
    here = importlib.util.find_spec("torch") is not None
    detail = "installed" if here else "not installed"
    if engine in PLAIN_ENGINES:
        return Check(
            name="torch", ok=True, detail=f"{detail}; the engine {engine} does without", needed=False
        )
    mend = "" if here else "if the engine wants it: pip install 'tts-supervisor[glm]' where the child runs"
    return Check(name="torch", ok=here, detail=detail, mend=mend, needed=False)


def glm_checks(config: Config) -> list[Check]:
    """Look for what the engine glm needs, where its child would run; nothing for other engines."""
    if config.engine.name != "glm":
        return []
    words = {name: str(value) for name, value in config.engine.settings.items()}
    folder = Path(words["checkpoint"] or default_model_path(os.environ, "glm-tts"))
    asked = {"configs": words["configs"], "rate_hz": words["sample_rate"], "lexicon": words["lexicon"]}
    try:
        found = ask_presence(config.child.python, folder, **asked)
    except SupervisorError as error:
        mend = "install tts-supervisor[glm] in the environment that child.python names"
        return [Check(name="glm packages", ok=False, detail=str(error), mend=mend)]
    unset = [] if words["checkpoint"] else [f"engine.glm.checkpoint is not set; here would be {folder}"]
    return [
        _lacking("glm packages", found.packages, "pip install 'tts-supervisor[glm]' where the child runs"),
        _lacking("glm checkpoint", unset + found.parts, "tts-supervisor models get glm-tts, and set the key"),
        _lacking(
            "glm tables",
            found.tables,
            "set engine.glm.configs to their folder; without them there are no phonemes",
            needed=config.engine.settings["phonemes"] is True,
        ),
        *([_lacking("glm lexicon", found.lexicon, _MEND_LEXICON)] if words["lexicon"] else []),
        _room_check(found, config.child.device, words["precision"]),
    ]


_MEND_LEXICON = "mend that line, or take engine.glm.lexicon out of the configuration"

#: Beside the weights on a card: the context, keys and values, what a segment passes through.
_BESIDE_WEIGHTS_BYTES = 900 * 2**20


def _lacking(name: str, lacking: list[str], mend: str, *, needed: bool = True) -> Check:
    ok, detail = not lacking, "; ".join(lacking) or "all there"
    return Check(name=name, ok=ok, detail=detail, mend="" if ok else mend, needed=needed)


def _room_check(found: Presence, device: str, precision: str) -> Check:
    """Compare what the weights will take with what the card, or the machine, has free."""
    answer = None if device == "cpu" else ask_device(device)
    on_card = isinstance(answer, DeviceReading)
    halves = precision == "bf16" or (precision == "auto" and on_card)
    wanted = found.halved_bytes // (2 if halves else 1) + found.whole_bytes + _BESIDE_WEIGHTS_BYTES
    free = answer.total_bytes - answer.used_bytes if on_card else read_host(os.getpid()).available_bytes
    where = "the card" if on_card else "this machine"
    detail = f"about {size(wanted)} wanted, {size(free)} free on {where}"
    mend = "" if wanted <= free else 'end what else holds memory there, or set engine.glm.precision = "bf16"'
    return Check(name="glm memory", ok=wanted <= free, detail=detail, mend=mend, needed=False)


def locale_check() -> Check:
    """Look whether names of files and the terminal speak UTF-8."""
    names, texts = sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False)
    ok = all(name.lower().replace("-", "") == "utf8" for name in (names, texts))
    seen = f"file names {names}, locale {texts}"
    mend = "" if ok else "set a UTF-8 locale, as LC_ALL=C.UTF-8, for titles and file names in other scripts"
    return Check(name="locale", ok=ok, detail=seen, mend=mend, needed=False)


def faults_check(config: Config) -> Check:
    """Say whether faults are rehearsed: nobody wants that by accident."""
    if config.engine.faults is None:
        return Check(name="faults", ok=True, detail="none are rehearsed", needed=False)
    detail = f"switched on: {faults_in_words(config.engine.faults)}"
    mend = "remove [engine.faults] from the configuration unless this is a rehearsal"
    return Check(name="faults", ok=False, detail=detail, mend=mend, needed=False)
