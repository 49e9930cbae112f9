"""One job under one rule: texts are handed out, children die and are replaced, and all is tallied.

Whatever the rule, a text that failed is tried again, three times in all (`child.attempts`): kinder to
other rules than their own programs are. Lost seconds are all virtual seconds of the job beyond those
that its texts take undisturbed: restarts, work thrown away, waiting, rests, a starved allocator.
"""

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal, Protocol

from benchmarks.simulation.cases import Case, Text
from benchmarks.traces.allocator import MIB, OutOfMemory
from benchmarks.traces.model import Card, ModelChild, Spoken

#: What a rule wants done before a text: hand it out, or first something else.
Step = Literal["go", "clean", "recycle", "wait", "refuse"]

ATTEMPTS: Final = 3

#: Between readings while nothing is handed out, virtual seconds.
WAIT_S: Final = 5.0

#: A text that waited for so long is given up.
_PATIENCE_S: Final = 1800.0

#: A release asks the driver to take hundreds of blocks back, and the next text gets them again.
RELEASE_S: Final = 0.2

#: What a child kept, by the truth, that would excuse a recycle.
_EXCUSE: Final = 64 * MIB


class Rule(Protocol):
    """When to release caches, replace the child, or wait.

    Attributes:
        name: For the table.
        start_s: From the end of one child until the next is ready.
        survives_oom: Whether a child goes on after it ran out of memory.
        rest_s: Rest after each text.
    """

    name: str
    start_s: float
    survives_oom: bool
    rest_s: float

    def born(self, child: ModelChild) -> None:
        """A child is ready."""
        ...

    def before(self, child: ModelChild, ahead: tuple[int, ...], *, last_try: bool) -> Step:
        """Say what to do before the next text; `ahead` are the characters up to the next boundary."""
        ...

    def begins(self, child: ModelChild, chars: int) -> None:
        """A text is handed out."""
        ...

    def within(self, child: ModelChild, spoken: Spoken) -> bool:
        """Say whether to kill the child while it speaks: its peak was read."""
        ...

    def over(self, child: ModelChild, text: Text, spoken: Spoken) -> None:
        """A text was spoken, or failed."""
        ...

    def released(self, child: ModelChild) -> None:
        """Caches were released."""
        ...

    def waited(self, child: ModelChild) -> None:
        """Nothing was handed out for a while."""
        ...

    def overlap(self, child: ModelChild, chars: int) -> float | None:
        """Say how long a successor that starts beside this child holds the work up.

        Args:
            child: Goes on meanwhile, if it may speak the next text.
            chars: Of the next text.

        Returns:
            Seconds; None where the child must end first.
        """
        ...

    def ended(self, card: Card) -> None:
        """The child is gone."""
        ...

    def may_start(self, card: Card) -> bool:
        """Say whether to start a child now that none is there; else it waits."""
        ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of one job, or of several.

    Attributes:
        texts: Of the jobs.
        oom: Out-of-memory errors, but for those of the next line.
        oom_neighbour: Those in which others grew within the text by what was missing.
        kills: Recycles within a text.
        recycles: Recycles between two texts.
        in_paragraph: Those of them that were at no boundary.
        baseless: Recycles and kills of a child on a shared card whose own growth excuses none.
        given_up: Texts that were never spoken.
        refused: Those of them that the rule refused before they failed.
        cleans: Releases asked for.
        waits: Times that something was held back for others.
        lost_s: Virtual seconds beyond those of the texts.
        failed_starts: Children for which there was no room.
        why: How often each policy of ours decided what.
    """

    texts: int = 0
    oom: int = 0
    oom_neighbour: int = 0
    kills: int = 0
    recycles: int = 0
    in_paragraph: int = 0
    baseless: int = 0
    given_up: int = 0
    refused: int = 0
    cleans: int = 0
    waits: int = 0
    lost_s: float = 0.0
    failed_starts: int = 0
    why: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        """Add another's figures."""
        for name in _FIGURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.why.update(other.why)

    def per_thousand(self, name: str) -> float:
        """Return a figure per 1,000 texts."""
        return 1000.0 * getattr(self, name) / max(self.texts, 1)


_FIGURES: Final = tuple(name for name in Tally.__dataclass_fields__ if name != "why")


class Job:
    """Carry one case through under one rule."""

    def __init__(self, case: Case, rule: Rule, *, declare: bool = True) -> None:
        self._case = case
        self._rule = rule
        self._declare = declare
        self._rng = Random(case.seed)
        self._card = Card(case.card_bytes, case.neighbour)
        self._child: ModelChild | None = None
        self._at_boundary = True
        self._waiting = False
        self.tally = Tally(texts=len(case.texts))

    def run(self) -> Tally:
        """Speak every text; return the tally."""
        undisturbed_s = sum(self._undisturbed_s(text) for text in self._case.texts)
        with contextlib.suppress(OutOfMemory):  # then the first text's wait for room counts
            self._start(0.0)
        begun_s = self._card.now_s
        for at in range(len(self._case.texts)):
            self._speak(at)
            self._card.pass_time(self._rule.rest_s)
        self.tally.lost_s = self._card.now_s - begun_s - undisturbed_s
        return self.tally

    # ------------------------------------------------------------------ one text

    def _speak(self, at: int) -> None:
        text = self._case.texts[at]
        ahead = self._ahead(at)
        for attempt in range(1, ATTEMPTS + 1):
            if not self._make_ready(ahead, last_try=attempt == ATTEMPTS):
                break
            if self._try(text):
                self._at_boundary = bool(text.ends)
                return
        self.tally.given_up += 1
        self._at_boundary = bool(text.ends)

    def _make_ready(self, ahead: tuple[int, ...], *, last_try: bool) -> bool:
        """Do what the rule wants before a text; False if it refuses it."""
        waited_s = 0.0
        while True:
            child = self._present()
            step = self._rule.before(child, ahead, last_try=last_try)
            if step != "wait":
                self._waiting = False
            match step:
                case "go":
                    return True
                case "clean":
                    self._release(child)
                case "recycle":
                    self._recycle(child, ahead[0])
                case "refuse":
                    self.tally.refused += 1
                    return False
                case "wait":
                    waited_s += self._wait()
                    self._rule.waited(child)
            if waited_s > _PATIENCE_S:
                return False

    def _try(self, text: Text) -> bool:
        child, rule, tally = self._present(), self._rule, self.tally
        rule.begins(child, text.chars)
        spoken = child.speak(text.chars)
        if not spoken.oom and rule.within(child, spoken):
            tally.kills += 1
            self._judge(child)
            self._end(child)
            return False
        rule.over(child, text, spoken)
        if not spoken.oom:
            return True
        by_neighbour = 0 < spoken.missing_bytes <= spoken.neighbour_grew_bytes
        tally.oom_neighbour += by_neighbour
        tally.oom += not by_neighbour
        if not rule.survives_oom:
            self._end(child)
        return False

    def _release(self, child: ModelChild) -> None:
        self.tally.cleans += 1
        child.release()
        self._card.pass_time(RELEASE_S)
        self._rule.released(child)

    def _wait(self) -> float:
        self.tally.waits += not self._waiting
        self._waiting = True
        self._card.pass_time(WAIT_S)
        return WAIT_S

    def _recycle(self, child: ModelChild, chars: int) -> None:
        self.tally.recycles += 1
        self.tally.in_paragraph += not self._at_boundary
        self._judge(child)
        start_s = self._rule.overlap(child, chars)
        if start_s is None:
            self._end(child)
            return
        try:
            self._start(start_s)
        except OutOfMemory:
            self.tally.failed_starts += 1
            self._child = child
            self._end(child)
            return
        child.end()

    # ------------------------------------------------------------------ children

    def _present(self) -> ModelChild:
        """Return the child; start one if there is none, however long it takes to find room."""
        waited_s = 0.0
        while self._child is None:
            if waited_s < _PATIENCE_S and not self._rule.may_start(self._card):
                waited_s += self._wait()
                continue
            try:
                self._start(self._rule.start_s)
            except OutOfMemory:
                self.tally.failed_starts += 1
                self._card.pass_time(10.0)
        return self._child

    def _start(self, start_s: float) -> None:
        child = ModelChild(self._card, self._case.kind, self._rng, declare=self._declare, start_s=start_s)
        self._child = child
        self._rule.born(child)

    def _end(self, child: ModelChild) -> None:
        child.end()
        self._child = None
        self._rule.ended(self._card)

    def _judge(self, child: ModelChild) -> None:
        if self._case.shared and child.kept_bytes < _EXCUSE:
            self.tally.baseless += 1

    # ------------------------------------------------------------------ texts

    def _ahead(self, at: int) -> tuple[int, ...]:
        """Return the characters of the texts from this one to the next boundary, at most 50."""
        chars: list[int] = []
        for text in self._case.texts[at : at + 50]:
            chars.append(text.chars)
            if text.ends:
                break
        return tuple(chars)

    def _undisturbed_s(self, text: Text) -> float:
        return self._case.kind.footprint.undisturbed_s(text.chars)


def run(case: Case, rule: Rule, *, declare: bool = True) -> Tally:
    """Carry one case through under one rule."""
    return Job(case, rule, declare=declare).run()
