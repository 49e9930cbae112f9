"""The segments of one job: where no segment gets lost."""

import msgspec
import pytest

from supervisor.core import actions as do
from supervisor.core.hand import Hand
from supervisor.core.tallies import JobSize
from supervisor.core.tray import FETCH_SEGMENTS, Tray
from supervisor.wire import messages as say
from tests.supervisor.core.ground import segment
from tests.supervisor.core.makebelieve import figures


def new() -> Tray:
    size = JobSize(job="j", segments=9, over=0, chars_left=90, audio_s=0.0, titles=())
    return Tray(size, ahead=False, at_s=0.0)


def take(tray: Tray) -> Hand:
    return Hand(tray.take()[0], attempt=1, stall_s=30.0, at_s=0.0)


def numbers(tray: Tray) -> list[int]:
    """What is handed out, in order."""
    found: list[int] = []
    while tray.queue:
        found.append(take(tray).segment.number)
    return found


def asked(after: int) -> list[do.Action]:
    return [do.Fetch(job="j", after=after, limit=FETCH_SEGMENTS)]


def done(past: bytes = b"") -> say.Done:
    return say.Done(
        past=past,
        segment_id=0,
        attempt=1,
        chunks=0,
        samples=0,
        sample_rate_hz=8000,
        figures=figures(0.0),
        took_s=0.0,
        vitals=say.Vitals(host_private_bytes=0),
    )


def again(tray: Tray, hand: Hand) -> None:
    tray.put_back(hand, hand.segment, do.Charge(job="j", key=hand.segment.key))


def test_it_asks_once_and_goes_on_where_the_last_answer_ended() -> None:
    tray = new()
    assert tray.fetch() == asked(-1)
    assert tray.fetch() == []
    tray.offer((segment(0), segment(7)), exhausted=False)
    assert tray.fetch() == asked(7)
    tray.offer((), exhausted=True)
    assert tray.fetch() == []


def test_it_asks_for_more_when_half_of_it_is_left() -> None:
    tray = new()
    tray.offer(tuple(segment(n) for n in range(FETCH_SEGMENTS)), exhausted=False)
    for left in range(FETCH_SEGMENTS - 1, FETCH_SEGMENTS // 2, -1):
        tray.take()
        assert tray.fetch() == [], f"{left} are left"
    tray.take()
    assert tray.fetch() == asked(FETCH_SEGMENTS - 1)


def test_an_empty_answer_that_is_not_the_last_does_not_end_the_work() -> None:
    tray = new()
    tray.offer((), exhausted=False)
    assert not tray.is_handed_out
    tray.offer((segment(0),), exhausted=True)
    assert not tray.is_handed_out
    assert numbers(tray) == [0]
    assert tray.is_handed_out


def test_twins_of_one_batch_are_handed_out_once() -> None:
    tray = new()
    tray.offer((segment(0, "a"), segment(1, "b"), segment(2, "a")), exhausted=True)
    assert numbers(tray) == [0, 1]


@pytest.mark.parametrize("where", ["waiting", "in hand", "being stored"])
def test_a_twin_in_a_later_batch_is_not_handed_out_again(where: str) -> None:
    tray = new()
    tray.offer((segment(0, "a"),), exhausted=False)
    if where != "waiting":
        hand = take(tray)
        if where == "being stored":
            tray.store(hand, done())
    tray.offer((segment(1, "a"), segment(2, "b")), exhausted=True)
    assert numbers(tray) == ([0, 2] if where == "waiting" else [2])


def test_it_is_stored_when_every_answer_came() -> None:
    tray = new()
    tray.offer((segment(0), segment(1)), exhausted=True)
    for _ in range(2):
        tray.store(take(tray), done())
    tray.stored(segment(0))
    assert not tray.is_stored
    tray.stored(segment(1))
    assert tray.is_stored
    assert tray.is_over


def test_what_a_segment_leaves_goes_to_the_next_of_its_chapter_alone() -> None:
    tray = new()
    of_ledger = msgspec.structs.replace(segment(0), past=b"from the ledger")
    elsewhere = msgspec.structs.replace(segment(3), chapter=1)
    tray.offer((of_ledger, segment(1), segment(2), elsewhere), exhausted=True)
    given: list[bytes] = []
    for left in (b"one", b"two", b"three", b""):
        hand = take(tray)
        given.append(hand.segment.past)
        if left == b"two":  # it fails: whoever speaks it again has the same past, and it leaves none
            again(tray, hand)
            hand = take(tray)
            assert hand.segment.past == b"one"
            tray.set_aside(hand, "engine", "x")
        else:
            tray.store(hand, done(left))
    assert given == [b"from the ledger", b"one", b"one", b""]


def test_what_could_not_be_stored_leaves_nothing() -> None:
    tray = new()
    tray.offer((segment(0), segment(1)), exhausted=True)
    tray.store(take(tray), done(b"one"))
    tray.store_failed()
    tray.offer((segment(0), segment(1)), exhausted=True)  # fetched anew: the ledger has both waiting
    assert take(tray).segment.past == b""


def test_a_store_that_failed_takes_everything_back_that_was_on_its_way() -> None:
    tray = new()
    tray.offer((segment(0), segment(1)), exhausted=True)
    tray.store(take(tray), done())
    take(tray)
    actions = tray.store_failed()
    assert [action for action in actions if isinstance(action, do.Unclaim)] == [
        do.Unclaim(job="j", key="k0", killed=False),
        do.Unclaim(job="j", key="k1", killed=False),
    ]
    assert [action.key for action in actions if isinstance(action, do.DropAudio)] == ["k0", "k1"]
    assert tray.is_stored
    assert tray.store_failed() == []


def test_what_was_asked_for_before_the_cuts_were_changed_is_asked_for_again() -> None:
    tray = new()
    assert tray.fetch() != []
    tray.forget_fetched()
    tray.offer((segment(0),), exhausted=True)
    assert (len(tray.queue), tray.is_handed_out) == (0, False)
    assert tray.fetch() == asked(-1)
    tray.offer((segment(0), segment(1)), exhausted=True)
    assert len(tray.queue) == 2


@pytest.mark.parametrize("fetching", [False, True])
def test_what_comes_for_a_job_that_was_withdrawn_is_not_taken(*, fetching: bool) -> None:
    tray = new()
    if fetching:
        tray.fetch()
    else:
        tray.offer((segment(0),), exhausted=False)
    tray.withdraw()
    assert tray.is_over
    if fetching:
        tray.offer((segment(0),), exhausted=False)
    assert tray.is_over
    assert tray.fetch() == []
