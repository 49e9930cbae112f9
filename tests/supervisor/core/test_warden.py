"""Memory at the conductor: the gate, refusals, pauses, a lost device."""

import pytest

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.decisions import Act, Decision, Scope
from supervisor.core.desk import Desk
from supervisor.core.gate import HARD_S, SOFT_S
from supervisor.core.notes import Notice, Progress, SegmentTrouble
from supervisor.core.post import Post
from supervisor.core.readings import DeviceReading, DeviceUnknown
from supervisor.core.tallies import JobSize
from supervisor.core.warden import Warden
from supervisor.wire import messages as say
from tests.supervisor.core.ground import HARD, SOFT, terms
from tests.supervisor.core.steps import device, holding, notices, ready, sent
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


def of_its_own(*, may_degrade: bool = False) -> tuple[Desk, Warden, Post]:
    desk = Desk(terms(may_degrade=may_degrade))
    return desk, Warden(desk), desk.roster.begin_current()


def decision(action: Act, *, scope: Scope = "life") -> Decision:
    return Decision(t=0.0, action=action, policy="leak", why="it grows", scope=scope)


def test_a_leak_that_is_sure_has_the_weights_fetched_beforehand() -> None:
    desk, warden, post = of_its_own()
    warden.heed(post, [decision("flag")], 0.0)
    assert desk.actions == [do.Prefetch()]
    assert post.recycle is None


@pytest.mark.parametrize("may_degrade", [True, False])
def test_where_nothing_waits_nothing_is_refused(*, may_degrade: bool) -> None:
    desk, warden, post = of_its_own(may_degrade=may_degrade)
    warden.heed(post, [decision("refuse", scope="text")], 0.0)
    warden.degraded(ev.Degraded(job="j", step=None, why="cannot", size=None))
    assert desk.actions == []


def test_a_pause_before_there_is_a_plan_is_recorded_when_there_is_one() -> None:
    world = World(list("ab"), planned=False, uses_device=True)
    world.faults.device = device(95, 5)
    for _ in range(2):
        world.behave()
    world.reads()
    assert world.conductor.counsel.paused_why
    assert [act for act in world.acts if isinstance(act, do.SetPaused)] == []
    world.plan()
    assert [bool(act.why) for act in world.acts if isinstance(act, do.SetPaused)] == [True]
    world.faults.device = device(10, 5)
    assert world.run_on().ending == "spoken"


@pytest.fixture
def greedy() -> World:
    """A world in which the peak of a text grows with its length, and the fifth one is very long."""
    return spoken_greedily(may_degrade=False)


def spoken_greedily(*, may_degrade: bool, degraded: ev.Degraded | None = None) -> World:
    keys = ["a", "b" * 30, "c" * 60, "d" * 120, "e" * 1000, "f"]
    world = World(keys, uses_device=True, may_degrade=may_degrade, degraded=degraded)
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
    world.tell(ev.Degraded(job="j", step="smaller_segments", why="cut into halves", size=size))
    assert [note.text for note in world.notes if isinstance(note, Notice) and note.name == "degrade"] == [
        "cut into halves"
    ]
    assert [act.after for act in world.acts if isinstance(act, do.Fetch)][-1] == -1
    world.run_on()
    assert [note.segments for note in world.notes if isinstance(note, Progress)][-1] == 9


def test_at_a_lower_rate_the_text_is_tried() -> None:
    size = JobSize(job="j", segments=6, over=4, chars_left=10, audio_s=0.0, titles=("T",))
    world = spoken_greedily(
        may_degrade=True, degraded=ev.Degraded(job="j", step="24khz", why="at 24 kHz", size=size)
    )
    assert world.run_on().ending == "spoken"
    assert len(world.done()) == 6
    assert refused(world) == []


def test_where_it_cannot_be_cut_the_text_is_set_aside_after_all() -> None:
    world = spoken_greedily(may_degrade=True)
    assert world.run_on().ending == "spoken"
    assert refused(world) == ["cannot"]


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
    world.faults.device = device(SOFT, 5)
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
    world.faults.device = device(SOFT, 5)
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
