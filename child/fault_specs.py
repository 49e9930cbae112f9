"""Reading `[engine.faults]`: which fault strikes when. Every refusal names the item."""

import enum
import re
from collections.abc import Mapping

from child.engine import SettingsError
from supervisor.wire.messages import FaultPlan

_WHERE = "engine.faults"
_SPEC = re.compile(r"([a-z]+)@([1-9][0-9]*)")


class Fault(enum.Enum):
    """What may happen at a segment; in this order where several strike at once."""

    STEP = "step"  # keeps 64 MiB at once
    STRAY = "stray"  # bytes on file descriptor 1
    NAN = "nan"  # audio that is no number
    SILENCE = "silence"  # audio that is silent
    GARBAGE = "garbage"  # a damaged frame
    OOM = "oom"  # out of memory, reported; the life goes on
    HANG = "hang"  # never comes back, deaf to SIGTERM
    EXIT = "exit"  # leaves without a word
    CRASH = "crash"  # SIGSEGV


_NAMES = ", ".join(fault.value for fault in Fault)


class FaultTable:
    """What strikes at the Nth segment of a life, or at a text.

    Raises:
        SettingsError: At construction, if an item of the plan means nothing.
    """

    def __init__(self, plan: FaultPlan) -> None:
        _refuse_negative(plan)
        self._by_segment: dict[int, set[Fault]] = {}
        for spec in plan.faults:
            fault, at = _read_spec(spec)
            self._by_segment.setdefault(at, set()).add(fault)
        self._poison = _read_poison(plan.poison)

    def striking(self, segment: int, text: str) -> list[Fault]:
        """Return what strikes at this segment, in order.

        Args:
            segment: Number within the life, from 1.
            text: What it is to say.
        """
        struck = self._by_segment.get(segment, set[Fault]()) | {
            fault for word, fault in self._poison.items() if word in text
        }
        return [fault for fault in Fault if fault in struck]


def _read_spec(spec: str) -> tuple[Fault, int]:
    match = _SPEC.fullmatch(spec)
    if match is None or match[1] not in {fault.value for fault in Fault}:
        raise SettingsError(
            f"{_WHERE}.faults: {spec!r} means nothing; write FAULT@N, N from 1, with one of {_NAMES}"
        )
    return Fault(match[1]), int(match[2])


def _read_poison(poison: Mapping[str, str]) -> dict[str, Fault]:
    for word, name in poison.items():
        if not word or name not in {fault.value for fault in Fault}:
            raise SettingsError(f"{_WHERE}.poison: {word!r} = {name!r} means nothing; it is one of {_NAMES}")
    return {word: Fault(name) for word, name in poison.items()}


def _refuse_negative(plan: FaultPlan) -> None:
    numbers = {
        "peak_bytes": plan.peak_bytes,
        "leak_bytes": plan.leak_bytes,
        "plateau": plan.plateau,
        "slowdown": plan.slowdown,
    }
    for key, value in numbers.items():
        if not value >= 0:  # so that NaN is refused as well
            raise SettingsError(f"{_WHERE}.{key} = {value!r} cannot be negative")
