"""Two marks on how much memory is used, and whose doing it is.

Sans-IO: nothing here reads NVML, /proc or a clock. One level is judged at a time, against what a
fresh child would hold in this one's place: so a child that is above a mark at its own baseline is
never recycled for it (celery#4125: one was, after every task), and a neighbour's memory never costs
our child its life.
"""

from dataclasses import dataclass

from supervisor.policy.verdict import Verdict
from supervisor.policy.worth import counts


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkLimits:
    """Two marks.

    Attributes:
        soft_bytes: Release, then recycle at a boundary.
        hard_bytes: Replace at once.

    Raises:
        ValueError: If not 0 < soft <= hard.
    """

    soft_bytes: int
    hard_bytes: int

    def __post_init__(self) -> None:
        if not 0 < self.soft_bytes <= self.hard_bytes:
            raise ValueError(f"need 0 < soft <= hard, got {self.soft_bytes} and {self.hard_bytes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How high one kind of memory stands.

    Attributes:
        used_bytes: All that is used: by the child for host memory, by everybody for a device.
        own_bytes: The child's part; None where nobody can tell.
        fresh_bytes: What a fresh child would hold; None while that is not known.
        slack_bytes: Of the child's part, what a release could give back.
        others_grew_bytes: What others hold beyond the least that they ever held.
    """

    used_bytes: int
    own_bytes: int | None
    fresh_bytes: int | None
    slack_bytes: int = 0
    others_grew_bytes: int = 0

    @property
    def grown_bytes(self) -> int:
        """What the child holds beyond a fresh one; 0 where nobody can tell: nothing is blamed on it then."""
        if self.own_bytes is None or self.fresh_bytes is None:
            return 0
        return max(0, self.own_bytes - self.fresh_bytes)

    @property
    def kept_bytes(self) -> int:
        """Of what it holds beyond a fresh one, what a release would not give back; may be below 0."""
        return self.grown_bytes - self.slack_bytes

    @property
    def with_a_fresh_child_bytes(self) -> int:
        """How high it would stand with a fresh child in this one's place."""
        return self.used_bytes - self.grown_bytes


def judge_level(limits: WatermarkLimits, level: Level, *, released: bool, worth_bytes: int) -> Verdict:
    """Say what one level calls for.

        used < soft                                        KEEP
        used >= soft, a fresh child would stand below it   RELEASE; once released, RECYCLE if that is worth it
                                                           and another release would not do
        used >= soft, it would not                         RELEASE what is worth it, once; else KEEP
        used >= hard, without what it keeps: below it      KILL, if that is worth it or all there is
        used >= hard, otherwise                            PAUSE: only waiting helps, or a release

    Args:
        limits: The marks.
        level: What is used, and by whom.
        released: Whether the child released its caches shortly before.
        worth_bytes: Less than this is not worth a release for others' sake, nor a recycle at all.
    """
    if level.used_bytes < limits.soft_bytes:
        return Verdict.KEEP
    if level.used_bytes >= limits.hard_bytes:
        return _judge_above_hard(limits, level, worth_bytes)
    helps = level.with_a_fresh_child_bytes < limits.soft_bytes
    if not released:
        return Verdict.RELEASE if helps or level.slack_bytes >= worth_bytes else Verdict.KEEP
    # What is in reserve again, texts use in turn: nobody is replaced for what a release gives back.
    stays = level.used_bytes - level.slack_bytes >= limits.soft_bytes
    ours = counts(level.kept_bytes, worth_bytes=worth_bytes, others_grew_bytes=level.others_grew_bytes)
    return Verdict.RECYCLE if helps and stays and ours else Verdict.KEEP


def _judge_above_hard(limits: WatermarkLimits, level: Level, worth_bytes: int) -> Verdict:
    if level.slack_bytes >= worth_bytes and level.used_bytes - level.slack_bytes < limits.hard_bytes:
        return Verdict.PAUSE  # a release does it
    in_the_way_bytes = max(level.others_grew_bytes, level.slack_bytes)  # besides
    ours = level.kept_bytes >= worth_bytes or in_the_way_bytes < worth_bytes
    explains = level.used_bytes - level.kept_bytes < limits.hard_bytes
    return Verdict.KILL if explains and ours else Verdict.PAUSE
