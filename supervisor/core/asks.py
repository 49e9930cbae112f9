"""What people ask of the child between two segments: a release of caches, or a fresh child."""

from dataclasses import dataclass

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
    """Those that are being carried out, and how it stood before."""

    asks: tuple[_Ask, ...]
    before: Held
    at_s: float


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

    def take(self, number: int, at_s: float) -> None:
        """Let a request wait for the boundary."""
        self._waiting.append(_Ask(number=number, at_s=at_s))

    def begin(self, before: Held, at_s: float) -> None:
        """Carry out all that wait; `before` is held now."""
        carried = self._begun.asks if self._begun is not None else ()
        if self._waiting or carried:
            before = self._begun.before if self._begun is not None else before
            began_s = self._begun.at_s if self._begun is not None else at_s
            self._begun = _Begun(asks=(*carried, *self._waiting), before=before, at_s=began_s)
            self._waiting.clear()

    def done(self, after: Held, at_s: float, *, host_before_bytes: int | None = None) -> list[do.Answer]:
        """Answer those that were carried out.

        Args:
            after: Held now.
            at_s: Monotonic seconds.
            host_before_bytes: Of the host, as the child itself found just before it began; None = it did not
                say. What was read of it before may be a second old: of a child that had just begun, far less.
        """
        begun, self._begun = self._begun, None
        if begun is None:
            return []
        host_before = begun.before.host_bytes if host_before_bytes is None else host_before_bytes
        before_bytes, after_bytes, on_device = host_before, after.host_bytes, False
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
