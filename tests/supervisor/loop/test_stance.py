"""When a child may be given work, and how a service stands that ails; the rest with real children."""

import pytest

from supervisor.core.lifecycle import Event
from supervisor.core.post import Post
from supervisor.core.slot import SlotTimes
from supervisor.loop.health import Ailment
from supervisor.loop.service import ServiceState
from supervisor.loop.stance import may_work, state_with
from tests.supervisor.loop.test_health import ready

TIMES = SlotTimes(start_s=10.0, release_s=1.0, term_s=1.0)


def working() -> Post:
    post = Post(TIMES, 1)
    post.slot.take(Event.START_DUE, 0.0)
    post.ready = ready()
    post.slot.take(Event.READY, 0.0)
    return post


def test_a_child_may_be_given_work_from_its_canary_until_it_is_on_its_way_out() -> None:
    post = Post(TIMES, 1)
    assert not may_work(post)
    post.slot.take(Event.START_DUE, 0.0)
    assert not may_work(post)
    post = working()
    assert may_work(post)
    post.slot.take(Event.HAND_OUT, 0.0)
    assert may_work(post)
    post.slot.take(Event.LEAVE_WANTED, 0.0)  # after this segment
    assert not may_work(post)


@pytest.mark.parametrize("event", [Event.LEAVE_WANTED, Event.END_WANTED, Event.EXITED])
def test_a_child_that_leaves_dies_or_is_gone_may_not(event: Event) -> None:
    post = working()
    post.slot.take(event, 0.0)
    assert not may_work(post)


def test_a_child_that_is_to_be_ended_may_not_and_one_that_waits_for_its_successor_may() -> None:
    post = working()
    post.want_recycle("a leak", reason="leak", patient=True)
    assert may_work(post)
    post.want_recycle("the child said that it cannot go on", reason="cannot_go_on", patient=False)
    assert not may_work(post)
    post = working()
    post.wish_end("hard", "the hard mark")
    assert not may_work(post)


def ailment(kind: str, *, stops: bool) -> Ailment:
    assert kind in ("gpu_lost", "disk_full", "driver_hangs")
    return Ailment(kind=kind, words=f"{kind}, seen", mend="mend", since="", stops=stops)


@pytest.mark.parametrize(
    ("plain", "kind", "stops", "state"),
    [
        ("idle", "gpu_lost", True, "gpu_lost"),
        ("recycling", "gpu_lost", True, "gpu_lost"),
        ("narrating", "gpu_lost", False, None),  # another device speaks
        ("parking", "gpu_lost", True, None),
        ("narrating", "disk_full", True, "paused"),
        ("idle", "disk_full", False, "paused"),
        ("narrating", "disk_full", False, None),  # that job waits, others are spoken
        ("idle", "driver_hangs", False, None),
    ],
)
def test_a_service_that_can_do_nothing_says_so_and_one_that_can_says_what_it_does(
    plain: ServiceState, kind: str, stops: bool, state: ServiceState | None
) -> None:
    found = state_with(plain, [ailment(kind, stops=stops)])
    assert found == (None if state is None else (state, f"{kind}, seen"))
    assert state_with(plain, []) is None
