"""Float32 that is float32: what torch would do faster on a card, and not as exactly, is off where it matters.

On CUDA torch lets cuDNN use TF32 in convolutions of float32, which keeps ten bits of each factor: the
same weights would then give another wave on another card. The switch is torch's own and global, so it is
turned for the length of a call and turned back; on the CPU nothing is touched.
"""

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def exact_convolutions(device: torch.device) -> Generator[None]:
    """Compute convolutions in the type they are given in, by the same algorithm every time."""
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
