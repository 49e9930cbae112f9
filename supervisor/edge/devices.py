"""Which GPU a child's `device` means, in the words of the driver. Pure, no driver needed.

CUDA counts the devices that CUDA_VISIBLE_DEVICES shows, NVML counts all of them. The child is
started with CUDA_DEVICE_ORDER=PCI_BUS_ID, so both count in the same order.
"""

from dataclasses import dataclass

from supervisor.core.readings import DeviceUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ByIndex:
    """The driver's own number of a GPU."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByUuid:
    """Name of a GPU or a MIG slice; a GPU's may be cut short, as CUDA allows."""

    uuid: str


Choice = ByIndex | ByUuid


def choose(device: str, visible: str | None) -> Choice | DeviceUnknown:
    """Say which GPU a child on `device` uses.

    Args:
        device: `"auto"`, `"cuda"` or `"cuda:N"`.
        visible: CUDA_VISIBLE_DEVICES, or None where it is not set.
    """
    number = _number_of(device)
    if number is None:
        return DeviceUnknown(kind="absent", text=f"{device!r} is no GPU; it would be auto or cuda:N")
    if visible is None:
        return ByIndex(index=number)
    shown = _shown(visible)
    if number >= len(shown):
        return DeviceUnknown(
            kind="absent",
            text=f"CUDA_VISIBLE_DEVICES={visible!r} shows {len(shown)} GPUs, so there is no cuda:{number}; "
            "unset it or choose another child.device",
        )
    return shown[number]


def seen_and_mend(text: str) -> tuple[str, str]:
    """Part what is said of a trouble, a driver's or a disk's: what was seen, and how to mend it.

    Args:
        text: As `DeviceUnknown.text` has it, and whatever else is written like that: "SEEN; MEND".
    """
    seen, _, mend = text.partition("; ")
    return seen, mend


def _number_of(device: str) -> int | None:
    if device in {"auto", "cuda"}:
        return 0
    kind, _, number = device.partition(":")
    return int(number) if kind == "cuda" and number.isdecimal() else None


def _shown(visible: str) -> list[Choice]:
    """Read the list as CUDA does: it ends at the first entry that names nothing."""
    shown: list[Choice] = []
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isdecimal():
            shown.append(ByIndex(index=int(entry)))
        elif entry.startswith(("GPU-", "MIG-")):
            shown.append(ByUuid(uuid=entry))
        else:
            break
    return shown
