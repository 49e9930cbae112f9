"""What is read of memory are values; and a hand-out waits for one, but not for long."""

import dataclasses

import pytest

from supervisor.core.readings import DeviceReading, HostReading
from tests.supervisor.core.ground import HARD, SOFT
from tests.supervisor.core.steps import device, holding, ready, sent, speak
from tests.supervisor.core.world import World


def test_a_reading_is_a_value() -> None:
    host = HostReading(total_bytes=3, available_bytes=2, child_private_bytes=None)
    assert host == HostReading(total_bytes=3, available_bytes=2, child_private_bytes=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        host.total_bytes = 1  # pyright: ignore[reportAttributeAccessIssue] -- that is what is tested
    # Nobody was asked about a process unless it is said.
    assert DeviceReading(total_bytes=3, used_bytes=1, child_bytes=None, api="v1").child_pid is None


def test_a_driver_that_does_not_answer_holds_up_the_first_segment_for_a_second_only() -> None:
    world = World(["a"])
    world.faults.driver_answers = False
    world.behave()
    world.behave()
    world.advance(0.875)
    assert sent(world) == ["Hello"]
    world.advance(0.125)
    assert sent(world) == ["Hello", "Synthesize"]


@pytest.mark.parametrize("retryable", [True, False])
def test_an_oom_within_a_segment_releases_before_the_next_hand_out(*, retryable: bool) -> None:
    world = ready()
    world.says(world.alive.failed("oom", retryable=retryable))
    assert sent(world)[-1] == "Release"
    world.says(world.alive.released())
    assert sent(world)[-1] == "Synthesize"
    assert world.rows["a"].attempts == 1 + retryable


def test_a_child_that_does_not_release_in_time_is_replaced_and_nobody_pays() -> None:
    world = ready()
    speak(world, holding(SOFT))
    world.alive.deaf = True
    world.advance(31.0)
    assert world.burials[0].why == "did not release its caches in time"
    assert not world.burials[0].planned
    assert world.run_on().ending == "spoken"
    assert all(row.attempts == 1 for row in world.rows.values())


def test_a_job_that_is_paused_and_waits_for_a_reading_in_vain_stays_quiet() -> None:
    world = ready(base=device(HARD - 1, 5))
    world.faults.device = device(HARD, 5)
    world.reads()
    world.faults.driver_answers = False
    speak(world, holding(10))
    world.advance(10.0)  # the world itself sees to it that no deadline stays behind
    assert sent(world)[-1] == "Synthesize"
    assert world.done() == ["a"]
