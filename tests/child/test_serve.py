"""One life from greeting to exit, over real pipes."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.wire.frames import encode
from supervisor.wire.messages import (
    MAX_CHUNK_BYTES,
    PROTOCOL_VERSION,
    FaultPlan,
    Hello,
    ListVoices,
    Release,
    Released,
    Setting,
    Synthesize,
    Voices,
)
from supervisor.wire.speech import PcmMeter, judge_pcm
from tests.child.driver import ChildEnded, child_process, hello
from tests.child.outside import install

pytestmark = pytest.mark.processes


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    install(tmp_path)
    return {"PYTHONPATH": str(tmp_path)}


# ---------------------------------------------------------------- the good life


@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_a_life_from_greeting_to_exit(engine: str) -> None:
    with child_process() as child:
        ready = child.ready(hello(engine))
        assert (ready.engine, ready.canary.failed) == (engine, None)
        spoken = child.speak("Hello there. 你好，世界。")
        assert spoken.done.sample_rate_hz == ready.sample_rate_hz
        assert spoken.done.vitals.host_private_bytes > 0
        meter = PcmMeter()
        meter.add(spoken.pcm)
        heard = meter.heard(spoken.done.sample_rate_hz)
        assert judge_pcm("Hello there. 你好，世界。", heard, ready.pace_s_per_char) is None
        assert child.leave() == 0


@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_another_life_gives_the_same_bytes(engine: str) -> None:
    heard: list[list[bytes]] = []
    texts = ["Hello there.", "你好，世界。", "In 2024 he said “你好”."]
    for order in (texts, texts[::-1]):
        with child_process() as child:
            child.ready(hello(engine))
            spoken = {text: child.speak(text, seed=3).pcm for text in order}
            heard.append([spoken[text] for text in texts])
    assert heard[0] == heard[1]


def test_long_audio_comes_in_bounded_chunks() -> None:
    with child_process() as child:
        child.ready(hello(seconds_per_char=1.0))
        spoken = child.speak("x" * 30, settings={"sample_rate": 192000})
        assert len(spoken.pcm) == 30 * 192000 * 2
        assert max(map(len, spoken.chunks)) <= MAX_CHUNK_BYTES
        assert len(spoken.chunks) == spoken.done.chunks


def test_audio_and_signs_of_life_come_while_the_engine_works() -> None:
    with child_process() as child:
        child.ready(hello(wall_per_char_s=0.1, seconds_per_char=0.0001))
        spoken = child.speak("hello")
        assert spoken.progress + len(spoken.chunks) >= 5


@pytest.mark.parametrize("faults", [None, FaultPlan(faults=["step@99"])], ids=["bare", "rehearsed"])
def test_signs_of_life_come_from_within_a_computation_too(
    outside: dict[str, str], faults: FaultPlan | None
) -> None:
    with child_process(env=outside) as child:
        child.ready(hello("outside", faults=faults))
        assert child.speak("it thinks for long").progress == 3
        assert child.speak("it does not").progress == 0


def test_what_people_should_know_of_a_start_is_told_with_it(outside: dict[str, str]) -> None:
    with child_process(env=outside) as child:
        assert child.ready(hello("outside", notice=True)).notices == ["mind the step"]
    with child_process(env=outside) as child:
        assert child.ready(hello("outside")).notices == []


def test_voices_and_release_are_answered() -> None:
    with child_process() as child:
        child.ready(hello("espeak"))
        child.send(ListVoices())
        voices = child.receive()
        assert isinstance(voices, Voices)
        assert {"en-us", "cmn"} <= {voice.name for voice in voices.voices}
        child.send(Release())
        released = child.receive()
        assert isinstance(released, Released)
        assert released.after.host_private_bytes > 0
        assert child.leave() == 0


# ---------------------------------------------------------------- a start that fails


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (hello("festival"), "configuration", "festival"),
        (hello(seconds_per_chars=1), "configuration", "seconds_per_chars"),
        (hello("espeak", voice="nobody"), "voice_not_found", "nobody"),
        (hello("espeak", voice_han="nobody"), "configuration", "nobody"),
        (hello("outside", load="fails"), "load", "RuntimeError: no weights here"),
        (hello("outside", canary="silent"), "canary", "silent"),
    ],
)
def test_a_start_that_fails_says_why_and_whose_it_is(
    outside: dict[str, str], asked: Hello, kind: str, words: str
) -> None:
    with child_process(env=outside) as child:
        broken = child.broken(asked)
        assert broken.kind == kind
        assert words in broken.message
        assert child.wait() == 1


# ---------------------------------------------------------------- engines with bugs


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("it goes boom", "engine", "ZeroDivisionError: a bug"),
        ("nothing comes", "engine", "without yielding"),
        ("in stereo", "engine", "mono float32"),
        ("in double", "engine", "float64"),
        ("it turns", "engine", "16000 to 8000"),
        ("all memory", "oom", "MemoryError"),
        ("the torch is out", "oom", "Tried to allocate"),
        ("it is refused", "oom", "3 GiB asked"),
        ("silence here", "quality", "silent"),
        ("too loud now", "quality", "clipping"),
        ("endless words", "quality", "length"),
    ],
)
def test_a_bug_of_an_engine_costs_an_attempt_and_not_the_life(
    outside: dict[str, str], text: str, kind: str, words: str
) -> None:
    with child_process(env=outside) as child:
        child.ready(hello("outside"))
        failed = child.speak(text).failed
        assert (failed.kind, failed.retryable, failed.sticky) == (kind, True, False)
        assert words in failed.message
        assert child.speak("an empty piece first").progress == 1
        assert child.leave() == 0


def test_a_lost_device_is_sticky(outside: dict[str, str]) -> None:
    with child_process(env=outside) as child:
        child.ready(hello("outside"))
        assert child.speak("the card is lost").failed.sticky


@pytest.mark.parametrize(
    ("text", "voice", "table", "kind"),
    [
        ("ʻ", None, {}, "bad_input"),
        ("hello", None, {"rate_wpm": 1}, "bad_input"),
        ("hello", "nobody", {}, "voice_not_found"),
    ],
)
def test_what_cannot_succeed_is_not_to_be_tried_again(
    text: str, voice: str | None, table: dict[str, Setting], kind: str
) -> None:
    with child_process() as child:
        child.ready(hello("espeak"))
        failed = child.speak(text, voice=voice, settings=table).failed
        assert (failed.kind, failed.retryable) == (kind, False)


def test_the_stack_of_a_bug_is_in_the_log(tmp_path: Path, outside: dict[str, str]) -> None:
    with child_process(tmp_path / "log", outside) as child:
        child.ready(hello("outside"))
        child.speak("it goes boom")
        child.leave()
    assert "outside_engine.py" in (tmp_path / "log").read_text()


# ---------------------------------------------------------------- the end of the parent


@pytest.mark.parametrize("engine", ["scripted", "espeak"])
def test_the_end_of_the_pipe_is_the_end_of_the_child(engine: str) -> None:
    with child_process() as child:
        child.ready(hello(engine))
        child.hang_up()
        assert child.wait() == 0


def test_a_child_that_nobody_listens_to_leaves(tmp_path: Path) -> None:
    with child_process(tmp_path / "log") as child:
        child.ready(hello(wall_per_char_s=0.01))
        child.send(Synthesize(segment_id=0, attempt=1, text="x" * 100, voice=None, seed=0))
        child.stop_listening()
        assert child.wait() == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_ctrl_c_is_the_parents_to_understand() -> None:
    with child_process() as child:
        child.ready(hello())
        child.process.send_signal(signal.SIGINT)
        assert child.speak("still here").done


# ---------------------------------------------------------------- a damaged wire


def test_another_protocol_is_refused_with_the_mend(tmp_path: Path) -> None:
    with child_process(tmp_path / "log") as child:
        child.receive()
        asked = Hello(protocol=PROTOCOL_VERSION + 1, life=1, engine="scripted", device="cpu", settings={})
        child.write(encode(1, asked))
        assert child.wait() == 2
    assert "install the same version" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\xc1\xc1",
        encode(3, Release()),
        encode(1, Release()),
        encode(2, hello()),
    ],
)
def test_damage_ends_the_life_and_says_why(tmp_path: Path, damage: bytes) -> None:
    with child_process(tmp_path / "log") as child:
        child.ready(hello())
        child.write(damage)
        with pytest.raises(ChildEnded):
            child.receive()
        assert child.wait() == 2
    assert "broke the wire's contract" in (tmp_path / "log").read_text()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(min_size=1, max_size=300))
def test_noise_never_leaves_a_child_behind(tmp_path: Path, noise: bytes) -> None:
    log = tmp_path / "log"
    with child_process(log) as child:
        child.receive()
        child.write(noise)
        child.hang_up()
        assert child.wait() in (0, 2)  # 0: the noise was the beginning of a frame that never came whole
        if child.process.returncode:
            assert "broke the wire's contract" in log.read_text()


def test_frames_in_flight_are_answered_in_their_order() -> None:
    with child_process() as child:
        child.ready(hello())
        assert child.speak("the last words", then_exit=True).done
        assert child.wait() == 0


def test_standard_output_is_no_place_for_answers(tmp_path: Path, outside: dict[str, str]) -> None:
    with child_process(tmp_path / "log", outside) as child:
        child.ready(hello("outside"))
        assert child.speak("hello").done
        assert child.leave() == 0
    assert "a line that an engine prints" in (tmp_path / "log").read_text()
