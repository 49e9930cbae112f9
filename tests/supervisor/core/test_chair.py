"""The table of docs/decisions/0008, and what ends a pause."""

import pytest

from supervisor.core.chair import Chair
from supervisor.core.decisions import Policy, Scope
from supervisor.core.deviceside import DeviceSide
from supervisor.core.hostside import HostSide
from supervisor.core.weighing import Span
from supervisor.core.wishes import Wish
from supervisor.policy.verdict import Verdict
from tests.supervisor.core.scene import FRESH, TERMS, reading, vitals


def wish(verdict: Verdict, policy: Policy, *, scope: Scope = "life") -> Wish:
    return Wish(verdict=verdict, policy=policy, why="1", scope=scope)


#: The table of docs/decisions/0008, hardest first.
TABLE = [
    wish(Verdict.KILL, "watermark"),
    wish(Verdict.REFUSE, "watermark", scope="job"),
    wish(Verdict.REFUSE, "headroom", scope="text"),
    wish(Verdict.RECYCLE, "headroom"),
    wish(Verdict.RECYCLE, "lookahead"),
    wish(Verdict.RECYCLE, "watermark"),
    wish(Verdict.RECYCLE, "slowdown"),
    wish(Verdict.RECYCLE, "clock"),
    wish(Verdict.RELEASE, "headroom"),
    wish(Verdict.PAUSE, "watermark"),
]


def sides(*, used: float = 6000, child: float = 6000) -> tuple[DeviceSide, HostSide]:
    device, host = DeviceSide(TERMS), HostSide(TERMS)
    device.begin_life(None)
    host.begin_life(vitals(host=1000))
    device.read(reading(FRESH, FRESH), within_segment=False)
    device.view.begin()
    device.read(reading(used, child), within_segment=False)
    return device, host


def settled(wishes: list[Wish], *, fits: bool = True) -> list[tuple[str, str]]:
    """Let a chair settle these wishes; return what was done."""
    chair = Chair(*(sides() if fits else sides(used=8500, child=3500)))
    chair.settle(wishes, Span(segments=20), 5.0)
    return [(one.action, one.policy) for one in chair.decisions]


ACTS = {Verdict.KILL: "kill", Verdict.REFUSE: "refuse", Verdict.RECYCLE: "drain"}


@pytest.mark.parametrize(("harder", "softer"), [(a, b) for n, a in enumerate(TABLE) for b in TABLE[n + 1 :]])
def test_the_harder_wish_is_done_and_only_a_release_goes_with_a_pause(harder: Wish, softer: Wish) -> None:
    done = settled([harder, softer])
    if harder.verdict is Verdict.RELEASE:
        assert done == [("clean", "headroom"), ("pause", "watermark")]
    else:
        assert done == [(ACTS[harder.verdict], harder.policy)]
    if harder.verdict is not softer.verdict:
        assert settled([softer, harder]) == done  # in whatever order they are told


@pytest.mark.parametrize("one", [one for one in TABLE if one.verdict is Verdict.RECYCLE])
def test_where_no_successor_fits_what_cannot_wait_pauses_and_the_rest_goes_on(one: Wish) -> None:
    urgent = one.policy in {"headroom", "lookahead", "watermark"}
    assert settled([one], fits=False) == ([("pause", "fit")] if urgent else [])
    release = TABLE[8]
    assert ("clean", "headroom") in settled([one, release], fits=False)


def test_a_policy_is_told_that_its_wish_was_done_and_only_then() -> None:
    done: list[str] = []

    def told(verdict: Verdict, name: str) -> Wish:
        return Wish(verdict=verdict, policy="clock", why="1", note_done=lambda: done.append(name))

    assert settled([told(Verdict.RECYCLE, "first"), told(Verdict.RECYCLE, "second")]) == [("drain", "clock")]
    assert settled([told(Verdict.RELEASE, "broom"), told(Verdict.RELEASE, "twice")]) == [("clean", "clock")]
    assert done == ["first", "broom"]


def test_a_release_that_was_asked_for_counts_from_then_on() -> None:
    span = Span(segments=7)
    Chair(*sides()).settle([wish(Verdict.RELEASE, "clock")], span, 5.0)
    assert span.is_just_released


def test_during_a_pause_caches_are_released_once() -> None:
    device, host = sides()
    release = wish(Verdict.RELEASE, "watermark")
    for first in ([release, wish(Verdict.PAUSE, "watermark")], [wish(Verdict.PAUSE, "watermark")]):
        chair = Chair(device, host)
        chair.settle(first, Span(), 5.0)
        chair.settle([release], Span(segments=1), 6.0)
        chair.settle([release], Span(segments=2), 7.0)
        assert [one.action for one in chair.decisions].count("clean") == 1
        chair.resume(8.0, "1")
        chair.open()
        chair.settle([release], Span(segments=3), 9.0)
        assert [one.action for one in chair.decisions] == ["clean"]


def test_a_job_that_was_refused_hears_nothing_more() -> None:
    chair = Chair(*sides())
    chair.settle([wish(Verdict.REFUSE, "watermark", scope="job")], Span(), 5.0)
    chair.life_begins(6.0)
    assert chair.is_silent
    other = Chair(*sides())
    other.settle([wish(Verdict.REFUSE, "headroom", scope="text")], Span(), 5.0)
    other.life_begins(6.0)
    assert not other.is_silent


def test_without_a_pause_there_is_nothing_to_end() -> None:
    chair = Chair(*sides())
    assert chair.look_at_pause(Span(), 5.0, told_s=5.0) == []
    chair.life_begins(6.0)
    assert chair.decisions == []
