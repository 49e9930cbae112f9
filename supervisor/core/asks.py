"""What people ask of the child between two segments: a release of caches, or a fresh child."""

from dataclasses import dataclass, replace

from supervisor.core import actions as do


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a child holds, in bytes; `device_bytes` is None where nobody knows, or it uses none."""

    host_bytes: int
    device_bytes: int | None


#: What is held where there is no child.
NOTHING = Held(host_bytes=0, device_bytes=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    number: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Those that are being carried out, and how it stood before.

    `host_before_bytes` is what the child itself found; `awaits_reading` once only a reading is missing.
    """

    asks: tuple[_Ask, ...]
    before: Held
    at_s: float
    host_before_bytes: int | None = None
    awaits_reading: bool = False


class Asks:
    """Requests of one kind: those that wait for the boundary, and those that are carried out.

    Many that wait are answered by one deed.
    """

    def __init__(self) -> None:
        self._waiting: list[_Ask] = []
        self._begun: _Begun | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the boundary."""
        return bool(self._waiting)

    @property
    def is_begun(self) -> bool:
        """Whether something is being carried out."""
        return self._begun is not None

    @property
    def awaits_reading(self) -> bool:
        """Whether it is carried out, and what is held now is still to be read."""
        return self._begun is not None and self._begun.awaits_reading

    def take(self, number: int, at_s: float) -> None:
        """Let a request wait for the boundary."""
        self._waiting.append(_Ask(number=number, at_s=at_s))

    def begin(self, before: Held, at_s: float) -> None:
        """Carry out all that wait; `before` is held now."""
        carried = self._begun.asks if self._begun is not None else ()
        if self._waiting or carried:
            before = self._begun.before if self._begun is not None else before
            began_s = self._begun.at_s if self._begun is not None else at_s
            found = None if self._begun is None else self._begun.host_before_bytes
            self._begun = _Begun(
                asks=(*carried, *self._waiting), before=before, at_s=began_s, host_before_bytes=found
            )
            self._waiting.clear()

    def carried_out(self, host_before_bytes: int) -> None:
        """Take that the child has done it; `done` answers once it is known what is held now.

        Args:
            host_before_bytes: As the child itself found just before it began. What was read of it before may
                be a second old: of a child that had just begun, far less.
        """
        if self._begun is not None:
            found = self._begun.host_before_bytes
            found = host_before_bytes if found is None else found
            self._begun = replace(self._begun, host_before_bytes=found, awaits_reading=True)

    def done(self, after: Held, at_s: float) -> list[do.Answer]:
        """Answer those that were carried out."""
        begun, self._begun = self._begun, None
        if begun is None:
            return []
        host_before = begun.host_before_bytes
        before_bytes = begun.before.host_bytes if host_before is None else host_before
        after_bytes, on_device = after.host_bytes, False
        # Compared is only like with like.
        if begun.before.device_bytes is not None and after.device_bytes is not None:
            before_bytes, after_bytes, on_device = begun.before.device_bytes, after.device_bytes, True
        return [
            do.Answer(
                ask=ask.number,
                before_bytes=before_bytes,
                after_bytes=after_bytes,
                took_s=at_s - begun.at_s,
                waited_s=max(0.0, begun.at_s - ask.at_s),
                on_device=on_device,
            )
            for ask in begun.asks
        ]

    def refuse(self, why: str) -> list[do.Answer]:
        """Answer all with an error."""
        asks = [*self._waiting, *(self._begun.asks if self._begun is not None else ())]
        self._waiting.clear()
        self._begun = None
        return [do.Answer(ask=ask.number, error=why) for ask in asks]
