from supervisor.core.lifecycle import Event, State
from supervisor.core.obituary import EndWish
from supervisor.core.post import Post, Recycle
from supervisor.core.slot import SlotTimes

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
    post.want_recycle("a leak", patient=True)
    post.want_recycle("another leak", patient=True)
    assert post.recycle == Recycle(why="a leak", patient=True)
    post.want_recycle("the last try", patient=False)
    post.want_recycle("a leak", patient=True)
    assert post.recycle == Recycle(why="the last try", patient=False)
