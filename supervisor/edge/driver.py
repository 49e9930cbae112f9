"""Talk to NVML: every call here may hang, so only the thread of `nvml.py` makes them.

pynvml is imported at the first reading, and only where the driver's library can be loaded at all:
a machine without a GPU does not pay 3 MB for it.
"""

import ctypes
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar, cast

from supervisor.core.readings import DeviceAnswer, DeviceReading, DeviceUnknown, UnknownKind
from supervisor.edge.devices import ByIndex, Choice, choose, seen_and_mend

#: Less than a context takes: a GPU that uses no more than this is used by nobody.
NOBODY_BYTES = 64 * 1024 * 1024

_LIBRARY = "libnvidia-ml.so.1"

#: Inode of the first process namespace (PROC_PID_INIT_INO): the driver's pids are ours only there.
_HOST_PID_NAMESPACE = "pid:[4026531836]"

#: Structure version of the newer memory call (nvml.h).
_MEMORY_V2 = 0x02000028

#: Answers that the older memory call could not better.
_FINAL_KINDS: frozenset[UnknownKind] = frozenset({"lost", "no_permission", "mismatch"})

#: NVML's return codes (nvml.h): what they mean for us, what was seen, and the mend.
_CODES: dict[int, tuple[UnknownKind, str]] = {
    2: (
        "absent",
        "the NVIDIA driver knows no such GPU; see nvidia-smi -L and set child.device to one of them",
    ),
    3: (
        "not_supported",
        "this GPU does not tell its memory (unified memory?); host memory is watched instead",
    ),
    4: ("no_permission", "the NVIDIA driver refuses this user; add it to the group of /dev/nvidia*"),
    6: (
        "absent",
        "the NVIDIA driver knows no such GPU; see nvidia-smi -L and set child.device to one of them",
    ),
    9: (
        "absent",
        'the NVIDIA kernel module is not loaded; load it (modprobe nvidia) or use child.device = "cpu"',
    ),
    12: (
        "absent",
        "no NVIDIA driver is installed; device memory is not watched, which is right without a GPU",
    ),
    15: ("lost", "the GPU is lost (fell off the bus); look at dmesg for Xid 79 and reboot"),
    16: ("lost", "the GPU requires a reset; end all its programs, then nvidia-smi --gpu-reset, or reboot"),
    18: (
        "mismatch",
        "NVIDIA library and kernel module are of different versions (upgraded?); reboot or reload the module",
    ),
    28: ("lost", "the GPU is no longer found; look at dmesg for Xid messages and reboot"),
}

#: These do not change while a process lives, so the driver is not asked again.
_FOR_GOOD: frozenset[UnknownKind] = frozenset({"absent", "mismatch", "no_permission"})


Answer = TypeVar("Answer")


class Handle(Protocol):
    """A device as pynvml names it; opaque."""


class Memory(Protocol):
    """What both memory calls tell, in bytes."""

    total: int
    used: int


class Figure(Protocol):
    """One line of the driver's list of processes."""

    pid: int
    usedGpuMemory: int | None  # noqa: N815 -- NVML's name


class Nvml(Protocol):
    """The few calls of pynvml that we make; it brings no types of its own."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 -- NVML's names and meanings, here and below
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Handle: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Handle: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetUUID(self, handle: Handle) -> str: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetMigMode(self, device: Handle) -> list[int]: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetMemoryInfo(self, handle: Handle, version: int | None = None) -> Memory: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetComputeRunningProcesses_v3(self, handle: Handle) -> list[Figure]: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetComputeRunningProcesses_v2(self, handle: Handle) -> list[Figure]: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetGraphicsRunningProcesses_v3(self, handle: Handle) -> list[Figure]: ...  # noqa: N802, D102 - the driver's own names and manual
    def nvmlDeviceGetGraphicsRunningProcesses_v2(self, handle: Handle) -> list[Figure]: ...  # noqa: N802, D102 - the driver's own names and manual


class Driver:
    """One connection to NVML, opened at the first reading.

    Args:
        visible: CUDA_VISIBLE_DEVICES, or None where it is not set.
    """

    def __init__(self, visible: str | None) -> None:
        self._visible = visible
        self._nvml: Nvml | None = None
        self._given_up: DeviceUnknown | None = None
        self._handles: dict[Choice, Handle] = {}

    def read(self, device: str, family: Sequence[int]) -> DeviceAnswer:
        """Read one GPU.

        Args:
            device: `"auto"` or `"cuda:N"`.
            family: The child and all that it forked; empty if there is none.
        """
        choice = choose(device, self._visible)
        if isinstance(choice, DeviceUnknown):
            return choice
        nvml = self._connect()
        if isinstance(nvml, DeviceUnknown):
            return nvml
        answer = _read(nvml, self._handles, choice, family)
        if isinstance(answer, DeviceUnknown):
            self._handles.clear()  # a handle does not outlive a reset of its GPU
        return answer

    def close(self) -> None:
        """Let go of the library."""
        if self._nvml is not None:
            attempt(self._nvml, self._nvml.nvmlShutdown)
            self._nvml = None

    def _connect(self) -> Nvml | DeviceUnknown:
        if self._nvml is None:
            opened = self._given_up or _open()
            if isinstance(opened, DeviceUnknown):
                self._given_up = opened if opened.kind in _FOR_GOOD else None
                return opened
            self._nvml = opened
        return self._nvml


def attempt(nvml: Nvml, call: Callable[[], Answer]) -> Answer | DeviceUnknown:
    """Make a call of NVML; an error of the driver comes back as a value."""
    try:
        return call()
    except nvml.NVMLError as error:
        return unknown_for(cast("int", getattr(error, "value", 0)))


def unknown_for(code: int) -> DeviceUnknown:
    """Return what a return code of NVML means for us."""
    kind, text = _CODES.get(code, ("error", "the NVIDIA driver failed; see nvidia-smi and dmesg"))
    seen, mend = seen_and_mend(text)
    return DeviceUnknown(kind=kind, text=f"{seen} (NVML error {code}); {mend}")


def child_share(
    lists: Sequence[Sequence[Figure]], family: Sequence[int], used_bytes: int, *, on_host: bool
) -> int | None:
    """Tell how much of the GPU a child and all it forked hold; None = the driver does not say.

    A child that is not listed holds nothing only if the list can be believed: it names processes,
    and in our own numbers; or if the GPU is hardly used at all.

    Args:
        lists: The driver's lists (compute, graphics); a process may stand in both with the same figure.
        family: The child and all that it forked.
        used_bytes: Of the whole GPU.
        on_host: Whether the driver's pids are ours: not inside a container's process namespace.
    """
    held = [_held_by(pid, lists) for pid in family]
    listed = [figures for figures in held if figures]
    if not listed:
        believed = (on_host and any(lists)) or used_bytes <= NOBODY_BYTES
        return 0 if believed else None
    sums = [max((one for one in figures if one is not None), default=None) for figures in listed]
    known = [one for one in sums if one is not None]
    return sum(known) if len(known) == len(listed) else None


def others_share(lists: Sequence[Sequence[Figure]], family: Sequence[int]) -> int | None:
    """Tell how much all others on the driver's lists hold; None = one has no figure, or nobody is listed."""
    pids = {line.pid for one in lists for line in one} - set(family)
    if not any(lists):
        return None
    sums = [max((one for one in _held_by(pid, lists) if one is not None), default=None) for pid in pids]
    known = [one for one in sums if one is not None]
    return sum(known) if len(known) == len(sums) else None


def _held_by(pid: int, lists: Sequence[Sequence[Figure]]) -> list[int | None]:
    return [line.usedGpuMemory for one in lists for line in one if line.pid == pid]


def _open() -> Nvml | DeviceUnknown:
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError as error:
        unknown = unknown_for(12)
        return DeviceUnknown(kind=unknown.kind, text=f"{unknown.text}: {error}")
    try:
        nvml = cast("Nvml", cast("object", importlib.import_module("pynvml")))
    except ImportError as error:
        return DeviceUnknown(
            kind="absent", text=f"no Python bindings for NVML: {error}; pip install nvidia-ml-py"
        )
    return attempt(nvml, nvml.nvmlInit) or nvml


def _read(nvml: Nvml, handles: dict[Choice, Handle], choice: Choice, family: Sequence[int]) -> DeviceAnswer:
    handle = handles.get(choice) or attempt(nvml, lambda: _handle(nvml, choice))
    if isinstance(handle, DeviceUnknown):
        return handle
    handles[choice] = handle
    api, memory = _memory(nvml, handle)
    if isinstance(memory, DeviceUnknown):
        return _split(nvml, handle) or memory if memory.kind == "no_permission" else memory
    lists = _lists(nvml, handle) if family else None
    used_bytes = int(memory.used)
    return DeviceReading(
        total_bytes=int(memory.total),
        used_bytes=used_bytes,
        child_bytes=None if lists is None else child_share(lists, family, used_bytes, on_host=_is_on_host()),
        api=api,
        child_pid=family[0] if family else None,
        others_bytes=None if lists is None else others_share(lists, family),
    )


def _handle(nvml: Nvml, choice: Choice) -> Handle:
    if isinstance(choice, ByIndex):
        return nvml.nvmlDeviceGetHandleByIndex(choice.index)
    if choice.uuid.startswith("GPU-"):
        # CUDA takes a name cut short, NVML does not: find the one it begins.
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            if nvml.nvmlDeviceGetUUID(handle).startswith(choice.uuid):
                return handle
    return nvml.nvmlDeviceGetHandleByUUID(choice.uuid)


def _memory(nvml: Nvml, handle: Handle) -> tuple[Literal["v2", "v1"], Memory | DeviceUnknown]:
    """Ask the newer call, which leaves the driver's own reserve out, else the older one."""
    newer = attempt(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle, _MEMORY_V2))
    if not isinstance(newer, DeviceUnknown) or newer.kind in _FINAL_KINDS:
        return "v2", newer
    return "v1", attempt(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))


def _split(nvml: Nvml, handle: Handle) -> DeviceUnknown | None:
    """Say so where the refusal comes from MIG: a GPU split in slices tells of its slices alone."""
    mode = attempt(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle))
    if isinstance(mode, DeviceUnknown) or mode[0] != 1:
        return None
    return DeviceUnknown(
        kind="no_permission",
        text="this GPU is split by MIG and tells of its slices alone; set CUDA_VISIBLE_DEVICES to the "
        "slice's MIG-… name (nvidia-smi -L)",
    )


def _lists(nvml: Nvml, handle: Handle) -> list[list[Figure]] | None:
    compute = _listed(nvml, handle, "Compute")
    graphics = _listed(nvml, handle, "Graphics")
    if isinstance(compute, DeviceUnknown):
        return None
    # Computing cards have no graphics list; that is no reason to doubt the other one.
    return [compute] if isinstance(graphics, DeviceUnknown) else [compute, graphics]


def _listed(nvml: Nvml, handle: Handle, what: Literal["Compute", "Graphics"]) -> list[Figure] | DeviceUnknown:
    newer, older = (
        (nvml.nvmlDeviceGetComputeRunningProcesses_v3, nvml.nvmlDeviceGetComputeRunningProcesses_v2)
        if what == "Compute"
        else (nvml.nvmlDeviceGetGraphicsRunningProcesses_v3, nvml.nvmlDeviceGetGraphicsRunningProcesses_v2)
    )
    lines = attempt(nvml, lambda: newer(handle))
    return attempt(nvml, lambda: older(handle)) if isinstance(lines, DeviceUnknown) else lines


def _is_on_host() -> bool:
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _HOST_PID_NAMESPACE
    except OSError:
        return False
