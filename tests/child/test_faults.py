"""Every fault, in this process where it can be borne, in a real child where it cannot."""

import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from child.engine import OutOfMemory, SettingsError, Utterance
from child.faults import Rehearsal
from child.scripted import ScriptedEngine
from child.vitals import private_bytes
from supervisor.wire.errors import PeerError
from supervisor.wire.messages import FaultPlan, Setting
from tests.child.driver import Child, ChildEnded, child_process, hello

MIB = 1024 * 1024
TEXT = "a sentence that is long enough for two pieces"


def rehearsal(plan: FaultPlan, **table: Setting) -> Rehearsal:
    made = Rehearsal(ScriptedEngine(), plan, damage=lambda: None)
    made.load(table, device="cpu", voice=None)
    return made


def utterance(text: str = TEXT) -> Utterance:
    return Utterance(text=text, voice=None, reference=None, seed=0, settings={})


def speak(engine: Rehearsal, text: str = TEXT) -> bytes:
    return b"".join(piece.samples.tobytes() for piece in engine.synthesize(utterance(text)))


# ---------------------------------------------------------------- borne in this process


def test_a_peak_is_held_while_it_speaks_and_goes_back_after() -> None:
    engine = rehearsal(FaultPlan(peak_bytes=64 * MIB))
    before = private_bytes()
    pieces = engine.synthesize(utterance())
    next(pieces)
    assert private_bytes() - before > 60 * MIB
    list(pieces)
    assert private_bytes() - before < 8 * MIB


def test_a_leak_grows_by_its_size_a_segment_until_the_plateau() -> None:
    engine = rehearsal(FaultPlan(leak_bytes=16 * MIB, plateau=3))
    held = [private_bytes()]
    for _ in range(5):
        speak(engine)
        held.append(private_bytes())
    grown = [after - before for before, after in pairwise(held)]
    assert all(14 * MIB < growth < 20 * MIB for growth in grown[:3])
    assert all(growth < 4 * MIB for growth in grown[3:])


def test_a_segment_that_fails_leaks_too() -> None:
    engine = rehearsal(FaultPlan(leak_bytes=32 * MIB, faults=["oom@1"]))
    before = private_bytes()
    with pytest.raises(OutOfMemory):
        speak(engine)
    assert private_bytes() - before > 30 * MIB


def test_a_step_keeps_64_mib_at_once() -> None:
    engine = rehearsal(FaultPlan(faults=["step@2"]))
    speak(engine)
    before = private_bytes()
    speak(engine)
    assert 60 * MIB < private_bytes() - before < 70 * MIB


def test_memory_and_time_faults_change_no_sample() -> None:
    engine = rehearsal(
        FaultPlan(peak_bytes=MIB, leak_bytes=MIB, slowdown=0.5, faults=["step@2", "oom@3", "silence@4"]),
        wall_per_char_s=0.0001,
    )
    bare = speak(rehearsal(FaultPlan()))
    assert [speak(engine), speak(engine)] == [bare, bare]
    with pytest.raises(OutOfMemory):
        speak(engine)
    assert speak(engine) != bare
    assert speak(engine) == bare


def test_each_segment_takes_its_share_longer_than_the_one_before() -> None:
    engine = rehearsal(FaultPlan(slowdown=1.0), wall_per_char_s=0.001)
    signs = [sum(1 for piece in engine.synthesize(utterance()) if not piece.samples.size) for _ in range(4)]
    # 45 ms of work: 0, 45, 135 and 315 ms asleep after it, each nap of 100 ms a sign of life.
    assert signs[0] == 0
    assert signs == sorted(signs)
    assert signs[3] >= 3


def test_audio_faults_change_the_audio_and_nothing_else() -> None:
    engine = rehearsal(FaultPlan(faults=["nan@1", "silence@2"]))
    first = np.frombuffer(speak(engine), np.float32)
    second = np.frombuffer(speak(engine), np.float32)
    bare = np.frombuffer(speak(engine), np.float32)
    assert np.isnan(first).any()
    assert not second.any()
    assert first.size == second.size == bare.size
    assert np.isfinite(bare).all()


def test_a_plan_that_means_nothing_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="crsh@5"):
        Rehearsal(ScriptedEngine(), FaultPlan(faults=["crsh@5"]), damage=lambda: None)


# ---------------------------------------------------------------- in a real child


def rehearse(child: Child, *faults: str, engine: str = "scripted", **poison: str) -> None:
    child.ready(hello(engine, faults=FaultPlan(faults=list(faults), poison=poison)))


@pytest.mark.processes
@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_a_crash_ends_the_life_midway_with_a_dump(tmp_path: Path, engine: str) -> None:
    with child_process(tmp_path / "log") as child:
        rehearse(child, "crash@2", engine=engine)
        assert child.speak(TEXT).done
        with pytest.raises(ChildEnded):
            child.speak(TEXT)
        assert child.wait() == -signal.SIGSEGV
    log = (tmp_path / "log").read_text()
    assert "Segmentation fault" in log
    assert "faults.py" in log


@pytest.mark.processes
def test_an_exit_ends_the_life_without_a_word() -> None:
    with child_process() as child:
        rehearse(child, "exit@1")
        with pytest.raises(ChildEnded):
            child.speak(TEXT)
        assert child.wait() == 3


@pytest.mark.processes
def test_a_hang_is_deaf_to_sigterm_and_shows_its_stack(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with child_process(log) as child:
        rehearse(child, "hang@1", "stray@1")
        child.patience_s = 0.5
        with pytest.raises(AssertionError, match="says nothing"):
            child.speak(TEXT)
        child.process.send_signal(signal.SIGTERM)
        child.process.send_signal(signal.SIGUSR1)
        child.process.send_signal(signal.SIGTERM)
        with pytest.raises(AssertionError, match="says nothing"):
            child.receive()
        assert child.process.poll() is None
        assert "in _hang" in log.read_text()
        os.killpg(child.process.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


@pytest.mark.processes
def test_stray_bytes_go_to_the_log_and_harm_nothing(tmp_path: Path) -> None:
    with child_process(tmp_path / "log") as child:
        rehearse(child, "stray@1")
        assert child.speak(TEXT).done
        assert child.leave() == 0
    assert "stray line on descriptor 1" in (tmp_path / "log").read_text()


@pytest.mark.processes
def test_garbage_is_the_childs_fault_and_seen_as_such() -> None:
    with child_process() as child:
        rehearse(child, "garbage@2")
        assert child.speak(TEXT).done
        with pytest.raises(PeerError, match="not msgpack"):
            child.speak(TEXT)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("fault", "kind", "check"),
    [("oom", "oom", None), ("nan", "quality", "finite"), ("silence", "quality", "silence")],
)
def test_a_reported_fault_costs_the_attempt_and_not_the_life(
    fault: str, kind: str, check: str | None
) -> None:
    with child_process() as child:
        rehearse(child, f"{fault}@2")
        bare = child.speak(TEXT).pcm
        failed = child.speak(TEXT).failed
        assert (failed.kind, failed.retryable) == (kind, True)
        assert (failed.figures.failed if failed.figures else None) == check
        assert child.speak(TEXT).pcm == bare
        assert child.leave() == 0


@pytest.mark.processes
def test_poison_strikes_in_every_life_and_spares_other_texts() -> None:
    for _ in range(2):
        with child_process() as child:
            rehearse(child, xyzzy="crash")
            assert child.speak("a harmless sentence").done
            with pytest.raises(ChildEnded):
                child.speak("the word xyzzy is poison")
            assert child.wait() == -signal.SIGSEGV


@pytest.mark.processes
def test_the_canary_is_no_segment() -> None:
    with child_process() as child:
        rehearse(child, "oom@1", ready="nan")  # the canary's own word is poison
        assert child.speak(TEXT).failed.kind == "oom"


@pytest.mark.processes
def test_a_plan_that_means_nothing_breaks_the_start_as_the_users_to_mend() -> None:
    with child_process() as child:
        broken = child.broken(hello(faults=FaultPlan(faults=["crash@never"])))
        assert broken.kind == "configuration"
        assert "crash@never" in broken.message
        assert child.wait() == 1
