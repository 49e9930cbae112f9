"""A closed-loop model of a child that speaks on a card which it may share.

    card = Card(24 * GIB, neighbour)
    child = ModelChild(card, kind, random.Random(7))     # may raise OutOfMemory: no room for a fresh one
    spoken = child.speak(chars=90)                       # moves `card.now_s`
    child.release(); child.end(); ModelChild(card, ...)  # the broom; the end of a life; the next life

Closed loop: what the child takes changes what the next step finds, a release and an end give real
blocks back, and a neighbour takes only what is there. Time is virtual. A child holds weights, a CUDA
context and workspaces outside the allocator that grow while it warms up (and now and then up to the
150th text), and for each text a working set that grows with its length. What stays after a text is
the `Kind`'s: its habits keep parts, grow other memory, fill caches and leave garbage, always while
the working set is alive, so that leaks land between its parts and fragment it as real ones do.

A child holds 6 GiB of weights, half of a card below 12 GiB, and reads about three tokens a character.
The figures of one seed are the same each time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from benchmarks.traces.allocator import MIB, Allocator, OutOfMemory, Part
from supervisor.core.traces import TraceVitals

GIB: Final = 1024 * MIB

#: What others want on the card at a moment: seconds of virtual time, texts begun on it so far.
Neighbour = Callable[[float, int], int]

#: A text's working set, as shares of its need, in the order in which the parts are taken.
_SHARES: Final = (0.38, 0.24, 0.15, 0.10, 0.08, 0.05)

#: Habits act when these many of the parts are there: leaks come to lie among them.
_KEEP_AFTER: Final = 3

_CHARS_PER_AUDIO_S: Final = 15.0
_TOKENS_PER_CHAR: Final = 3.0

#: A search for room gives everything back to the driver and asks for it again while the device waits.
_RETRY_SLOWDOWN: Final = 1.0
_WORST_SLOWDOWN: Final = 4.0

#: Virtual seconds from spawn to ready.
START_S: Final = 5.0


def nobody(_at_s: float, _texts: int) -> int:
    """Want nothing: the neighbour of a card that is ours alone."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFigures:
    """What the driver says at one moment, in bytes; `child` is our child's part."""

    total: int
    used: int
    child: int


class Card:
    """A card with its neighbour and the virtual clock.

    Args:
        total_bytes: Of the card.
        neighbour: Says what others want; they get what is free, and keep it while they want it.

    Attributes:
        total_bytes: Of the card.
        now_s: Virtual seconds.
        texts: Begun on this card so far.
        own_bytes: Held by our children.
        neighbour_bytes: Held by others.
    """

    def __init__(self, total_bytes: int, neighbour: Neighbour = nobody) -> None:
        self.total_bytes = total_bytes
        self.now_s = 0.0
        self.texts = 0
        self.own_bytes = 0
        self.neighbour_bytes = 0
        self._neighbour = neighbour
        self.pass_time(0.0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass; the neighbour moves."""
        self.now_s += seconds
        wanted = max(self._neighbour(self.now_s, self.texts), 0)
        self.neighbour_bytes = min(wanted, self.total_bytes - self.own_bytes)

    def take(self, size: int) -> bool:
        """Give a child so many bytes; False where there is no room."""
        if self.own_bytes + self.neighbour_bytes + size > self.total_bytes:
            return False
        self.own_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """Take so many bytes back from a child."""
        self.own_bytes -= size

    def used_bytes(self) -> int:
        """Return what everybody holds."""
        return self.own_bytes + self.neighbour_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a child of one engine holds and needs.

    Attributes:
        weights_bytes: Live from start to end.
        context_bytes: Outside the allocator from the start.
        warm_texts: So many texts warm it up.
        warm_other_bytes: Workspaces outside the allocator, spread over the warm-up.
        warm_live_bytes: Live bytes that stay, spread over the warm-up.
        late_other_bytes: Each late workspace.
        late_chance: That a text up to the 150th brings one.
        need_bytes: Of the working set of any text.
        need_per_token_bytes: Of the working set for each token.
        host_bytes: Private host memory when ready.
        wall_per_audio_s: Seconds of work for a second of audio, undisturbed.
    """

    weights_bytes: int
    context_bytes: int
    warm_texts: int
    warm_other_bytes: int
    warm_live_bytes: int
    late_other_bytes: int
    late_chance: float
    need_bytes: int
    need_per_token_bytes: int
    host_bytes: int
    wall_per_audio_s: float

    def undisturbed_s(self, chars: int) -> float:
        """Return the seconds of work for a text."""
        return chars / _CHARS_PER_AUDIO_S * self.wall_per_audio_s


#: Late workspaces come no later than this text of a life.
LATE_TEXTS: Final = 150


def footprint(card_bytes: int, rng: Random) -> Footprint:
    """Draw a child's footprint, scaled to a small card."""
    scale = min(1.0, 0.5 * card_bytes / (6 * GIB))
    return Footprint(
        weights_bytes=int(6 * GIB * scale * rng.uniform(0.94, 1.0)),
        context_bytes=rng.randrange(350, 550) * MIB,
        warm_texts=rng.randint(4, 15),
        warm_other_bytes=int(rng.randrange(100, 300) * MIB * scale),
        warm_live_bytes=int(rng.randrange(20, 120) * MIB * scale),
        late_other_bytes=rng.randrange(8, 40) * MIB,
        late_chance=0.015,
        need_bytes=64 * MIB,
        need_per_token_bytes=int(rng.uniform(0.6, 1.6) * MIB * scale),
        host_bytes=rng.randrange(1500, 2600) * MIB,
        wall_per_audio_s=rng.uniform(0.4, 0.9),
    )


#: What happens to a child's memory while it speaks a text of so many tokens.
Habit = Callable[["ModelChild", int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a child does to its memory.

    Attributes:
        name: For tables.
        leaks: The truth: whether a recycle is the only cure.
        footprint: Of every life.
        habits: Makers of habits, called at each start: what a habit remembers ends with the life.
    """

    name: str
    leaks: bool
    footprint: Footprint
    habits: tuple[Callable[[Random], Habit], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What came of one text.

    Attributes:
        vitals: What the child says of itself after it.
        peak: What the driver said while the working set was whole, or when memory ran out.
        peak_at_s: When that was, virtual seconds.
        after: What the driver says after it.
        took_s: Virtual seconds from begin to end.
        audio_s: Seconds of audio; 0 if it failed.
        oom: Whether memory ran out: nothing was spoken.
        missing_bytes: What the allocator reserved too little when memory ran out; 0 otherwise.
        neighbour_grew_bytes: By how much others grew between begin and peak.
    """

    vitals: TraceVitals
    peak: DeviceFigures
    peak_at_s: float
    after: DeviceFigures
    took_s: float
    audio_s: float
    oom: bool
    missing_bytes: int
    neighbour_grew_bytes: int


class ModelChild:
    """One child life on a card.

    Args:
        card: The card; the child takes from it until `end`.
        kind: What it does to its memory.
        rng: Its chance; one for all lives of a job keeps the job's figures the same each time.
        declare: Whether the engine declares its caches.
        start_s: Virtual seconds until it is ready.

    Attributes:
        card: The card.
        kind: What it does to its memory.
        rng: Its chance, for habits.
        allocator: Torch's.
        texts: Begun in this life.
        other_bytes: Held on the card outside the allocator.
        host_bytes: Private host memory.
        cached_bytes: In caches that the engine keeps on purpose, declared or not.
        warmed_bytes: What its warm-up has added on the card so far, late workspaces included.

    Raises:
        OutOfMemory: The card has no room for a fresh child; it holds nothing then.
    """

    def __init__(
        self, card: Card, kind: Kind, rng: Random, *, declare: bool = True, start_s: float = START_S
    ) -> None:
        self.card = card
        self.kind = kind
        self.rng = rng
        self.allocator = Allocator(card.take, card.give_back)
        self.texts = 0
        self.other_bytes = 0
        self.host_bytes = kind.footprint.host_bytes
        self.cached_bytes = 0
        self.warmed_bytes = 0
        self._declare = declare
        self._garbage: list[Part] = []
        self._habits = [make(rng) for make in kind.habits]
        card.pass_time(start_s)
        try:
            self.grow_other(kind.footprint.context_bytes)
            self.allocator.take(kind.footprint.weights_bytes)
        except OutOfMemory:
            self.end()
            raise

    # ---------------------------------------------------------------- what happens to it

    def speak(self, chars: int) -> Spoken:
        """Speak one text; time passes on the card."""
        card, allocator = self.card, self.allocator
        self.texts += 1
        card.texts += 1
        begun_s, before, retries = card.now_s, card.neighbour_bytes, allocator.retries
        undisturbed_s = self.kind.footprint.undisturbed_s(chars)
        card.pass_time(undisturbed_s / 2)
        grew = card.neighbour_bytes - before
        allocator.peak = allocator.live
        missing = self._work(max(1, round(chars * _TOKENS_PER_CHAR)))
        peak, peak_at_s = self._at_peak, card.now_s
        slow = 1.0 + _RETRY_SLOWDOWN * (allocator.retries - retries)
        card.pass_time(undisturbed_s * (min(slow, _WORST_SLOWDOWN) - 0.5))
        return Spoken(
            vitals=self.vitals(),
            peak=peak,
            peak_at_s=peak_at_s,
            after=self.device(),
            took_s=card.now_s - begun_s,
            audio_s=0.0 if missing else chars / _CHARS_PER_AUDIO_S,
            oom=missing > 0,
            missing_bytes=missing,
            neighbour_grew_bytes=grew,
        )

    def release(self) -> int:
        """Collect garbage and empty the allocator's cache; return the bytes that the card got back."""
        self.collect()
        return self.allocator.empty()

    def end(self) -> None:
        """End this life: everything goes back."""
        self.card.give_back(self.allocator.reserved + self.other_bytes)
        self.allocator.reserved = 0
        self.other_bytes = 0

    # ---------------------------------------------------------------- what it says

    def vitals(self) -> TraceVitals:
        """Return what the child says of itself."""
        allocator = self.allocator
        return TraceVitals(
            live=allocator.live,
            reserved=allocator.reserved,
            peak=allocator.peak,
            declared=self.cached_bytes if self._declare else 0,
            host_private=self.host_bytes,
            retries=allocator.retries,
            inactive_split=allocator.inactive_split,
        )

    def device(self) -> DeviceFigures:
        """Return what the driver says."""
        card = self.card
        own = self.allocator.reserved + self.other_bytes
        return DeviceFigures(total=card.total_bytes, used=card.used_bytes(), child=own)

    # ---------------------------------------------------------------- what habits may do

    def keep(self, size: int) -> Part:
        """Keep so many bytes of the allocator's.

        Raises:
            OutOfMemory: If the card has no room.
        """
        return self.allocator.take(size)

    def drop(self, part: Part) -> None:
        """Let go of what was kept."""
        self.allocator.free(part)

    def litter(self, size: int) -> None:
        """Leave so many bytes in a cycle: they live until the collector comes.

        Raises:
            OutOfMemory: If the card has no room.
        """
        self._garbage.append(self.allocator.take(size))

    def collect(self) -> None:
        """Run the collector: cyclic garbage goes."""
        for part in self._garbage:
            self.allocator.free(part)
        self._garbage.clear()

    def grow_other(self, size: int) -> None:
        """Take so many bytes of the card outside the allocator; negative gives them back.

        Raises:
            OutOfMemory: If the card has no room.
        """
        if size > 0 and not self.card.take(size):
            self.allocator.empty()
            if not self.card.take(size):
                raise OutOfMemory(f"no room for {size} bytes outside the allocator")
        if size < 0:
            self.card.give_back(-size)
        self.other_bytes += size

    # ---------------------------------------------------------------- one text

    def _work(self, tokens: int) -> int:
        """Build the working set and let it go; return what was missing, 0 if it was built."""
        shape = self.kind.footprint
        need = shape.need_bytes + shape.need_per_token_bytes * tokens
        parts: list[Part] = []  # extended one by one: those before the one that finds no room stay in it
        try:
            parts.extend(self.allocator.take(int(need * share)) for share in _SHARES[:_KEEP_AFTER])
            self._warm_up()
            for habit in self._habits:
                habit(self, tokens)
            parts.extend(self.allocator.take(int(need * share)) for share in _SHARES[_KEEP_AFTER:])
            missing = 0
        except OutOfMemory:
            missing = max(1, need - sum(part.size for part in parts))
        self._at_peak = self.device()
        for part in parts:
            self.allocator.free(part)
        return missing

    def _warm_up(self) -> None:
        shape = self.kind.footprint
        self.host_bytes += self.rng.randrange(-MIB, MIB)
        if self.texts <= shape.warm_texts:
            self.grow_other(shape.warm_other_bytes // shape.warm_texts)
            part = self.allocator.take(shape.warm_live_bytes // shape.warm_texts)
            self.warmed_bytes += shape.warm_other_bytes // shape.warm_texts + part.size
            self.host_bytes += 200 * MIB // shape.warm_texts
        elif self.texts <= LATE_TEXTS and self.rng.random() < shape.late_chance:
            self.grow_other(shape.late_other_bytes)
            self.warmed_bytes += shape.late_other_bytes

    @property
    def kept_bytes(self) -> int:
        """The truth: what it holds on the card beyond weights, context, warm-up and caches."""
        shape = self.kind.footprint
        littered = sum(part.size for part in self._garbage)
        held = self.allocator.live + self.other_bytes - self.cached_bytes - littered
        return held - shape.weights_bytes - shape.context_bytes - self.warmed_bytes


def chars_drawn(rng: Random, *, median: float = 90.0, spread: float = 0.55, most: int = 400) -> int:
    """Draw the length of a text in characters: log-normal, at least 20."""
    return min(most, max(20, round(median * math.exp(rng.gauss(0.0, spread)))))
