"""Whether what a child keeps is worth its end: one measure for the marks, look-ahead and head-room."""

from typing import Final

#: What a child keeps counts beside what others grew by from such a share of it on.
_COUNTS: Final = 0.25


def counts(kept_bytes: int, *, worth_bytes: int, others_grew_bytes: int) -> bool:
    """Say whether a child is to be replaced for so much: not for a little beside much that others took.

    Args:
        kept_bytes: What it keeps beyond a fresh one, and no release gives back.
        worth_bytes: Less is not worth a recycle at all.
        others_grew_bytes: What others hold beyond the least that they ever held.
    """
    return kept_bytes >= max(worth_bytes, _COUNTS * others_grew_bytes)
