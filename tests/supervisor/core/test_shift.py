"""Who works next, in the make-believe world: hand-overs, rests, idle unloads, asks."""

import msgspec

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.actions import Answer
from supervisor.core.death import Death
from supervisor.core.notes import ChildState
from supervisor.core.tallies import JobSize
from supervisor.wire import messages as say
from tests.supervisor.core.ground import TOTAL, Faults
from tests.supervisor.core.steps import device, sent
from tests.supervisor.core.world import World


def roomy(keys: str, *, max_segments: int = 0) -> World:
    """A world with room for two children."""
    return World(list(keys), max_segments=max_segments, faults=Faults(available_bytes=TOTAL))


def spoken_by(world: World) -> list[int]:
    """The life of each hand-out."""
    return [
        act.life for act in world.acts if isinstance(act, do.Send) and isinstance(act.message, say.Synthesize)
    ]


def most_at_once(world: World) -> int:
    """How many children there were at once."""
    most = now = 0
    for act in world.acts:
        now += isinstance(act, do.Spawn) - isinstance(act, do.Bury)
        most = max(most, now)
    return most


def until(world: World, kind: type[say.FromParent]) -> None:
    """Behave until such a message was sent."""
    while kind.__name__ not in sent(world):
        world.behave()


def test_where_two_fit_the_successor_is_ready_before_the_old_one_leaves() -> None:
    world = roomy("abcdef", max_segments=2)
    assert world.run_on().ending == "spoken"
    assert spoken_by(world) == [1, 1, 2, 2, 3, 3]
    assert most_at_once(world) == 2
    states = [(note.life, note.state) for note in world.notes if isinstance(note, ChildState)]
    assert states.index((2, "ready")) < states.index((1, "leaving")) < states.index((1, "gone"))
    assert [bury.planned for bury in world.burials] == [True] * 3
    assert world.conductor.counts.recycles == 2


def test_where_two_do_not_fit_the_old_one_leaves_first() -> None:
    world = World(list("abcdef"), max_segments=2)
    assert world.run_on().ending == "spoken"
    assert spoken_by(world) == [1, 1, 2, 2, 3, 3]
    assert most_at_once(world) == 1


def test_a_successor_for_which_there_is_no_room_after_all_comes_later() -> None:
    world = roomy("abcd", max_segments=2)
    until(world, say.Synthesize)
    world.faults.spawn = "no room"
    while len(spoken_by(world)) < 2:
        world.behave()
    world.faults.spawn = "well"
    assert world.run_on().ending == "spoken"
    assert most_at_once(world) <= 2
    assert len(world.done()) == 4


def test_a_successor_that_cannot_be_started_at_all_is_a_matter_of_configuration() -> None:
    world = roomy("abcd", max_segments=2)
    until(world, say.Synthesize)
    world.faults.spawn = "no such python"
    assert world.run_on().ending == "configuration"


def test_a_successor_that_dies_while_it_starts_costs_its_life_alone() -> None:
    world = roomy("abcd", max_segments=1)
    while len(world.children) < 2:
        world.behave()
    newer = world.children[max(world.children)]
    world.dies(Death(signal=11), child=newer)
    assert world.run_on().ending == "spoken"
    assert len(world.done()) == 4
    assert world.rows["a"].attempts == 1


def test_never_three_children() -> None:
    world = roomy("abcdefgh", max_segments=1)
    assert world.run_on().ending == "spoken"
    assert most_at_once(world) == 2


def test_who_asks_for_a_fresh_child_gets_one() -> None:
    world = roomy("abcdef")
    while "ready" not in world.states:
        world.behave()
    world.tell(ev.Asked(ask=1, what="recycle"))
    assert world.run_on().ending == "spoken"
    (answer,) = world.answers
    assert (answer.ask, answer.error) == (1, "")
    assert world.conductor.counts.recycles == 1
    assert len(world.done()) == 6


def test_a_release_is_asked_of_the_child_at_the_boundary_and_answered() -> None:
    world = World(list("ab"))
    until(world, say.Synthesize)
    world.tell(ev.Asked(ask=7, what="clean"))
    assert world.answers == []
    assert world.run_on().ending == "spoken"
    assert [(answer.ask, answer.error) for answer in world.answers] == [(7, "")]
    assert sent(world).count("Release") == 1
    assert world.conductor.counts.cleans == 1


def test_what_is_asked_where_there_is_no_child_is_answered_at_once() -> None:
    world = World(["a"])
    world.tell(ev.Asked(ask=1, what="clean"))
    assert world.answers == [Answer(ask=1, error="there is no child that is ready")]
    world.run_on()
    world.tell(ev.Asked(ask=2, what="recycle"))
    assert world.answers[1:] == [Answer(ask=2, error="the run is over")]


def test_what_is_asked_at_the_end_is_answered_by_it() -> None:
    world = World(["a"])
    until(world, say.Synthesize)
    world.tell(ev.Asked(ask=1, what="recycle"))
    world.tell(ev.Asked(ask=2, what="clean"))
    assert world.run_on().ending == "spoken"
    assert sorted(answer.ask for answer in world.answers) == [1, 2]


def lines(world: World, count: int) -> None:
    """Make the first segments lines of a JSONL."""
    for number in range(count):
        one = world.order[number]
        world.order[number] = msgspec.structs.replace(one, ends_line=True, ends_chapter=True)


def test_it_rests_after_every_so_many_lines() -> None:
    world = World(list("abcd"), batch_size=2, batch_rest_s=60.0, planned=False)
    lines(world, 4)
    began_s = world.now_s
    while len(world.done()) < 2:
        world.behave()
    assert world.conductor.waits_why == "a rest after 2 lines (batch.rest_s)"
    assert world.run_on().ending == "spoken"
    # After the second line; after the fourth nothing is left to rest for.
    assert 60.0 <= world.now_s - began_s < 120.0
    assert world.conductor.counts.recycles == 0


def test_a_child_that_rests_for_long_is_ended_and_another_goes_on() -> None:
    world = World(list("abcd"), batch_size=2, batch_rest_s=60.0, idle_unload_s=5.0, planned=False)
    lines(world, 4)
    assert world.run_on().ending == "spoken"
    assert spoken_by(world) == [1, 1, 2, 2]
    assert [(bury.planned, bury.why) for bury in world.burials] == [
        (True, "nothing to do for 5 s (child.idle_unload_s)"),
        (True, "no more work"),
    ]


def test_one_that_spoke_nothing_is_as_fresh_as_its_successor() -> None:
    world = World(list("ab"))
    world.faults.driver_answers = False  # so that the first text waits for a reading
    while "ready" not in world.states:
        world.behave()
    assert world.conductor.post is not None
    world.conductor.post.want_recycle("a mark", reason="watermark", patient=True)
    world.faults.driver_answers = True
    assert world.run_on().ending == "spoken"
    assert world.conductor.counts.recycles == 0


def test_the_old_one_speaks_nothing_more_while_the_job_stands_still() -> None:
    world = roomy("abcdef")
    until(world, say.Synthesize)
    world.tell(ev.Asked(ask=1, what="recycle"))
    while len(world.children) < 2:
        world.behave()
    old = world.children[1]
    world.conductor.counsel.paused_why = "others"
    while old.order is not None and old.turn.name == "SPEAKING":
        step = old.well_behaved()
        assert step is not None
        assert not isinstance(step, Death)
        world.says(step, child=old)
    spoken = len(spoken_by(world))
    world.says(world.children[2].greeting(), child=world.children[2])
    assert len(spoken_by(world)) == spoken
    world.conductor.counsel.paused_why = ""
    assert world.run_on().ending == "spoken"


def test_a_child_that_waits_for_others_to_make_room_for_long_gives_the_device_back() -> None:
    world = World(list("abc"), uses_device=True, idle_unload_s=5.0)
    world.faults.device = device(20, 10)
    until(world, say.Synthesize)
    world.faults.device = device(95, 10)
    while not world.conductor.waits_why:
        world.behave() if world.alive.turn.name != "IDLE" else world.reads()
    world.advance(6.0)
    while world.children:
        world.behave()
    assert any(isinstance(act, do.WatchRoom) for act in world.acts)
    assert "child.idle_unload_s" in world.burials[-1].why
    world.faults.device = device(10, 0)
    world.reads()
    assert world.run_on().ending == "spoken"


def test_what_was_cut_at_another_rate_is_tried_without_being_asked_about() -> None:
    world = World(list("abc"))
    until(world, say.Synthesize)
    size = JobSize(job="j", segments=3, over=0, chars_left=9, audio_s=0.0, titles=("T",))
    while world.alive.turn.name == "SPEAKING" and world.alive.said_bytes < len(world.alive.pcm):
        world.behave()
    world.tell(ev.Degraded(job="j", step="24khz", why="at 24 kHz", size=size))
    assert world.run_on().ending == "spoken"


# ------------------------------------------------------------------ a service


def service(keys: str = "", **more: float) -> World:
    """One that stays; with a child that is ready, and all spoken."""
    world = World(list(keys), stays=True, idle_unload_s=more.get("idle_unload_s", 0.0))
    while not world.is_settled or "ready" not in world.states:
        world.behave()
    return world


def settle(world: World) -> None:
    while not world.is_settled:
        world.behave()


def test_a_service_has_a_child_before_it_has_work_and_keeps_it_after() -> None:
    world = World([], stays=True, planned=False)
    while "ready" not in world.states:
        world.behave()
    world.add("a", "xy")
    settle(world)
    world.add("b", "z")
    settle(world)
    world.advance(3600.0)
    assert spoken_by(world) == [1, 1, 1]
    assert world.over == ["a", "b"]
    assert world.finish is None
    assert (world.conductor.has_work, world.conductor.lives) == (False, 1)
    assert [child.life for child in world.children.values()] == [1]


def test_a_request_is_the_next_to_be_spoken() -> None:
    world = World(list("abc"), stays=True)
    until(world, say.Synthesize)
    world.add("r", "xy", ahead=True)
    world.add("s", "z", ahead=True)
    settle(world)
    claimed = [act.key for act in world.acts if isinstance(act, do.Claim)]
    assert claimed == ["a", "x", "z", "y", "b", "c"]


def test_a_child_that_dies_with_nothing_to_do_is_replaced_at_once() -> None:
    world = service("a")
    world.dies(Death(signal=9))
    while "ready" not in world.states[-3:]:
        world.behave()
    assert list(world.children) == [2]


def test_a_child_that_had_nothing_to_do_for_long_comes_back_with_the_next_work() -> None:
    world = service("a", idle_unload_s=5.0)
    world.advance(6.0)
    while world.children:
        world.behave()
    assert "nothing to do for 5 s" in world.burials[-1].why
    assert world.conductor.is_unloaded
    world.tell(ev.Asked(ask=1, what="recycle"))
    world.tell(ev.Asked(ask=2, what="clean"))
    assert world.answers == [Answer(ask=1), Answer(ask=2)], "nothing is held, so nothing is given back"
    world.advance(3600.0)
    assert not world.children
    world.add("b", "x")
    settle(world)
    assert spoken_by(world) == [1, 2]
    assert not world.conductor.is_unloaded


def test_a_service_can_be_asked_while_it_has_nothing_to_do() -> None:
    world = service("a")
    world.tell(ev.Asked(ask=1, what="clean"))
    world.tell(ev.Asked(ask=2, what="recycle"))
    while len(world.answers) < 2:
        world.behave()
    assert [answer.error for answer in world.answers] == ["", ""]
    assert list(world.children) == [2]


def test_a_service_that_is_stopped_ends_with_its_segment_and_leaves_the_rest() -> None:
    world = World(list("abc"), stays=True)
    until(world, say.Synthesize)
    world.stop()
    while world.finish is None:
        world.behave()
    assert (world.finish.ending, world.done(), world.over) == ("stopped", ["a"], [])


def test_what_is_told_of_a_job_that_is_not_here_changes_nothing() -> None:
    world = service("a")
    one = world.order[0]
    for event in (
        ev.Withdrawn(job="gone"),
        ev.Offered(job="gone", segments=(), exhausted=True),
        ev.Stored(segment=one, seconds=1.0, sha256="0", attempts=1),
        ev.Degraded(job="gone", step=None, why="cannot", size=None),
    ):
        assert world.tell(event) == []
