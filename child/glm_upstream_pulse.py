"""Whether the original GLM-TTS goes on: its models are counted as they are called, a few times a step."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: The LM and its head, the flow and its estimator; what is below them is called hundreds of times a step.
_DEPTH = 2


class Pulse:
    """A count that moves for as long as models are called, and stands still where code merely turns."""

    def __init__(self) -> None:
        """Begin at none."""
        self.count = 0

    def feel(self, *parts: object) -> None:
        """Count the calls of the modules in these; whatever else they hold is passed over.

        Args:
            parts: A module of torch, or an object with some among its attributes.
        """
        import torch  # noqa: PLC0415 -- there by now, and not before the checkout is opened

        felt: set[int] = set()
        for module in _modules(parts, _DEPTH):
            if id(module) not in felt and not isinstance(module, torch.jit.ScriptModule):
                felt.add(id(module))
                module.register_forward_hook(self._beat)

    def _beat(self, *_: object) -> None:
        self.count += 1


def _modules(parts: Iterable[object], depth: int) -> "Iterator[torch.nn.Module]":
    import torch  # noqa: PLC0415 -- see above

    for part in parts:
        if isinstance(part, torch.nn.Module):
            yield part
            inner: Iterable[object] = part.children()
        else:
            inner = [
                one for one in getattr(part, "__dict__", {}).values() if isinstance(one, torch.nn.Module)
            ]
        if depth:
            yield from _modules(inner, depth - 1)
