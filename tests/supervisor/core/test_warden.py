"""Memory at the conductor: the gate, refusals, pauses, a lost device."""

import pytest

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.gate import HARD_S, SOFT_S
from supervisor.core.notes import Notice, SegmentTrouble
from supervisor.core.readings import DeviceReading, DeviceUnknown
from supervisor.core.tallies import JobSize
from supervisor.wire import messages as say
from tests.supervisor.core.steps import device, notices
from tests.supervisor.core.world import World

OURS, OTHERS = 40, 25
LOST = DeviceUnknown(kind="lost", text="the GPU is lost (NVML error 15)")


def on_the_card(keys: str = "abc", *, may_degrade: bool = False) -> World:
    """A world whose first child holds `OURS` of the device, and has its second segment in hand."""
    world = World(list(keys), uses_device=True, may_degrade=may_degrade)
    world.faults.device = device(OURS + OTHERS, OURS)
    while len(world.done()) < 1:
        world.behave()
    while not isinstance(world.acts[-1], do.Send) and world.alive.turn.name != "SPEAKING":
        world.behave()
    return world


def rooms(world: World) -> list[float]:
    """How often the room for a child is looked at, at each wait."""
    return [act.poll_s for act in world.acts if isinstance(act, do.WatchRoom)]


def test_a_successor_waits_until_the_card_is_free_again() -> None:
    world = on_the_card()
    world.faults.device = device(OURS + OTHERS, 0)
    world.dies(Death(signal=9))
    assert (world.children, rooms(world)) == ({}, [0.1])
    assert world.conductor.waits_at_gate
    world.reads()
    world.advance(SOFT_S)
    assert world.children == {}
    world.faults.device = device(OTHERS, 0)
    world.reads()
    assert not world.conductor.waits_at_gate
    assert world.alive.life == 2
    assert world.run_on().ending == "spoken"


def test_memory_that_never_comes_back_ends_the_run_and_says_what_is_still_held() -> None:
    world = on_the_card()
    world.faults.device = device(95, 0)
    world.dies(Death(signal=11))
    world.reads()
    world.advance(HARD_S)
    assert world.finish is not None
    assert world.finish.ending == "held"
    assert "50 s after its end" in world.finish.why


def test_room_that_others_took_is_waited_for_without_end() -> None:
    world = on_the_card()
    before = DeviceReading(
        total_bytes=100, used_bytes=50, child_bytes=OURS, api="v2", child_pid=1001, others_bytes=10
    )
    world.faults.device = before
    world.reads()
    world.faults.device = DeviceReading(
        total_bytes=100, used_bytes=88, child_bytes=0, api="v2", child_pid=1001, others_bytes=88
    )
    world.dies(Death(signal=9))
    world.reads()
    assert "no child finds room" in world.conductor.waits_why
    world.advance(10 * HARD_S)
    assert (world.finish, world.children) == (None, {})
    assert rooms(world) == [0.1, 0.5]
    world.faults.device = device(OTHERS, 0)
    world.reads()
    assert world.alive.life == 2
    assert notices(world).count("paused") == 2
    assert world.run_on().ending == "spoken"


def test_a_driver_that_hangs_holds_up_the_successor_for_a_moment_only() -> None:
    world = on_the_card()
    world.faults.device = DeviceUnknown(kind="hung", text="no answer")
    world.dies(Death(signal=9))
    world.reads()
    world.advance(SOFT_S)
    assert world.alive.life == 2


def test_a_device_that_is_lost_when_a_child_dies_is_no_crash_loop() -> None:
    world = on_the_card()
    world.faults.device = LOST
    world.reads()
    assert world.finish is None  # the child speaks on as long as it can
    world.dies(Death(signal=6))
    assert world.finish == do.Finish(ending="held", why=LOST.text)


def test_a_device_that_is_lost_at_the_gate_ends_the_run_as_well() -> None:
    world = on_the_card()
    world.dies(Death(signal=9))
    world.faults.device = LOST
    world.reads()
    assert world.finish == do.Finish(ending="held", why=LOST.text)


def test_nobody_waits_at_the_gate_where_the_work_is_over() -> None:
    world = on_the_card("ab")
    assert world.run_on().ending == "spoken"
    assert rooms(world) == []


def refused(world: World) -> list[str]:
    return [note.message for note in world.notes if isinstance(note, SegmentTrouble) and note.final]


@pytest.fixture
def greedy() -> World:
    """A world in which the peak of a text grows with its length, and the fifth one is very long."""
    return spoken_greedily(may_degrade=False)


def spoken_greedily(*, may_degrade: bool) -> World:
    keys = ["a", "b" * 30, "c" * 60, "d" * 120, "e" * 1000, "f"]
    world = World(keys, uses_device=True, may_degrade=may_degrade)
    world.faults.device = device(20, 20)
    while len(world.done()) < 4:
        if world.child is not None and world.alive.turn.name == "SPEAKING":
            chars = len(world.alive.in_hand.text)
            speak(
                world,
                say.Vitals(
                    host_private_bytes=10, live_bytes=20, reserved_bytes=20, peak_bytes=20 + chars // 8
                ),
            )
        else:
            world.behave()
    return world


def speak(world: World, vitals: say.Vitals) -> None:
    child = world.alive
    world.says(child.chunk(10**6))
    world.says(child.done(vitals))


def test_a_text_that_would_fit_no_child_is_set_aside_with_the_figures_and_the_rest_is_spoken(
    greedy: World,
) -> None:
    assert greedy.run_on().ending == "spoken"
    (why,) = refused(greedy)
    assert why.startswith("headroom: ")
    assert [key[0] for key in greedy.done()] == list("abcdf")


def test_where_a_chapter_may_be_cut_smaller_it_is_and_all_is_fetched_again() -> None:
    world = spoken_greedily(may_degrade=True)
    size = JobSize(job="j", segments=9, over=4, chars_left=10, audio_s=0.0, titles=("T",))
    assert [act.chapter for act in world.acts if isinstance(act, do.Degrade)] == [0]
    # The world answers at once that it cannot be done; here it is said that it was.
    world.tell(ev.Degraded(step="smaller_segments", why="cut into halves", size=size))
    assert [note.text for note in world.notes if isinstance(note, Notice) and note.name == "degrade"] == [
        "cut into halves"
    ]
    assert [act.after for act in world.acts if isinstance(act, do.Fetch)][-1] == -1
    assert world.conductor.tallies.progress(world.now_s).segments == 9


def test_where_it_cannot_be_cut_the_text_is_set_aside_after_all() -> None:
    world = spoken_greedily(may_degrade=True)
    assert world.run_on().ending == "spoken"
    assert refused(world) == ["cannot"]
