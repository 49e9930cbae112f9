from supervisor.core.hand import Hand
from supervisor.core.lifecycle import Event, State
from supervisor.core.obituary import EndWish
from supervisor.core.post import Post, Recycle
from supervisor.core.slot import SlotTimes
from supervisor.wire.messages import Ready
from tests.supervisor.core.ground import segment
from tests.supervisor.core.makebelieve import CALM, figures

TIMES = SlotTimes(start_s=10.0, release_s=1.0, term_s=1.0)


def test_a_place_that_nobody_took_has_nobody_in_it() -> None:
    post = Post(TIMES)
    assert (post.life, post.is_there, post.speaks, post.uses_device) == (0, False, False, False)
    post.slot.take(Event.START_DUE, 0.0)
    assert post.is_there
    post.slot.take(Event.READY, 1.0)
    post.slot.take(Event.HAND_OUT, 1.0)
    assert (post.state, post.speaks) == (State.SPEAKING, True)


def test_the_first_reason_to_end_stands() -> None:
    post = Post(TIMES, 1)
    post.wish_end("stalled", "no progress")
    post.wish_end("stop", "stopped")
    assert post.wish == EndWish(wish="stalled", why="no progress")


def test_a_recycle_keeps_its_first_reason_unless_a_later_one_hurries() -> None:
    post = Post(TIMES, 1)
    post.want_recycle("a leak", reason="leak", patient=True)
    post.want_recycle("another leak", reason="lookahead", patient=True)
    assert post.recycle == Recycle(why="a leak", reason="leak", patient=True)
    post.want_recycle("the last try", reason="last_try", patient=False)
    post.want_recycle("a leak", reason="leak", patient=True)
    assert post.recycle == Recycle(why="the last try", reason="last_try", patient=False)
    post.make_way()
    assert post.wish == EndWish(wish="recycle", why="the last try", reason="last_try")


def test_a_start_and_a_segment_in_hand_can_be_lost_and_nothing_else() -> None:
    post = Post(TIMES, 1)
    post.started_s = 5.0
    assert post.lost_s(7.0) == 2.0
    post.ready = Ready(
        engine="e",
        engine_version="1",
        sample_rate_hz=8000,
        voice="any",
        clones=False,
        uses_device=False,
        pace_s_per_char=0.1,
        canary=figures(1.0),
        vitals=CALM,
        took_s=0.5,
    )
    assert post.lost_s(900.0) == 0.0
    post.hand = Hand(segment(0), attempt=1, stall_s=5.0, at_s=10.0)
    assert post.lost_s(13.0) == 3.0
