"""What was read of the machine's memory: values only, in bytes.

Pure: made by `supervisor/edge/hostmem.py` and `supervisor/edge/nvml.py`, judged by the policies.
"""

from dataclasses import dataclass
from typing import Literal

UnknownKind = Literal[
    "absent",  # no driver, no such device, or every device is hidden
    "no_permission",  # the driver refuses this user, or the whole GPU is split by MIG
    "not_supported",  # the product has no such figure: unified memory
    "lost",  # the GPU fell off the bus or wants a reset: a person must act
    "hung",  # the driver did not answer in time
    "mismatch",  # library and kernel module are of different versions: reboot
    "error",  # anything else
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """Host memory at one moment.

    Attributes:
        total_bytes: Of the machine, or of the control group around us if that is smaller.
        available_bytes: What may still be taken without swapping, under the same bound.
        child_private_bytes: What would come back if the child and all it forked ended;
            None = the child is gone, or the system does not say.
    """

    total_bytes: int
    available_bytes: int
    child_private_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReading:
    """Device memory at one moment.

    Attributes:
        total_bytes: Of the GPU, or of its MIG slice.
        used_bytes: By all programs. By `api` v1 the driver's own reserve (up to 1 GiB) is in it.
        child_bytes: Held by the child and all it forked; None = the driver does not say.
        api: Which memory call answered.
        child_pid: Whom `child_bytes` speaks of; None = nobody was asked about.
        others_bytes: Held by all other programs that the driver lists; None = it does not say.
    """

    total_bytes: int
    used_bytes: int
    child_bytes: int | None
    api: Literal["v2", "v1"]
    child_pid: int | None = None
    others_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUnknown:
    """Device memory could not be read.

    Attributes:
        kind: Why, for the conductor.
        text: What was seen and how to mend it, for people.
    """

    kind: UnknownKind
    text: str


DeviceAnswer = DeviceReading | DeviceUnknown
