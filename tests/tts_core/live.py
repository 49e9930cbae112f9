"""How many bytes of tensors live at once: counted as torch makes them and lets them go."""

import weakref
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts storages made while it is entered; what a kernel takes for itself it does not see.

    Attributes:
        now: Bytes that live.
        peak: The most that lived at once.
        made: How many storages there were in all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self.made = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        given = {_place(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        found = func(*args, **(kwargs or {}))
        for one in tree_leaves(found):
            if isinstance(one, Tensor) and _place(one) not in given:
                self._made(one)
        return found

    def _made(self, one: Tensor) -> None:
        storage = one.untyped_storage()
        place, size_bytes = _place(one), storage.nbytes()
        if place in self._seen:
            return
        self._seen.add(place)
        self.made += 1
        self.now += size_bytes
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, place, size_bytes)

    def _gone(self, place: int, size_bytes: int) -> None:
        self._seen.discard(place)
        self.now -= size_bytes


def _place(one: Tensor) -> int:
    # Not its address: tensors of the `meta` device have none.
    return one.untyped_storage()._cdata  # pyright: ignore[reportPrivateUsage] -- torch's only name for it
