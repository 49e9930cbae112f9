import pytest

from supervisor.core.death import Death
from supervisor.core.notes import ChildState, SegmentSpoken, SegmentTrouble
from supervisor.core.obituary import EndWish, Wish, read_death
from supervisor.doors.http.counters import ENDINGS, REASONS, Counters, Ending, ending_of, reason_of

KILLED, SEGV, EXIT = Death(signal=9), Death(signal=11), Death(exit_code=1)


def gone(death: Death, wish: EndWish | None = None, *, life: int = 1, first: bool = False) -> ChildState:
    """The note of a death, as the conductor makes it."""
    meant = read_death(death, wish, last_words="", first_segment=first)
    return ChildState(
        life=life,
        state="gone",
        why=meant.why,
        signal=death.signal_name,
        memory={},
        planned=meant.planned,
        recycled=meant.recycled,
        how=death.in_words,
    )


def ready(life: int = 1) -> ChildState:
    return ChildState(life=life, state="ready", why="", signal=None, memory={})


def wished(wish: Wish, why: str) -> EndWish:
    return EndWish(wish=wish, why=why)


@pytest.mark.parametrize(
    ("note", "ending"),
    [
        (gone(Death(exit_code=0), wished("recycle", "leak: grew")), "recycled"),
        (gone(KILLED, wished("hard", "watermark: over")), "recycled"),
        (gone(Death(exit_code=0), wished("idle", "nothing to do")), "finished"),
        (gone(Death(exit_code=0), wished("stop", "stopped")), "finished"),
        (gone(EXIT), "exited"),
        (gone(Death()), "exited"),
        (gone(SEGV), "crashed"),
        (gone(KILLED), "killed"),
        (gone(Death(signal=15)), "killed"),
        (gone(KILLED, wished("stalled", "stall: no end of segment 3")), "hung"),
        (gone(KILLED, wished("stalled", "did not release its caches in time")), "hung"),
        (gone(KILLED, wished("unready", "not ready within 3 s (child.start_timeout_s)")), "unready"),
        (gone(KILLED, wished("broken", "the child broke the wire's contract: x")), "broken"),
        (gone(KILLED, wished("hard", "watermark: over"), first=True), "over_mark"),
    ],
)
def test_each_way_in_which_a_life_can_end_is_counted_as_itself(note: ChildState, ending: Ending) -> None:
    assert ending_of(note) == ending
    counters = Counters()
    counters.note(note)
    assert counters.lives == dict.fromkeys(ENDINGS, 0) | {ending: 1}


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("lookahead: it grows", "lookahead"),
        ("clock: 5 segments", "clock"),
        ("asked for", "asked"),
        ("who knows", "other"),
    ],
)
def test_a_recycle_is_counted_by_its_reason(why: str, reason: str) -> None:
    assert reason_of(why) == reason
    counters = Counters()
    counters.note(gone(Death(exit_code=0), wished("recycle", why)))
    assert counters.recycles == dict.fromkeys(REASONS, 0) | {reason: 1}


def test_a_respawn_takes_from_an_end_to_the_next_readiness() -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    counters.note(ready(1))
    now[0] = 10.0
    counters.note(gone(SEGV, life=1))
    now[0] = 10.3
    counters.note(ready(2))
    assert counters.respawn_s == pytest.approx(0.3)
    assert counters.respawns == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]


def test_neither_a_successor_that_was_there_nor_a_rest_is_a_respawn() -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    counters.note(ready(1))
    counters.note(ready(2))
    counters.note(gone(Death(exit_code=0), wished("recycle", "asked for"), life=1))
    now[0] = 50.0
    counters.note(gone(Death(exit_code=0), wished("idle", "nothing to do"), life=2))
    now[0] = 900.0
    counters.note(ready(3))
    assert (counters.respawns[-1], counters.respawn_s) == (0, 0.0)


def test_what_was_begun_when_it_failed_is_lost() -> None:
    now = [0.0]
    counters = Counters(lambda: now[0])
    now[0] = 1.0
    counters.note(ready(1))
    now[0] = 3.0
    counters.note(SegmentSpoken(job="j", segment=0, seconds=1.0, sha256="", attempts=1))
    now[0] = 3.5
    counters.note(SegmentTrouble(job="j", segment=1, kind="nan", message="", attempts=1, final=False))
    now[0] = 5.0
    counters.note(gone(SEGV))
    assert counters.lost_s == pytest.approx(2.0)
