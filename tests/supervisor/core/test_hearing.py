"""What a child says, where nothing else tests it."""

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.lifecycle import State
from supervisor.core.notes import Notice
from supervisor.wire import messages as say
from tests.supervisor.core.ground import STALL_S
from tests.supervisor.core.makebelieve import CALM, PACE_S_PER_CHAR, RATE_HZ, figures
from tests.supervisor.core.steps import device
from tests.supervisor.core.world import World


def ready(*, weight_files: tuple[str, ...] = (), notices: tuple[str, ...] = ()) -> say.Ready:
    return say.Ready(
        engine="make-believe",
        engine_version="1",
        sample_rate_hz=RATE_HZ,
        voice="any",
        clones=False,
        uses_device=False,
        pace_s_per_char=PACE_S_PER_CHAR,
        canary=figures(1.0),
        vitals=CALM,
        took_s=0.5,
        weight_files=[*weight_files],
        notices=[*notices],
    )


def test_what_an_engine_says_of_its_start_is_told_once_in_a_run() -> None:
    world = World(["a", "b"])
    world.behave()
    world.says(world.alive.utter(ready(notices=("on the CPU", "a quiet recording"))))
    world.dies(Death(signal=9))
    world.behave()
    world.says(world.alive.utter(ready(notices=("on the CPU", "another"))))
    said = [note.text for note in world.notes if isinstance(note, Notice)]
    assert said == ["on the CPU", "a quiet recording", "another"]


def test_files_that_the_next_child_will_read_are_remembered() -> None:
    world = World(["a"])
    world.behave()
    world.says(world.alive.utter(ready(weight_files=("/w/a", "/w/b"))))
    assert do.LearnWeights(paths=("/w/a", "/w/b")) in world.acts
    assert world.run_on().ending == "spoken"


def test_how_long_a_child_may_be_silent_is_learned_from_the_longest_that_it_was() -> None:
    world = World(["a" * 40, "b" * 40])
    while world.child is None or world.alive.turn.name != "SPEAKING":
        world.behave()
    world.advance(STALL_S - 1)  # silent for long, and well
    world.says(world.alive.chunk(10**6))
    world.says(world.alive.done(CALM))
    assert world.conductor.post is not None
    assert world.conductor.post.state is State.SPEAKING
    world.advance(2 * STALL_S)  # as long again, and longer: this voice is slow
    assert world.conductor.post.state is State.SPEAKING
    world.advance(10 * STALL_S)
    assert world.run_on().ending == "spoken"
    assert any("no progress on segment 2" in bury.why for bury in world.burials)


def test_an_engine_that_clones_nothing_ends_a_job_in_the_voice_of_a_recording() -> None:
    world = World(["a"], reference=say.Reference(path="/r.wav", text="Hello."))
    world.behave()
    world.says(world.alive.utter(ready()))
    world.run_on()
    assert world.finish is not None
    assert world.finish.ending == "configuration"
    assert "clones no voice from a recording" in world.finish.why
    assert world.rows["a"].attempts == 0


# ------------------------------------------------------------------ what a release gave back


def releasing() -> World:
    """A child on a device was asked to clear its caches, and is about to say that it has."""
    world = World(list("abc"), uses_device=True)
    world.faults.device = device(65, 40)
    while len(world.done()) < 1:
        world.behave()
    world.faults.driver_answers = False
    world.tell(ev.Asked(ask=1, what="clean"))
    while world.alive.turn.name != "RELEASING":
        world.behave()
    return world


def given_back(world: World) -> list[tuple[int, int, bool]]:
    assert not any(one.error for one in world.answers)
    return [(one.before_bytes, one.after_bytes, one.on_device) for one in world.answers]


def test_what_was_given_back_of_a_device_is_told_once_the_driver_has_told_it() -> None:
    world = releasing()
    world.says(world.alive.released())
    assert world.answers == []
    world.faults.device = device(45, 20)
    world.reads()
    assert given_back(world) == [(40, 20, True)]


def test_a_child_that_dies_before_the_driver_tells_has_given_all_back() -> None:
    world = releasing()
    world.says(world.alive.released())
    world.dies(Death(signal=9))
    assert given_back(world) == [(40, 0, True)]


def test_a_run_that_ends_before_the_driver_tells_says_what_is_known() -> None:
    world = releasing()
    world.says(world.alive.released())
    world.stop()
    assert world.run_on().ending == "stopped"
    assert [one.on_device for one in world.answers] == [True]
    assert not world.answers[0].error
