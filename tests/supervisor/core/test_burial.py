"""Who takes the place of one that is gone, in the make-believe world."""

from supervisor.core.death import Death
from supervisor.core.lifecycle import State
from supervisor.wire import messages as say
from tests.supervisor.core.ground import TOTAL, Faults
from tests.supervisor.core.world import World


def with_successor() -> World:
    """The first child has its last segment in hand, and its successor starts beside it."""
    world = World(list("abcd"), max_segments=2, faults=Faults(available_bytes=TOTAL))
    while len(world.children) < 2:
        world.behave()
    return world


def test_a_successor_takes_up_the_work_of_one_that_dies_before_it_was_relieved() -> None:
    world = with_successor()
    old = world.children[1]
    assert world.conductor.post is not None
    world.dies(Death(signal=11), child=old)
    assert world.conductor.post is not None
    assert (world.conductor.post.life, world.conductor.post.state) == (2, State.STARTING)
    assert world.spawns == 2
    assert world.run_on().ending == "spoken"
    assert world.rows["b"].attempts == 2
    assert len(world.done()) == 4


def test_one_that_is_ready_already_goes_on_at_once() -> None:
    world = with_successor()
    new = world.children[2]
    world.says(new.greeting(), child=new)
    world.says(new.ready(), child=new)
    world.dies(Death(signal=9), child=world.children[1])
    assert isinstance(new.order, say.Synthesize)
    assert new.order.text == "segment b"
    assert world.rows["b"].killed == 1
    assert world.run_on().ending == "spoken"


def test_both_are_stopped_when_the_run_is() -> None:
    world = with_successor()
    world.stop(at_once=True)
    assert world.run_on().ending == "stopped"
    assert len(world.burials) == 2
    assert [bury.planned for bury in world.burials] == [True, True]


def test_the_one_in_hand_is_finished_when_the_run_is_stopped_in_time() -> None:
    world = with_successor()
    world.stop()
    assert world.run_on().ending == "stopped"
    assert world.done() == ["a", "b"]
