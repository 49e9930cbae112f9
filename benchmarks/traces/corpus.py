"""The corpus: kinds of traces with ground truth, drawn by seed, in two halves.

    records, truth = play(drawn("constant", seed=7))

Rules are tuned on the training half (even seeds) and told on the held-out half (odd seeds). Fifteen
kinds are those of supervision.md 5.6; the others are what its chapter 11.1 asks for, and what each
of ours is known to be mistaken for. `python -m benchmarks.traces` writes them as files.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from benchmarks.traces import habits
from benchmarks.traces.allocator import MIB
from benchmarks.traces.habits import Maker
from benchmarks.traces.model import GIB, Habit, ModelChild, Neighbour, chars_drawn, footprint
from benchmarks.traces.scenario import HostShape, Poll, Scenario, Sensor

Half = Literal["train", "held-out"]

CARDS: Final = (8 * GIB, 12 * GIB, 16 * GIB, 24 * GIB)

#: Texts of a trace, and of one that leaks very slowly.
TEXTS: Final = 500
LONG_TEXTS: Final = 5000


def seeds(half: Half, count: int) -> range:
    """Return the first seeds of a half."""
    return range(0, 2 * count, 2) if half == "train" else range(1, 2 * count, 2)


@dataclass(slots=True)
class Draw:
    """The chance of one trace, and the scenario as drawn so far."""

    rng: Random
    plain: Scenario

    def log_mib(self, least: float, most: float) -> int:
        """Draw bytes between two sizes in MiB, each power as likely as the next."""
        return int(MIB * math.exp(self.rng.uniform(math.log(least), math.log(most))))

    def mib(self, least: float, most: float) -> int:
        """Draw bytes between two sizes in MiB."""
        return int(MIB * self.rng.uniform(least, most))


def drawn(kind: str, seed: int, *, declare: bool = True, texts: int | None = None) -> Scenario:
    """Draw the scenario of a kind and a seed.

    Args:
        kind: One of `KINDS`.
        seed: Of the trace.
        declare: Whether the engine declares its caches.
        texts: How many instead of the kind's own number.
    """
    rng = Random(f"{kind} {seed} scenario")
    count = texts or (LONG_TEXTS if kind in LONG else TEXTS)
    card_bytes = CARDS[seed // 2 % len(CARDS)]
    polls: tuple[Poll, ...] = ("after", "after", "both", "within")
    plain = Scenario(
        kind=kind,
        leaks=KINDS[kind].leaks,
        seed=seed,
        card_bytes=card_bytes,
        footprint=footprint(card_bytes, rng),
        chars=tuple(chars_drawn(rng) for _ in range(count)),
        boundaries=_boundaries(rng, count),
        poll=rng.choice(polls),
        declare=declare,
    )
    return KINDS[kind].draw(Draw(rng=rng, plain=plain))


def _boundaries(rng: Random, count: int) -> dict[int, str]:
    found: dict[int, str] = {}
    at = 0
    while at < count:
        at += rng.randint(2, 9)
        found[at] = "paragraph" if rng.random() < 0.9 else "chapter"  # noqa: PLR2004 -- one paragraph in ten
    return found


# -------------------------------------------------------------------------- benign


def _plain(draw: Draw) -> Scenario:
    return draw.plain


def _drift(draw: Draw) -> Scenario:
    count = len(draw.plain.chars)
    factor = draw.rng.uniform(2.0, 3.5)
    chars = (
        min(400, round(chars * (0.6 + (factor - 0.6) * at / count)))
        for at, chars in enumerate(draw.plain.chars)
    )
    return replace(draw.plain, chars=tuple(max(20, one) for one in chars))


def _spikes(draw: Draw) -> Scenario:
    rng = draw.rng
    chars = (rng.randint(700, 1200) if rng.random() < 0.02 else one for one in draw.plain.chars)  # noqa: PLR2004 -- a chance
    return replace(draw.plain, chars=tuple(chars))


def _sorted(draw: Draw) -> Scenario:
    return replace(draw.plain, chars=tuple(sorted(draw.plain.chars)))


def _with_jobs(draw: Draw) -> Scenario:
    """Others start jobs of up to 5 GB, and end them."""
    rng = draw.rng
    most = min(5 * GIB, draw.plain.card_bytes // 4)
    state = {"bytes": 0, "until_s": 0}

    def neighbour(at_s: float, _texts: int) -> int:
        if at_s >= state["until_s"]:
            state["bytes"] = rng.randrange(most) if state["bytes"] == 0 else 0
            state["until_s"] = int(at_s) + rng.randint(20, 400)
        return state["bytes"]

    return replace(draw.plain, neighbour=neighbour)


def _walk(rng: Random, card_bytes: int) -> Neighbour:
    most = card_bytes // 4
    state = {"bytes": most // 3}

    def neighbour(_at_s: float, _texts: int) -> int:
        # Twice a text: 120 MB a text in all.
        state["bytes"] = min(most, max(0, state["bytes"] + int(rng.gauss(0, 85) * MIB)))
        return state["bytes"]

    return neighbour


def _with_walk(draw: Draw) -> Scenario:
    return replace(draw.plain, neighbour=_walk(draw.rng, draw.plain.card_bytes))


def _at_boundaries(draw: Draw) -> Scenario:
    """Another program takes memory just where our paragraphs end, more each time, then starts again."""
    rng = draw.rng
    step, most = draw.mib(40, 200), draw.plain.card_bytes // 4
    ends = sorted(draw.plain.boundaries)
    levels: list[int] = []
    level = 0
    for at in range(len(draw.plain.chars) + 1):
        if at in draw.plain.boundaries:
            level = 0 if level > most or rng.random() < 0.02 else level + step  # noqa: PLR2004 -- a chance
        levels.append(level)
    assert ends

    def neighbour(_at_s: float, texts: int) -> int:
        return levels[min(texts, len(levels) - 1)]

    return replace(draw.plain, neighbour=neighbour)


def _with_cache(draw: Draw) -> Scenario:
    return replace(draw.plain, habits=(*draw.plain.habits, _cache(draw)))


def _cache(draw: Draw) -> Maker:
    rng = draw.rng
    return voices(rng.randint(16, 64), draw.mib(5, 20), known=rng.randint(20, 200))


def _two_caches(draw: Draw) -> Scenario:
    rng = draw.rng
    quick = voices(rng.randint(16, 48), draw.mib(4, 12), known=rng.randint(60, 200))
    slow = habits.cache(rng.randint(16, 48), draw.mib(4, 12), chance=rng.uniform(0.05, 0.15))
    return replace(draw.plain, habits=(quick, slow))


def _garbage(draw: Draw) -> Scenario:
    habit = habits.garbage(draw.rng.randint(7, 40), draw.mib(2, 15))
    return replace(draw.plain, habits=(habit,))


def _fragments(draw: Draw) -> Scenario:
    return replace(draw.plain, habits=(habits.fragments(60),))


def _late(draw: Draw) -> Scenario:
    """Workspaces that come late, up to the 150th text, on both sides of the allocator."""
    shape = replace(draw.plain.footprint, late_chance=0.03, late_other_bytes=draw.mib(8, 40))
    return replace(draw.plain, footprint=shape, habits=(late_live(draw.mib(4, 24)),))


def _released(draw: Draw) -> Scenario:
    shape = _fragments(draw)
    return replace(shape, release_texts=draw.rng.choice((1, 10, 25)))


def _faulty(draw: Draw) -> Scenario:
    sensors: tuple[Sensor, ...] = ("hidden", "flaky", "time-outs", "versions")
    around = draw.rng.choice((_plain, _with_walk, _with_jobs, _garbage, _with_cache))(draw)
    return replace(around, sensor=draw.rng.choice(sensors))


def _lives(draw: Draw) -> Scenario:
    around = draw.rng.choice((_plain, _with_cache, _late))(draw)
    return replace(around, life_texts=draw.rng.randint(25, 120))


def _host(draw: Draw) -> Scenario:
    host = HostShape(
        ready_bytes=draw.mib(80, 1200),
        warm_bytes=draw.mib(10, 200),
        arena_bytes_per_char=draw.mib(0.1, 1.2),
        arena_kept=draw.rng.uniform(0.1, 0.8),
        jitter_bytes=draw.mib(0.1, 4),
    )
    return replace(draw.plain, host=host)


def _host_arena(draw: Draw) -> Scenario:
    around = draw.rng.choice((_drift, _spikes, _sorted))(draw)
    host = _host(draw).host
    return replace(around, host=host)


def _host_cache(draw: Draw) -> Scenario:
    around = _host(draw)
    assert around.host is not None
    host = replace(around.host, shape_bytes=draw.mib(0.4, 3))
    return replace(around, host=host)


# -------------------------------------------------------------------------- leaks


def _constant(draw: Draw) -> Scenario:
    return replace(draw.plain, leak=habits.leak(draw.log_mib(1, 50)))


def _fast(draw: Draw) -> Scenario:
    """The case this was asked for: a fortieth of the card and more, from the first text."""
    card = draw.plain.card_bytes
    size = int(card * draw.rng.uniform(0.01, 0.05))
    return replace(draw.plain, leak=habits.leak(size, spread=0.2))


def _per_token(draw: Draw) -> Scenario:
    return replace(draw.plain, leak=habits.leak_per_token(draw.log_mib(1, 30) // 270))


def _steps(draw: Draw) -> Scenario:
    leak = habits.leak(draw.mib(80, 250), chance=draw.rng.uniform(0.03, 0.06), spread=0.2)
    return replace(draw.plain, leak=leak)


def _onset(draw: Draw) -> Scenario:
    leak = habits.leak(draw.log_mib(1, 50), from_text=draw.rng.randint(120, 300))
    return replace(draw.plain, leak=leak)


def _outside(draw: Draw) -> Scenario:
    return replace(draw.plain, leak=habits.leak_outside(draw.mib(2, 20)))


def _per_voice(draw: Draw) -> Scenario:
    leak = habits.leak(draw.mib(20, 200), chance=draw.rng.uniform(0.1, 0.3), spread=0.1)
    return replace(draw.plain, leak=leak)


def _noisy(draw: Draw) -> Scenario:
    return replace(_constant(draw), neighbour=_walk(draw.rng, draw.plain.card_bytes))


def _slow(draw: Draw) -> Scenario:
    return replace(draw.plain, leak=habits.leak(draw.mib(0.2, 1.0)))


def _floor(draw: Draw) -> Scenario:
    leak = orphan_pools(draw.mib(40, 150), chance=draw.rng.uniform(0.03, 0.08))
    return replace(draw.plain, leak=leak, release_texts=draw.rng.choice((1, 10, 25)))


def _leak_in_faults(draw: Draw) -> Scenario:
    faulty = _faulty(draw)
    return replace(faulty, leak=habits.leak(draw.log_mib(1, 50)))


def _leak_sorted(draw: Draw) -> Scenario:
    return replace(_per_token(draw), chars=_sorted(draw).chars)


def _leak_in_lives(draw: Draw) -> Scenario:
    leak = habits.leak(draw.log_mib(3, 50))
    return replace(draw.plain, leak=leak, life_texts=draw.rng.randint(80, 200))


def _leak_under_cache(draw: Draw) -> Scenario:
    return replace(_with_cache(draw), leak=habits.leak(draw.log_mib(1, 50)))


def _leak_under_garbage(draw: Draw) -> Scenario:
    return replace(_garbage(draw), leak=habits.leak(draw.log_mib(2, 50)))


def _leak_at_boundaries(draw: Draw) -> Scenario:
    return replace(_at_boundaries(draw), leak=habits.leak(draw.log_mib(1, 50)))


def _host_leak(draw: Draw) -> Scenario:
    around = draw.rng.choice((_host, _host_arena, _host_cache))(draw)
    assert around.host is not None
    leak_bytes, leak_from = draw.log_mib(1, 30), draw.rng.choice((1, 1, draw.rng.randint(100, 250)))
    return replace(around, host=replace(around.host, leak_bytes=leak_bytes, leak_from=leak_from))


def _host_slow(draw: Draw) -> Scenario:
    around = _host(draw)
    assert around.host is not None
    return replace(around, host=replace(around.host, leak_bytes=draw.mib(0.2, 1.0)))


# -------------------------------------------------------------------------- habits of our own


def voices(entries: int, size: int, *, known: int) -> Maker:
    """Keep what was computed for a voice, the least lately used out first; few voices speak most."""

    def make(rng: Random) -> Habit:
        kept: dict[int, habits.Part] = {}

        def habit(child: ModelChild, _tokens: int) -> None:
            # Each voice is spoken less than the one before it, as characters of a book are.
            voice = int(known ** rng.random())
            if voice in kept:
                kept[voice] = kept.pop(voice)
                return
            if len(kept) == entries:
                oldest = kept.pop(next(iter(kept)))
                child.cached_bytes -= oldest.size
                child.drop(oldest)
            kept[voice] = child.keep(int(size * rng.uniform(0.7, 1.3)))
            child.cached_bytes += kept[voice].size

        return habit

    return make


def late_live(size: int) -> Maker:
    """Keep a workspace now and then, up to the 150th text."""

    def make(_rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            if child.texts <= 150 and child.rng.random() < 0.02:  # noqa: PLR2004 -- when, and a chance
                child.keep(size)

        return habit

    return make


def orphan_pools(size: int, *, chance: float) -> Maker:
    """Reserve a pool that nobody owns any more: a failed graph capture (pytorch 190348)."""

    def make(rng: Random) -> Habit:
        def habit(child: ModelChild, _tokens: int) -> None:
            if rng.random() < chance:
                child.allocator.orphan(size)

        return habit

    return make


# -------------------------------------------------------------------------- the list


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfTrace:
    """One kind.

    Attributes:
        leaks: The truth.
        draw: Makes the scenario of one seed.
        about: What it is, for tables.
    """

    leaks: bool
    draw: Callable[[Draw], Scenario]
    about: str


def _benign(draw: Callable[[Draw], Scenario], about: str) -> KindOfTrace:
    return KindOfTrace(leaks=False, draw=draw, about=about)


def _leaky(draw: Callable[[Draw], Scenario], about: str) -> KindOfTrace:
    return KindOfTrace(leaks=True, draw=draw, about=about)


KINDS: Final[dict[str, KindOfTrace]] = {
    "plain": _benign(_plain, "warm-up, then nothing"),
    "drift": _benign(_drift, "texts get longer"),
    "spikes": _benign(_spikes, "texts of 3,600 tokens among the others"),
    "jobs": _benign(_with_jobs, "others start jobs of up to 5 GB"),
    "walk": _benign(_with_walk, "others move by 120 MB a text"),
    "cache": _benign(_with_cache, "a cache of 16 to 64 entries of 5 to 20 MB"),
    "garbage": _benign(_garbage, "cycles of 2 to 15 MB a text, collected every 7 to 40"),
    "fragments": _benign(_fragments, "60 small parts that pin blocks"),
    "two caches": _benign(_two_caches, "one fills quickly, one slowly"),
    "late": _benign(_late, "workspaces up to the 150th text"),
    "at boundaries": _benign(_at_boundaries, "another program grows where our paragraphs end"),
    "sorted": _benign(_sorted, "texts sorted by length"),
    "faults": _benign(_faulty, "figures hidden, missing, timed out, of another version"),
    "lives": _benign(_lives, "a recycle every 25 to 120 texts"),
    "released": _benign(_released, "caches released every 1, 10 or 25 texts, with fragments"),
    "host": _benign(_host, "no torch: warm-up, then nothing"),
    "host arena": _benign(_host_arena, "no torch: the heap keeps what longer texts needed"),
    "host cache": _benign(_host_cache, "no torch: kernels kept for every new length"),
    "long": _benign(_with_cache, "5,000 texts with a cache"),
    "constant": _leaky(_constant, "1 to 50 MB a text"),
    "fast": _leaky(_fast, "1 to 5 % of the card a text, from the first"),
    "per token": _leaky(_per_token, "1 to 30 MB for a text of middling length"),
    "steps": _leaky(_steps, "80 to 250 MB in 3 to 6 % of texts"),
    "onset": _leaky(_onset, "1 to 50 MB a text from the 120th to 300th on"),
    "outside": _leaky(_outside, "2 to 20 MB a text outside torch"),
    "per voice": _leaky(_per_voice, "20 to 200 MB in 10 to 30 % of texts"),
    "noisy": _leaky(_noisy, "1 to 50 MB beside a moving neighbour"),
    "slow": _leaky(_slow, "0.2 to 1 MB over 5,000 texts"),
    "floor": _leaky(_floor, "pools of 40 to 150 MB that no release gives back"),
    "leak, faults": _leaky(_leak_in_faults, "1 to 50 MB, figures hidden, missing or wrong"),
    "leak, sorted": _leaky(_leak_sorted, "per token, texts sorted by length"),
    "leak, lives": _leaky(_leak_in_lives, "3 to 50 MB, a recycle every 80 to 200 texts"),
    "leak, cache": _leaky(_leak_under_cache, "1 to 50 MB under a cache"),
    "leak, garbage": _leaky(_leak_under_garbage, "2 to 50 MB under cyclic garbage"),
    "leak, boundaries": _leaky(_leak_at_boundaries, "1 to 50 MB, another program grows at our boundaries"),
    "host leak": _leaky(_host_leak, "no torch: 1 to 30 MB a text"),
    "host slow": _leaky(_host_slow, "no torch: 0.2 to 1 MB over 5,000 texts"),
}

LONG: Final = frozenset({"slow", "host slow", "long"})
