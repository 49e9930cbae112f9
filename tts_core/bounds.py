"""What libraries under torch keep for themselves, bounded where their own bound is too far off.

oneDNN keeps the code that it has written for each new shape of a convolution, up to 1024 of them: every
segment has a length of its own, so some 0.4 MiB of host memory stay behind with each, for hundreds of
segments. One segment has about a hundred shapes.

cuBLAS takes 32 MiB for each stream on the largest cards, to be a little faster with products far larger than
any here; steps that are captured have a stream of their own.

All are said in the environment, which is where these libraries look when they are first used; what is
said there already stands.
"""

import os
from typing import Final

#: Least recently used go first. Fewer than one segment has would be written anew in each.
ONEDNN_SHAPES: Final = 128

_SAID: Final = {
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": str(ONEDNN_SHAPES),
    # Two of 4 MiB and eight of 16 KiB: the default on cards before Hopper.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:2:16:8",
    # In KiB. It lies in the one above, and must not ask for more than that has.
    "CUBLASLT_WORKSPACE_SIZE": "8192",
}


def bound_libraries() -> None:
    """Say the bounds. Comes before the first convolution of the process, or changes nothing."""
    for name, value in _SAID.items():
        os.environ.setdefault(name, value)
