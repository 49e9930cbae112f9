import itertools

import pytest

from supervisor.core.death import Death
from supervisor.core.obituary import Ending, EndWish, Wish, read_death
from tests.supervisor.core.world import World

KILL, TERM, SEGV = Death(signal=9), Death(signal=15), Death(signal=11)


@pytest.mark.parametrize(
    ("wish", "first", "ending", "means"),
    [
        ("recycle", False, "recycled", "planned recycled"),
        ("recycle", True, "recycled", "planned recycled"),
        ("over", True, "finished", "planned"),
        ("idle", False, "finished", "planned"),
        ("stop", True, "finished", "planned"),
        ("hard", False, "recycled", "planned recycled"),
        ("hard", True, "over_mark", "charged oom"),
        ("stalled", False, "hung", "charged child_hung"),
        ("unready", True, "unready", "charged child_hung"),
        ("broken", False, "broken", "charged child_crashed"),
    ],
)
@pytest.mark.parametrize("death", [KILL, TERM, SEGV])
def test_an_end_that_we_wanted_is_what_we_wanted_it_for(
    wish: Wish, first: bool, ending: Ending, means: str, death: Death
) -> None:
    meant = EndWish(wish=wish, why="because", reason="clock")
    said = read_death(death, meant, last_words="ignored", first_segment=first)
    marks = {"planned": said.planned, "recycled": said.recycled, f"charged {said.kind}": said.charged}
    assert " ".join(mark for mark, is_set in marks.items() if is_set) == means
    assert (said.ending, said.why) == (ending, "because")
    assert not said.recycled or said.reason == "clock"
    assert not said.outside


@pytest.mark.parametrize(
    ("death", "ending"),
    [
        (KILL, "killed"),
        (TERM, "killed"),
        (SEGV, "crashed"),
        (Death(exit_code=0), "exited"),
        (Death(), "exited"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_end_that_nobody_here_wanted_is_read_from_the_death(
    death: Death, ending: Ending, first: bool
) -> None:
    outside = ending == "killed"
    said = read_death(death, None, last_words="", first_segment=first)
    assert (said.ending, said.reason) == (ending, None)
    assert (said.planned, said.recycled) == (False, False)
    assert (said.outside, said.charged) == (outside, not outside)
    assert said.kind == "child_crashed"
    assert said.why.startswith(death.in_words)
    assert ("from outside" in said.why) is outside


def test_last_words_are_kept() -> None:
    said = read_death(Death(exit_code=1), None, last_words="the canary is silent", first_segment=True)
    assert said.why == "exited with status 1: the canary is silent"


# ------------------------------------------------------------------ which ends count


def new_life(world: World, *, speaking: bool) -> None:
    while world.child is None or (speaking and world.child.order is None):
        world.behave()


def test_five_deaths_before_ready_end_the_run() -> None:
    world = World(["a"])
    for _ in range(5):
        new_life(world, speaking=False)
        assert world.finish is None
        world.dies(Death(exit_code=1))
    assert world.finish is not None
    assert world.finish.ending == "gave_up"
    assert world.finish.why.startswith("5 children ended before they were ready")
    assert "the last one: exited with status 1" in world.finish.why


def test_a_first_child_that_cannot_even_greet_and_says_why_is_a_matter_of_the_configuration() -> None:
    world = World(["a"])
    while world.child is None:
        world.behave()
    world.dies(Death(exit_code=1), last_line="No module named child")
    assert world.finish is not None
    assert world.finish.ending == "configuration"
    assert "child.python: the child exited with status 1: No module named child" in world.finish.why


def test_five_segments_in_a_row_that_end_their_child_end_the_run() -> None:
    world = World(list("abcde"), attempts=1)
    for _ in range(5):
        new_life(world, speaking=True)
        world.dies(SEGV)
    assert world.finish is not None
    assert world.finish.ending == "gave_up"
    assert [row.state for row in world.rows.values()] == ["aside"] * 5


def test_one_segment_that_ends_its_child_again_and_again_is_no_loop() -> None:
    world = World(["a"], attempts=9)
    for _ in range(8):
        new_life(world, speaking=True)
        world.dies(SEGV)
    assert world.run_on().ending == "spoken"


def test_a_finished_segment_between_makes_them_no_loop() -> None:
    world = World(list("abcdefghi"), attempts=1)
    for _ in range(4):
        new_life(world, speaking=True)
        world.dies(SEGV)
    new_life(world, speaking=True)
    world.behave()
    world.behave()
    for _ in range(4):
        new_life(world, speaking=True)
        world.dies(SEGV)
    assert world.run_on().ending == "spoken"
    assert world.done() == ["e"]


def test_ends_from_outside_are_no_loop_until_there_are_too_many() -> None:
    world = World(["a"])
    for _ in range(20):
        new_life(world, speaking=False)
        world.dies(KILL)
    assert world.finish is None
    for _ in range(5):
        new_life(world, speaking=False)
        world.dies(KILL)
    assert world.finish is not None
    assert world.finish.ending == "gave_up"


def test_recycles_never_count() -> None:
    world = World([f"s{n}" for n in range(40)])
    while world.finish is None:
        child = world.child
        if child is not None and child.order is not None and child.said_bytes:
            world.says(child.failed(sticky=True))
            child.order = None
        else:
            world.behave()
        if world.burials and not world.burials[-1].planned:
            raise AssertionError(world.burials[-1])
    assert world.finish.ending == "spoken"
    assert world.spawns > 40


def test_the_first_start_after_a_mishap_has_no_delay_and_the_next_ones_have() -> None:
    world = World(["a"])
    born_s: list[float] = []
    for _ in range(4):
        new_life(world, speaking=False)
        born_s.append(world.now_s)
        world.dies(SEGV)
    assert [later - earlier for earlier, later in itertools.pairwise(born_s)] == [0.0, 0.5, 1.0]


def test_a_death_with_nothing_in_hand_counts_and_nobody_pays() -> None:
    world = World(["a", "b"])
    for _ in range(4):
        world.behave()
    world.faults.driver_answers = False
    world.says(world.alive.failed("oom"))  # it releases its caches
    world.dies(SEGV)
    assert not world.burials[-1].planned
    assert world.run_on().ending == "spoken"
    assert [row.attempts for row in world.rows.values()] == [1, 2]
