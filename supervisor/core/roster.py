"""Who is there: the child that gets the work, its successor while one takes over, and those that leave."""

import math
from collections.abc import Iterator

from supervisor.core.post import Post
from supervisor.core.slot import SlotTimes


class Roster:
    """Posts of one job. At most one gets work; at most one is its successor.

    Attributes:
        current: Who gets the work; its slot is absent while nobody does.
        successor: Who is getting ready to take over; None unless a hand-over is under way.
    """

    def __init__(self, times: SlotTimes, lives: int = 0, step: int = 1) -> None:
        self._times = times
        self._leaving: list[Post] = []
        self.lives = lives
        self._step = step
        self.current = Post(times)
        self.successor: Post | None = None

    def __iter__(self) -> Iterator[Post]:
        """Go through all that have a process, the one with the work first."""
        everybody = [self.current, *([self.successor] if self.successor is not None else []), *self._leaving]
        return iter([post for post in everybody if post.is_there])

    @property
    def has_leaving(self) -> bool:
        """Whether one that had the work has not left yet."""
        return any(post.is_there for post in self._leaving)

    def of(self, life: int) -> Post | None:
        """Return the post of a life that is there; None if it is not, or not any more."""
        return next((post for post in self if post.life == life), None)

    @property
    def deadline_s(self) -> float:
        """When the first of all present states runs out of time; infinite if none does."""
        return min((post.slot.deadline_s for post in self), default=math.inf)

    def begin_current(self) -> Post:
        """Make a place for the next life, to get the work."""
        self.lives += self._step
        self.current = Post(self._times, self.lives)
        return self.current

    def begin_successor(self) -> Post:
        """Make a place for the next life, beside the one that has the work."""
        self.lives += self._step
        self.successor = Post(self._times, self.lives)
        return self.successor

    def hand_over(self) -> tuple[Post, Post]:
        """Give the successor the work; return who had it and who has it."""
        assert self.successor is not None
        old, self.current, self.successor = self.current, self.successor, None
        if old.is_there:
            self._leaving.append(old)
        return old, self.current

    def forget(self, post: Post) -> None:
        """Let go of a post whose process is gone."""
        if post is self.successor:
            self.successor = None
        elif post in self._leaving:
            self._leaving.remove(post)
