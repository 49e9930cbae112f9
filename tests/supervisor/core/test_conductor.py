"""The conductor against the three invariants of the house, in a world that does what it likes."""

from dataclasses import replace
from typing import Literal

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.core.readings import DeviceReading, DeviceUnknown
from supervisor.core.segments import WaitingSegment
from supervisor.wire import messages as say
from supervisor.wire.dialogue import State
from tests.supervisor.core.ground import HARD, SOFT, TOTAL, Faults, segment
from tests.supervisor.core.judged import JudgedWorld
from tests.supervisor.core.makebelieve import CALM, pcm_of
from tests.supervisor.core.team import Team

# On either side of each mark: a wide range would all but never land on an edge.
host_bytes = st.sampled_from([10, 10, 10, SOFT - 1, SOFT, HARD - 1, HARD])
vitals = st.builds(say.Vitals, host_private_bytes=host_bytes, reserved_bytes=st.sampled_from([None, 0, 40]))
readings = st.builds(
    DeviceReading,
    total_bytes=st.just(TOTAL),
    used_bytes=st.sampled_from([10, SOFT - 1, SOFT, HARD - 1, HARD]),
    child_bytes=st.sampled_from([None, 0, 5, 40]),
    api=st.just("v2"),
    child_pid=st.sampled_from([None, 1001, 1002]),
)
devices = st.one_of(
    st.none(), st.just(DeviceUnknown(kind="hung", text="the driver did not answer")), readings
)
# Signals by number: what others send, what a crash is, and a status that somebody else took.
deaths = st.one_of(
    st.sampled_from([9, 15, 11, 6]).map(lambda number: Death(signal=number)),
    st.sampled_from([0, 1]).map(lambda status: Death(exit_code=status)),
    st.just(Death()),
)
#: Endings, and what must have happened for them.
REASONS = {
    "stopped": "stop",
    "full": "disk",
    "unwritable": "disk",
    "cannot": "spawn",
    "stuck": "unkillable",
}


class House(RuleBasedStateMachine):
    """A job, or a service and several, driven by chance; in the end the world is kind, and it must end."""

    @initialize(
        keys=st.lists(st.sampled_from("abcdef"), max_size=8),
        evils=st.sets(st.sampled_from(["signal", "disk", "spawn", "parent", "broken", "stuck"]), max_size=3),
        head_start=st.sampled_from([0, 2, 4]),
        attempts=st.integers(1, 4),
        batch=st.sampled_from([1, 2, 32]),
        stall_s=st.sampled_from([0.0, 30.0]),
        planned=st.booleans(),
        max_segments=st.sampled_from([0, 0, 1, 2]),
        roomy=st.booleans(),
        idle_unload_s=st.sampled_from([0.0, 2.0]),
        stays=st.booleans(),
    )
    def begin(  # noqa: PLR0913 - what is drawn once for a run
        self,
        *,
        keys: list[str],
        evils: set[str],
        head_start: int,
        attempts: int,
        batch: int,
        stall_s: float,
        planned: bool,
        max_segments: int,
        roomy: bool,
        idle_unload_s: float,
        stays: bool,
    ) -> None:
        # What ends a run early is left out of most runs, so that the others get far.
        self.evils = evils
        self.happened: set[str] = set()
        self.asked = 0
        # With room for two on the host there are hand-overs; without it the old one ends first.
        self.kind = Faults(available_bytes=TOTAL if roomy else 0)
        self.world = JudgedWorld(
            keys=keys,
            attempts=attempts,
            batch=batch,
            stall_s=stall_s,
            planned=planned,
            max_segments=max_segments,
            idle_unload_s=idle_unload_s,
            stays=stays,
            faults=replace(self.kind),
        )
        self.behaves(head_start)

    # ------------------------------------------------------------------ the child

    def speaks(self, *turns: State) -> bool:
        child = self.world.child
        return child is not None and child.speaks and child.turn in turns

    def lives(self) -> bool:
        return self.world.child is not None and self.world.child.fate is None

    @precondition(lambda self: len(self.world.children) > 1)
    @rule(newer=st.booleans())
    def another_child_is_looked_at(self, *, newer: bool) -> None:
        self.world.focus = (max if newer else min)(self.world.children)

    @rule(what=st.sampled_from(["clean", "recycle"]))
    def somebody_asks(self, what: Literal["clean", "recycle"]) -> None:
        self.asked += 1
        self.world.tell(ev.Asked(ask=self.asked, what=what))

    @precondition(lambda self: self.world.child is not None)
    @rule(steps=st.integers(1, 9))
    def behaves(self, steps: int) -> None:
        for _ in range(steps):
            if self.world.child is not None:
                self.world.behave()

    @precondition(lambda self: "broken" in self.evils and self.speaks(State.GREETING))
    @rule(right=st.booleans())
    def greets(self, *, right: bool) -> None:
        if not right:
            self.happened.add("version")
        child = self.world.alive
        self.world.says(child.greeting() if right else child.greeting("0.9"))

    @precondition(lambda self: self.speaks(State.LOADING))
    @rule(stage=st.just("weights"))
    def loads(self, stage: str) -> None:
        self.world.says(self.world.alive.utter(say.Loading(stage=stage)))

    @precondition(lambda self: self.speaks(State.LOADING))
    @rule(vitals=vitals, uses_device=st.booleans())
    def gets_ready(self, vitals: say.Vitals, *, uses_device: bool) -> None:
        if vitals.host_private_bytes >= HARD and "broken" not in self.evils:
            vitals = CALM
        if vitals.host_private_bytes >= HARD:
            self.happened.add("no child fits")
        self.world.says(self.world.alive.ready(vitals, uses_device=uses_device))

    @precondition(lambda self: "broken" in self.evils and self.speaks(State.LOADING))
    @rule(kind=st.sampled_from(["configuration", "voice_not_found", "load", "canary"]))
    def is_broken(self, kind: Literal["configuration", "voice_not_found", "load", "canary"]) -> None:
        if kind in ("configuration", "voice_not_found"):
            self.happened.add("broken")
        self.world.says(self.world.alive.utter(say.Broken(kind=kind, message=f"no {kind}")))
        self.world.dies(Death(exit_code=1))

    @precondition(lambda self: self.speaks(State.SPEAKING))
    @rule(share=st.integers(1, 4))
    def speaks_on(self, share: int) -> None:
        child = self.world.alive
        if child.said_bytes < len(child.pcm):
            self.world.says(child.chunk(max(2, len(child.pcm) // share // 2 * 2)))
        else:
            self.world.says(child.progress())

    @precondition(lambda self: self.speaks(State.SPEAKING))
    @rule(vitals=vitals, silent=st.sampled_from([False, False, False, True]))
    def finishes(self, vitals: say.Vitals, *, silent: bool) -> None:
        child = self.world.alive
        if silent and child.said_bytes == 0:
            child.pcm = pcm_of(child.in_hand.text, child.in_hand.attempt, silent=True)
        if child.said_bytes < len(child.pcm):
            self.world.says(child.chunk(len(child.pcm)))
        if self.speaks(State.SPEAKING):
            self.world.says(child.done(vitals))

    @precondition(lambda self: self.speaks(State.SPEAKING))
    @rule(
        kind=st.sampled_from(["oom", "engine", "quality", "bad_input"]),
        sticky=st.booleans(),
        vitals=vitals,
    )
    def fails(self, kind: say.FailureKind, vitals: say.Vitals, *, sticky: bool) -> None:
        failed = self.world.alive.failed(kind, retryable=kind != "bad_input", sticky=sticky, vitals=vitals)
        self.world.says(failed)

    @precondition(lambda self: self.speaks(State.RELEASING))
    @rule(vitals=vitals)
    def releases(self, vitals: say.Vitals) -> None:
        self.world.says(self.world.alive.released(vitals))

    @precondition(lambda self: self.lives() and not self.world.alive.garbled)
    @rule()
    def sends_damaged_frames(self) -> None:
        child = self.world.alive
        child.garbled = True
        self.world.tell(ev.Broke(life=child.life, why="a frame is not msgpack"))

    @precondition(lambda self: self.lives())
    @rule(death=deaths)
    def dies(self, death: Death) -> None:
        self.world.dies(death)

    @precondition(lambda self: self.lives())
    @rule(how=st.sampled_from(["deaf", "stopped", "woken"]))
    def hangs(self, how: str) -> None:
        child = self.world.alive
        child.deaf |= how == "deaf"
        child.stopped = how == "stopped"

    @precondition(lambda self: "stuck" in self.evils and self.lives())
    @rule()
    def enters_a_driver_call(self) -> None:
        self.happened.add("unkillable")
        self.world.alive.unkillable = True

    # ------------------------------------------------------------------ the world

    @precondition(lambda self: self.world.finish is None)
    @rule()
    def the_plan_is_ready(self) -> None:
        self.world.plan()

    @precondition(lambda self: self.world.stays and self.world.finish is None)
    @rule(keys=st.integers(0, 3), ahead=st.booleans())
    def a_job_comes(self, keys: int, *, ahead: bool) -> None:
        number = len(self.world.jobs)
        self.world.add(f"j{number}", [f"{number}/{each}" for each in range(keys)], ahead=ahead)

    @precondition(lambda self: self.world.stays)
    @rule(which=st.integers(0, 3))
    def a_job_is_withdrawn(self, which: int) -> None:
        self.world.withdraw(["j", *self.world.jobs][which % (len(self.world.jobs) + 1)])

    @rule(seconds=st.sampled_from([0.125, 0.5, 1.0, 2.0, 3.0, 29.5, 30.0, 50.0, 300.0, 600.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @precondition(lambda self: self.world.child is not None)
    @rule(host=st.one_of(st.none(), host_bytes), device=devices, answers=st.booleans())
    def memory_is_read(
        self, host: int | None, device: DeviceReading | DeviceUnknown | None, *, answers: bool
    ) -> None:
        self.world.faults.host_bytes = host
        self.world.faults.device = device
        self.world.faults.driver_answers = answers
        self.world.reads()

    @rule(life=st.integers(0, 3), message=st.sampled_from(["read", "ready", "broke", "ended"]))
    def a_life_before_is_heard_of(self, life: int, message: str) -> None:
        if life in self.world.children or (life == 0 and message == "read"):
            return  # of life 0 the room is read
        late: dict[str, ev.Event] = {
            "read": ev.Read(life=life, host=None, device=None, stopped=True),
            "ready": ev.Said(life=life, message=say.Loading(stage="late")),
            "broke": ev.Broke(life=life, why="late"),
            "ended": ev.Ended(life=life, death=Death(signal=11)),
        }
        assert self.world.tell(late[message]) == []

    @precondition(lambda self: "signal" in self.evils)
    @rule(at_once=st.booleans())
    def a_signal_comes(self, *, at_once: bool) -> None:
        self.happened.add("stop")
        self.world.stop(at_once=at_once)

    @precondition(lambda self: "disk" in self.evils)
    @rule(disk=st.sampled_from(["full", "unwritable"]))
    def the_disk_fails(self, disk: Literal["full", "unwritable"]) -> None:
        self.happened.add("disk")
        self.world.faults.disk = disk

    @rule(answers=st.booleans())
    def the_disk_is_slow_or_fast(self, *, answers: bool) -> None:
        self.world.faults.disk_answers = answers
        if answers:
            self.world.disk_answers()

    @precondition(lambda self: "spawn" in self.evils)
    @rule(spawn=st.sampled_from(["no room", "no such python"]))
    def no_child_can_be_started(self, spawn: Literal["no room", "no such python"]) -> None:
        self.happened.add("spawn")
        self.world.faults.spawn = spawn

    @precondition(lambda self: "parent" in self.evils or self.world.finish is not None)
    @rule()
    def the_parent_dies_or_is_done_and_another_takes_over(self) -> None:
        self.happened.clear()
        self.world.faults = replace(self.kind)
        self.world.begin()

    @precondition(lambda self: "parent" in self.evils and self.world.finish is None)
    @rule(actions=st.integers(0, 30))
    def the_parent_will_die_between_two_actions(self, actions: int) -> None:
        self.world.fuse = actions

    # ------------------------------------------------------------------ what must be

    def teardown(self) -> None:
        if not hasattr(self, "world") or not self.world.sound:
            return
        self.world.faults, self.world.fuse = replace(self.kind), None
        for child in self.world.children.values():
            # Without `child.stall_s` nobody ends a child that hangs, as the user wished.
            child.deaf = child.deaf and self.world.stall_s > 0
            child.stopped = child.stopped and self.world.stall_s > 0
        finish = self.world.run_on()
        if finish.ending == "gave_up":
            assert self.world.mishaps >= 5
        elif finish.ending == "configuration":
            assert self.happened & {"version", "broken", "no child fits", "spawn"}
        elif finish.ending != ("stopped" if self.world.stays else "spoken"):
            assert REASONS[finish.ending] in self.happened
        assert (finish.why == "") is (finish.ending == "spoken")
        if finish.ending != "stuck":
            self._and_the_next_run_ends_well()
        answered = [answer.ask for answer in self.world.answers]
        assert len(answered) == len(set(answered)), "answered twice"
        assert finish.ending == "stuck" or "parent" in self.evils or len(answered) == self.asked
        assert all(row.stores == (row.state == "done") for row in self.world.rows.values())

    def _and_the_next_run_ends_well(self) -> None:
        self.world.begin()
        assert self.world.run_on().ending == ("stopped" if self.world.stays else "spoken")
        assert self.world.is_settled


# ------------------------------------------------------------------ several devices


def chapters(count: int, length: int) -> list[WaitingSegment]:
    """Chapters of so many segments each."""
    return [
        msgspec.structs.replace(segment(n), chapter=n // length, ends_chapter=n % length == length - 1)
        for n in range(count * length)
    ]


def test_two_devices_speak_at_once_and_nothing_twice() -> None:
    team = Team(order=chapters(3, 4))
    team.run_on()
    assert team.most_at_once == 2
    assert set(team.spoken_by.values()) == {0, 1}
    assert [row.stores for row in team.rows.values()] == [1] * 12
    assert team.over == ["j"]
    assert [finish.ending for finish in team.finishes.values()] == ["spoken", "spoken"]


def test_with_a_past_to_carry_a_chapter_is_in_one_hand_at_a_time() -> None:
    team = Team(order=chapters(3, 4), carries_past=True)
    team.run_on()
    assert team.most_at_once == 2
    alone = Team(order=chapters(1, 6), carries_past=True)
    alone.run_on()
    assert alone.most_at_once == 1


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_befalls_several_children_every_segment_is_spoken_once(data: st.DataObject) -> None:
    team = Team(
        order=chapters(data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))),
        devices=data.draw(st.integers(1, 3)),
        carries_past=data.draw(st.booleans()),
    )
    for _ in range(data.draw(st.integers(0, 40))):
        if not team.children:
            break
        child = data.draw(st.sampled_from(list(team.children.values())))
        if data.draw(st.integers(0, 7)) == 0:
            team.dies(child, Death(signal=9))
        else:
            team.step(child)
    team.run_on()
    assert all(row.stores == 1 for row in team.rows.values())
    assert team.over == ["j"]


def test_a_stop_leaves_what_is_not_in_hand_on_any_device() -> None:
    team = Team(order=chapters(3, 4))
    while sum(row.in_hand for row in team.rows.values()) < 2:
        team.turn()
    before = sum(row.stores for row in team.rows.values())
    team.tell_all(ev.StopAsked(at_once=False, why="stopped by SIGINT"))
    team.run_on()
    assert {finish.ending for finish in team.finishes.values()} == {"stopped"}
    assert sum(row.stores for row in team.rows.values()) == before + 2
    assert team.over == []


# Without `explain`, which traces every line: on Python 3.11 that takes minutes.
PHASES = [Phase.reuse, Phase.generate, Phase.shrink]


@pytest.mark.timeout(
    60
)  # two seconds on an idle machine; measuring coverage on a busy one takes ten times that
class TestHouse(House.TestCase):
    settings = settings(max_examples=150, stateful_step_count=40, deadline=None, phases=PHASES)


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestHouseAtLength(House.TestCase):
    settings = settings(max_examples=5000, stateful_step_count=80, deadline=None, phases=PHASES)
