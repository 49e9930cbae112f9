"""A script that strikes a running narration at random moments, and runs the same command again."""

import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.processes.narration import Event, Narration, Task, survivors

SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP, signal.SIGTERM)

#: Where in the child's life a strike is aimed. `retiring` is being asked to release or to leave;
#: to make it `draining` the parent is asked to stop.
AIMS = ("starting", "ready", "speaking", "draining", "retiring")

#: How long after what tells the moment the strike falls, at most: about as long as the state lasts.
SPREAD_S = {"starting": 0.01, "ready": 0.01, "speaking": 0.06, "draining": 0.02, "retiring": 0.01}

#: Where the parent is killed: likewise.
PARENT_SPREAD_S = {"planning": 0.2, "starting": 0.02, "speaking": 0.06, "retiring": 0.01, "delivering": 0.3}

#: So many strikes may fall in a row without a segment that is finished in between.
MOST_DRY = 2


@dataclass(slots=True)
class Tally:
    """What the script did.

    Attributes:
        child: Strikes by the state that the child was in, and by signal.
        parent: SIGKILLs of the parent, by aim.
        exits: How its runs ended.
    """

    child: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    parent: Counter[str] = field(default_factory=Counter[str])
    exits: Counter[int] = field(default_factory=Counter[int])
    lives: int = 0

    def states(self) -> Counter[str]:
        states: Counter[str] = Counter()
        for (state, _), number in self.child.items():
            states[state] += number
        return states

    def signals(self) -> Counter[str]:
        signals: Counter[str] = Counter()
        for (_, name), number in self.child.items():
            signals[name] += number
        return signals


class _Over(Exception):
    """The run ended before the strike could fall."""


class Chaos:
    """Strike one task so often, then let it end.

    Args:
        task: What is narrated; long enough to outlast the strikes.
        seed: Of all that is random here.
        strikes: Signals to the child.
        kills: SIGKILLs to the parent: a tenth while it plans, a tenth while it delivers.
    """

    def __init__(self, task: Task, *, seed: int, strikes: int, kills: int) -> None:
        self._task = task
        self._chance = random.Random(seed)
        self._early = self._late = max(1, kills // 10)
        self._plan = ["child"] * strikes + ["parent"] * (kills - self._early - self._late)
        self._chance.shuffle(self._plan)
        self._aims: list[tuple[str, signal.Signals]] = []
        self._dry = 0  # strikes since a segment was finished
        self.tally = Tally()

    def run(self) -> Tally:
        """Strike until all is struck and the job is done.

        Raises:
            AssertionError: If a run ends as none may, or something outlives a parent.
        """
        code = -1
        while code != 0:
            with Narration(self._task) as run, contextlib.closing(_Watched(run)) as watched:
                with contextlib.suppress(_Over):
                    self._strike_all(watched)
                code = run.exit_code()
                self.tally.exits[code] += 1
                self.tally.lives += watched.lives
                assert code in (0, 4, -signal.SIGKILL), f"exit {code}:\n{run.tail()}"
                assert survivors(self._task.state) == []
        assert not self._plan, f"the text is too short: {len(self._plan)} strikes are left"
        return self.tally

    def _strike_all(self, watched: "_Watched") -> None:
        if self._early and self.tally.exits and (not self._plan or self._chance.random() < 1 / 3):
            self._early -= 1
            self._kill_parent(watched, "planning")
        while self._plan:
            if self._plan[-1] == "parent":
                self._kill_parent(watched, self._chance.choice(("starting", "speaking", "retiring")))
            else:
                self._strike_child(watched)
        if self._late:
            self._late -= 1
            self._kill_parent(watched, "delivering")

    def _kill_parent(self, watched: "_Watched", aim: str) -> None:
        watched.reach(aim)
        watched.run.over_after(self._chance.uniform(0.0, PARENT_SPREAD_S[aim]))
        watched.run.kill()
        self.tally.parent[aim] += 1
        if aim not in ("planning", "delivering"):
            self._plan.pop()
        raise _Over

    def _strike_child(self, watched: "_Watched") -> None:
        aim, number = self._next()
        finished = watched.finished
        for _ in range(self._gap(aim)):
            watched.reach("finished")
        watched.reach(aim)
        watched.run.over_after(self._chance.uniform(0.0, SPREAD_S[aim]))
        state = watched.strike(number)
        if state is None:
            return  # gone by itself meanwhile: that was no strike
        self._plan.pop()
        self._aims.remove((aim, number))
        self.tally.child[state, number.name] += 1
        watched.reach("gone")
        self._dry = self._dry + 1 if watched.finished == finished else 0

    def _next(self) -> tuple[str, signal.Signals]:
        """Draw from all aims with all signals until none is left, then begin anew."""
        if not self._aims:
            self._aims = list(itertools.product(AIMS, SIGNALS))
            self._chance.shuffle(self._aims)
        return self._aims[-1]

    def _gap(self, aim: str) -> int:
        # A crash loop is another test's: after every other strike a segment gets finished. A child
        # that starts, or is just ready, does so right after a strike.
        at_least = self._dry // MOST_DRY
        return at_least if aim in ("starting", "ready") else max(at_least, self._chance.randrange(3))


class _Watched:
    """A run with what was last heard of its children: at a hand-over there are two."""

    def __init__(self, run: Narration) -> None:
        self.run = run
        self.finished = 0
        self.lives = 0
        self._states: dict[int, str] = {}
        self._pidfds: dict[int, int] = {}
        self._life = 0  # that was heard of last
        self._is_delivering = False

    def close(self) -> None:
        for life in list(self._pidfds):
            self._forget(life)

    def reach(self, moment: str) -> None:
        """Read on to a moment.

        Raises:
            _Over: If the run ends before.
        """
        if moment == "delivering" and self._is_delivering:
            return  # a strike at the last child was still waited for when it began
        if moment == "draining":
            if self._states.get(self._life) not in ("ready", "speaking"):
                self._read_on(_MOMENTS["ready"])
            self.run.signal(signal.SIGINT)
            moment = "retiring"  # with nothing in hand just now it is `leaving`
        self._read_on(_MOMENTS[moment])

    def strike(self, number: signal.Signals) -> str | None:
        """Send the signal to the child that was heard of last.

        Returns:
            The state that it was in; None if it is gone.
        """
        while event := self.run.next(0.0):
            self._hear(event)
        if self._life not in self._pidfds:
            return None
        try:
            signal.pidfd_send_signal(self._pidfds[self._life], number)
        except ProcessLookupError:
            return None
        return self._states[self._life]

    def _read_on(self, wanted: Callable[[Event], bool]) -> None:
        while event := self.run.next():
            self._hear(event)
            if wanted(event):
                return
        raise _Over

    def _hear(self, event: Event) -> None:
        self._is_delivering |= event.stage == "delivering"
        if event.event == "segment.done":
            self.finished += 1
            self._speaks()
        elif event.event == "child.state":
            self._life = event.life
            self._states[event.life] = event.state
            self.lives += event.state == "starting"
            if event.state == "gone":
                self._forget(event.life)
            elif event.life not in self._pidfds and event.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._pidfds[event.life] = os.pidfd_open(event.pid)

    def _speaks(self) -> None:
        """Of two children the older one has the work until it leaves."""
        at_work = [life for life, state in self._states.items() if state in ("ready", "speaking")]
        if at_work:
            self._life = min(at_work)
            self._states[self._life] = "speaking"

    def _forget(self, life: int) -> None:
        self._states.pop(life, None)
        if life in self._pidfds:
            os.close(self._pidfds.pop(life))


_MOMENTS: dict[str, Callable[[Event], bool]] = {
    "planning": lambda event: event.stage == "planning",
    "starting": lambda event: event.is_child("starting"),
    "ready": lambda event: event.is_child("ready"),
    "speaking": lambda event: event.event == "segment.done",
    "draining": lambda event: event.is_child("draining"),
    "retiring": lambda event: event.is_child("releasing", "leaving", "draining"),
    "finished": lambda event: event.event == "segment.done",
    "gone": lambda event: event.is_child("gone"),
    "delivering": lambda event: event.stage == "delivering",
}
