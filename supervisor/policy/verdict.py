"""What a memory policy may say of a child, softest first; verdicts combine by `max`."""

from enum import IntEnum


class Verdict(IntEnum):
    """What to do about a child's memory."""

    KEEP = 0  # nothing
    PAUSE = 1  # hand out nothing until it passes: not this child's doing
    RELEASE = 2  # release caches at the next segment boundary, then read again
    RECYCLE = 3  # replace the child at the next segment boundary
    REFUSE = 4  # no child on this machine could do it
    KILL = 5  # replace it now
