"""What the panel of policies decides, and what it thinks."""

from dataclasses import dataclass
from typing import Literal

Act = Literal[
    "flag",  # the leak policy is sure; once a life
    "clean",  # release caches at the next segment boundary
    "drain",  # replace the child at this boundary
    "kill",  # replace it now
    "pause",  # hand nothing out
    "resume",  # go on
    "refuse",  # cannot be spoken on this machine: see `scope`
]

Policy = Literal[
    "watermark",
    "leak",
    "lookahead",
    "headroom",
    "fit",
    "slowdown",
    "fragmentation",
    "clock",
    "stall",
    "degrade",
]

Scope = Literal[
    "life",  # the child
    "text",  # the next text alone: set aside
    "job",  # a configuration that no child can live under
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision.

    Attributes:
        t: When, monotonic seconds.
        action: What is to be done.
        policy: Who says so.
        why: A sentence for people, with the figures.
        scope: What a `refuse` is about.
    """

    t: float
    action: Act
    policy: Policy
    why: str
    scope: Scope = "life"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What one policy thinks now.

    Attributes:
        policy: Which.
        says: Its verdict in a word: `"keep"`, or an action.
        why: A sentence with the figures.
    """

    policy: Policy
    says: str
    why: str
