"""What memory does to a run, as the conductor acts on it: releases, recycles, kills, pauses."""

import pytest

from supervisor.core import actions as do
from supervisor.core.death import Death
from supervisor.core.notes import Notice, Progress
from supervisor.core.readings import DeviceUnknown
from tests.supervisor.core.ground import HARD, SOFT
from tests.supervisor.core.steps import device, holding, notices, ready, sent, speak
from tests.supervisor.core.world import World

# ------------------------------------------------------------------ soft


def test_over_soft_it_releases_at_the_boundary_and_goes_on_if_that_helps() -> None:
    world = ready()
    speak(world, holding(SOFT))
    assert world.states[-1] == "releasing"
    assert sent(world)[-1] == "Release"
    world.says(world.alive.released(holding(SOFT - 1)))
    assert sent(world)[-1] == "Synthesize"
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_still_over_soft_after_a_release_it_is_recycled_at_the_boundary() -> None:
    world = ready()
    speak(world, holding(SOFT))
    world.says(world.alive.released(holding(SOFT)))
    assert world.states[-1] == "leaving"
    world.run_on()
    assert [note.recycles for note in world.notes if isinstance(note, Progress)][-1] == 1
    assert world.burials[0].planned
    assert world.burials[0].why.endswith("after a release")
    assert world.spawns == 2
    assert all(row.attempts == 1 for row in world.rows.values())


def test_the_next_segment_may_fill_what_was_released() -> None:
    world = ready()
    for _ in range(3):
        speak(world, holding(SOFT))
        world.says(world.alive.released(holding(SOFT - 1)))
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_over_soft_within_a_segment_it_is_read_again_at_the_boundary() -> None:
    world = ready(base=device(10, 0))
    world.faults.device = device(SOFT, 50)
    world.reads()
    assert sent(world)[-1] == "Synthesize"  # nothing is asked of it while it speaks
    world.faults.device = device(10, 0)
    speak(world, holding(10))
    assert "Release" not in sent(world)
    world.faults.device = device(SOFT, 50)
    world.reads()
    speak(world, holding(10))
    assert world.states[-1] == "releasing"


def test_a_device_that_is_still_full_after_a_release_recycles_too() -> None:
    world = ready(base=device(10, 0))
    world.faults.device = device(SOFT, 50)
    speak(world, holding(10))
    assert world.states[-1] == "releasing"
    world.says(world.alive.released(holding(10)))
    assert world.states[-1] == "leaving"


def test_a_reading_from_within_a_release_asks_for_no_second_one() -> None:
    world = ready()
    world.faults.host_bytes = SOFT
    speak(world, holding(SOFT))
    world.reads()
    world.faults.host_bytes = 10
    world.says(world.alive.released(holding(10)))
    assert sent(world).count("Release") == 1
    assert sent(world)[-1] == "Synthesize"


def test_a_child_that_spoke_nothing_yet_is_not_recycled() -> None:
    world = World(["a", "b"], planned=False)
    world.behave()
    world.faults.device = device(10, 0)
    world.says(world.alive.ready(uses_device=True))
    world.faults.device = device(SOFT, 50)
    world.reads()
    world.says(world.alive.released())
    assert world.states[-1] == "releasing"  # and neither leaving, nor asked a second time
    assert sent(world) == ["Hello", "Release"]
    world.faults.device = device(10, 0)
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1


def test_a_child_above_soft_at_its_own_baseline_is_no_loop() -> None:
    world = ready(vitals=holding(SOFT))
    for _ in range(3):
        speak(world, holding(HARD - 1))
    assert notices(world).count("memory.host") == 1
    assert world.run_on().ending == "spoken"
    assert world.spawns == 1
    assert "Release" not in sent(world)


# ------------------------------------------------------------------ hard


def test_over_hard_it_is_killed_at_once_and_the_segment_spoken_again_uncharged() -> None:
    world = ready()
    speak(world, holding(10))
    world.says(world.alive.chunk(100))
    world.faults.host_bytes = HARD
    world.reads()
    assert do.Signal(life=1, what="kill_group") in world.acts
    world.faults.host_bytes = 10
    world.bury()
    assert world.burials[0].planned
    assert (world.rows["b"].attempts, world.rows["b"].killed) == (0, 0)
    assert world.run_on().ending == "spoken"


def test_a_segment_that_crosses_hard_alone_pays_and_is_set_aside_in_the_end() -> None:
    world = ready("ab")
    for attempts in (1, 2, 3):
        while world.child is None or world.child.order is None:
            world.behave()
        world.faults.host_bytes = HARD
        world.reads()
        world.faults.host_bytes = 10
        world.bury()
        assert world.rows["a"].attempts == attempts
        assert not world.burials[-1].planned
    assert world.rows["a"].state == "aside"
    assert world.run_on().ending == "spoken"
    assert world.done() == ["b"]


def test_over_hard_between_segments_nobody_pays() -> None:
    world = ready("ab")
    speak(world, holding(HARD))
    assert world.states[-1] == "dying"
    world.run_on()
    assert [row.attempts for row in world.rows.values()] == [1, 1]
    assert world.burials[0].planned


def test_a_segment_that_ended_before_the_kill_reached_the_child_counts() -> None:
    world = ready("ab")
    child = world.alive
    world.says(child.chunk(10**6))
    world.faults.host_bytes = HARD
    world.reads()
    world.says(child.done())  # in the pipe already
    world.faults.host_bytes = 10
    world.bury()
    assert world.done() == ["a"]
    assert world.rows["a"].attempts == 1


def test_marks_that_no_child_can_keep_are_a_matter_of_configuration() -> None:
    world = ready(vitals=holding(HARD))
    finish = world.run_on()
    assert finish.ending == "configuration"
    assert "memory.host.hard" in finish.why
    assert world.spawns == 1


def test_marks_that_no_child_can_keep_on_the_device_are_too() -> None:
    world = World(["a"])
    world.faults.device = device(HARD, HARD)
    world.behave()
    world.says(world.alive.ready(uses_device=True))
    finish = world.run_on()
    assert finish.ending == "configuration"
    assert "memory.device.hard" in finish.why


# ------------------------------------------------------------------ others' memory


def test_a_neighbours_memory_pauses_the_job_and_it_resumes() -> None:
    world = ready(base=device(HARD - 1, 5))
    world.faults.device = device(HARD, 5)
    world.reads()
    speak(world, holding(10))  # what is in hand is spoken
    assert world.alive.parent_end.state.value == "idle"
    world.advance(3600.0)
    assert world.done() == ["a"]
    assert world.spawns == 1
    world.faults.device = device(HARD - 1, 5)
    world.reads()
    assert sent(world)[-1] == "Synthesize"
    assert notices(world) == ["paused", "paused"]  # and resumed
    assert world.run_on().ending == "spoken"


def test_a_child_whose_memory_cannot_be_read_is_let_be() -> None:
    world = ready()
    world.faults.host_bytes = None
    world.reads()
    assert world.states[-1] == "ready"


def test_a_pause_is_told_once_though_the_child_dies_meanwhile() -> None:
    world = ready(base=device(HARD - 1, 5))
    world.faults.device = device(HARD, 5)
    speak(world, holding(10))
    world.dies(Death(signal=9))
    assert notices(world) == ["paused"]
    world.faults.device = device(HARD - 1, 5)
    assert world.run_on().ending == "spoken"
    texts = [note.text for note in world.notes if isinstance(note, Notice)]
    assert [text.split(":")[0] for text in texts] == ["paused", "resumed"]


@pytest.mark.parametrize("unknown", [True, False])
def test_what_can_no_longer_be_read_holds_nothing_up(*, unknown: bool) -> None:
    world = ready(base=device(10, 5))
    world.faults.device = device(HARD, 5)
    speak(world, holding(10))
    world.faults.device = DeviceUnknown(kind="lost", text="the GPU is lost") if unknown else None
    world.reads()
    assert sent(world)[-1] == "Synthesize"
    assert notices(world).count("device.unknown") == unknown
    world.reads()
    assert notices(world).count("device.unknown") == unknown  # said once
    assert world.run_on().ending == "spoken"


def test_an_engine_without_device_memory_never_hears_of_a_missing_driver() -> None:
    world = ready()
    world.faults.device = DeviceUnknown(kind="absent", text="no driver")
    world.reads()
    assert notices(world) == []


def test_a_reading_of_the_life_before_weighs_nothing() -> None:
    world = ready(base=device(10, 0, pid=1001))
    world.faults.device = device(HARD, HARD, pid=7)
    world.reads()
    assert world.states[-1] == "ready"
    world.faults.device = device(HARD, HARD, pid=1001)
    world.reads()
    assert world.states[-1] == "dying"


def test_where_the_driver_does_not_say_the_childs_own_figure_counts() -> None:
    world = ready(vitals=holding(10, reserved_bytes=5), base=device(SOFT, None))
    world.faults.device = device(HARD, None)
    speak(world, holding(10, reserved_bytes=5))
    assert notices(world) == ["paused"]
    assert world.states[-1] == "ready"
