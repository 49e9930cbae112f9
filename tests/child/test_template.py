"""The template, driven over its socket: what it says, what its children are, and what stays in it."""

import os
import signal
import socket
from pathlib import Path

import pytest

from child.vitals import give_back_host_memory
from supervisor.edge import proc
from supervisor.wire.forking import Born, Refused, Unfit, Warm
from supervisor.wire.messages import Broken, FaultPlan, Hello
from tests.child import warm_engine
from tests.child.driver import child_process
from tests.standin.nest import Nest, descriptors, end_of, hello, left_unreaped, nest, threads

pytestmark = pytest.mark.processes

MIB = 1024 * 1024


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    return dict(warm_engine.install(tmp_path / "site"))


def of_outside(manner: str = "", weights: str = "") -> Hello:
    return hello(warm_engine.NAME, manner=manner, weights=weights)


# ------------------------------------------------------------------ its children


@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_a_forked_child_speaks_the_very_bytes_of_a_cold_one(engine: str) -> None:
    texts = ["The night ferry leaves at ten.", "准备好了。", "The night ferry leaves at ten."]
    with child_process() as cold:
        ready = cold.ready(hello(engine))
        spoken = [cold.speak(text, seed=7).pcm for text in texts]
    with nest(hello(engine)) as one:
        one.warm()
        for life in (1, 2):
            child = one.child(life)
            forked = child.ready()
            assert (forked.engine_version, forked.canary) == (ready.engine_version, ready.canary)
            assert [child.speak(text, seed=7) for text in texts] == spoken
            assert child.leave() == "exited with status 0"


def test_a_child_is_ours_in_a_session_of_its_own_and_holds_nothing_of_the_templates() -> None:
    with nest() as one:
        one.warm()
        child, other = one.child(1), one.child(2)
        child.ready()
        assert proc.parent(child.pid) == os.getpid()
        assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
        standing, template = proc.standing(child.pid), proc.standing(one.template.pid)
        assert standing is not None
        assert template is not None
        assert (standing.name, template.name) == ("tts-child", "tts-template")
        held = descriptors(child.pid)
        assert len(held) == 3 + 2
        assert held[0] == "/dev/null"
        assert held[1] == held[2]
        assert not set(held.values()) & set(descriptors(other.pid).values()) - {"/dev/null"}
        child.kill()
        other.kill()


def test_what_a_child_prints_comes_on_its_own_stderr_and_its_stack_too() -> None:
    with nest(hello(faults=FaultPlan(faults=["stray@1"]))) as one:
        one.warm()
        child = one.child()
        child.ready()
        child.speak("hello")
        assert child.process.dump_stack()
        child.speak("and on it goes")
        written = os.read(child.process.stderr_fd, 1 << 16).decode()
        assert "a stray line on descriptor 1 (rehearsed)" in written
        assert "Current thread" in written
        assert one.log() == ""
        child.kill()


def test_the_engine_is_prepared_once_and_every_child_loads_it(outside: dict[str, str]) -> None:
    with nest(of_outside(weights="/some/file"), env=outside) as one:
        assert one.warm().weight_files == ["/some/file"]
        for life in (1, 2):
            child = one.child(life)
            ready = child.ready()
            assert ready.engine_version == f"prepared in {one.template.pid}"
            assert ready.weight_files == ["/some/file"]
            child.kill()


def test_a_child_that_is_to_be_something_else_begins_anew(outside: dict[str, str]) -> None:
    with nest(of_outside(), env=outside) as one:
        one.warm()
        for said in (of_outside(weights="/another"), hello("scripted")):
            child = Nest(one.template, said).child()
            assert child.ready().engine_version != f"prepared in {one.template.pid}"
            child.kill()


def test_time_and_memory_of_a_start_are_paid_once() -> None:
    with nest(hello(load_s=1.0, load_bytes="64MiB")) as one:
        warm = one.warm()
        assert warm.took_s >= 1.0
        assert warm.private_bytes >= 64 * MIB
        child = one.child()
        ready = child.ready()
        assert ready.took_s < 1.0
        assert ready.vitals.host_private_bytes < 32 * MIB
        child.kill()


def test_memory_that_is_shared_with_the_template_is_not_the_childs(outside: dict[str, str]) -> None:
    with nest(of_outside(manner="memory"), env=outside) as one:
        assert one.warm().private_bytes >= warm_engine.HELD_BYTES
        child = one.child()
        assert child.ready().vitals.host_private_bytes < warm_engine.HELD_BYTES // 2
        child.kill()


def test_a_wrong_voice_is_told_by_the_child_as_a_cold_one_tells_it() -> None:
    said = hello()
    said = Hello(protocol=said.protocol, life=1, engine="scripted", device="cpu", settings={}, voice="nobody")
    with nest(said) as one:
        one.warm()
        child = one.child()
        told = child.begin()
        assert isinstance(told, Broken)
        assert told.kind == "voice_not_found"
        assert end_of(child.process) == "exited with status 1"
        child.process.close()


# ------------------------------------------------------------------ when it cannot


@pytest.mark.parametrize(
    ("said", "words", "for_good"),
    [
        (hello("nobody's"), "there is no such engine", True),
        (hello(load_s=-1.0), "engine.scripted.load_s", True),
        (of_outside(manner="a bug"), "ZeroDivisionError: no engine is perfect", False),
        (of_outside(manner="a thread"), "2 threads run in the template", False),
    ],
)
def test_an_engine_that_cannot_be_prepared_says_why_and_whether_another_start_could(
    said: Hello, words: str, for_good: bool, outside: dict[str, str]
) -> None:
    with nest(said, env=outside) as one:
        answer = one.prepare()
        assert isinstance(answer, Unfit)
        assert words in answer.why
        assert answer.for_good is for_good
        assert end_of(one.template) == "exited with status 1"


def test_a_thread_that_has_ended_hinders_nothing(outside: dict[str, str]) -> None:
    with nest(of_outside(manner="a joined thread"), env=outside) as one:
        assert isinstance(one.prepare(), Warm)


def test_a_thread_that_starts_later_ends_the_forking_for_good(outside: dict[str, str]) -> None:
    with nest(of_outside(manner="a thread later"), env=outside) as one:
        one.warm()
        one.child(1).kill()
        unborn = one.template.ask(2)
        answer = one.answer()
        assert isinstance(answer, Refused)
        assert answer.for_good
        assert "threads run in the template" in answer.why
        unborn.close()


def test_it_leaves_when_the_parent_lets_go_and_when_it_is_told_nonsense() -> None:
    with nest() as one:
        one.warm()
        one.template.control.shutdown(socket.SHUT_RDWR)
        assert end_of(one.template) == "exited with status 0"
    with nest() as one:
        one.warm()
        one.template.control.send(b"\xc1")
        assert end_of(one.template) == "exited with status 2"
        assert "broke the contract" in one.log()
    with nest() as one:
        one.warm()
        one.say()
        assert end_of(one.template) == "exited with status 2"


def test_ctrl_c_does_not_reach_it_and_sigterm_ends_it() -> None:
    with nest() as one:
        one.warm()
        os.kill(one.template.pid, signal.SIGINT)
        one.child().kill()
        one.template.terminate()
        assert end_of(one.template) == "killed by SIGTERM (asked to terminate)"


# ------------------------------------------------------------------ what stays in it


def test_a_hundred_children_leave_nothing_in_it() -> None:
    with nest(hello("espeak")) as one:
        one.warm()
        one.child(1).kill()
        give_back_host_memory()
        mapped = proc.mapped(one.template.pid)
        assert mapped is not None
        before = descriptors(one.template.pid)
        for life in range(2, 102):
            child = one.child(life)
            if life % 10 == 0:
                child.ready()
            child.kill()
        assert descriptors(one.template.pid) == before
        assert threads(one.template.pid) == 1
        assert proc.children(one.template.pid) == []
        after = proc.mapped(one.template.pid)
        assert after is not None
        assert after.private_bytes <= mapped.private_bytes + MIB
        assert left_unreaped() == []


def test_a_child_that_is_deaf_dies_by_a_kill_of_its_group_and_the_others_live() -> None:
    with nest(hello(faults=FaultPlan(faults=["hang@1"]))) as one:
        one.warm()
        deaf, other = one.child(1), one.child(2)
        deaf.ready()
        deaf.order("hello")
        deaf.receive()
        deaf.process.kill_group()
        assert end_of(deaf.process) == "killed by SIGKILL"
        other.ready()
        third = one.child(3)
        third.ready()
        for child in (deaf, other, third):
            child.kill()


def test_children_live_on_when_it_is_killed() -> None:
    with nest() as one:
        one.warm()
        child = one.child()
        child.greet()  # in a session of its own by now: the end of the template's group is not its end
        os.kill(one.template.pid, signal.SIGKILL)
        assert end_of(one.template) == "killed by SIGKILL"
        child.ready()
        assert child.speak("still here")
        assert child.leave() == "exited with status 0"


def test_answers_come_in_the_order_of_asking() -> None:
    with nest() as one:
        one.warm()
        asked = [one.template.ask(life) for life in (1, 2, 3)]
        for unborn in asked:
            answer = one.answer()
            assert isinstance(answer, Born)
            assert answer.life == unborn.life
            process = unborn.adopt(answer.pid)
            process.end_now()
            process.close()
