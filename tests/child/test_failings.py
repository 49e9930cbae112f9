import msgspec
import pytest

from child.engine import BadInput, EngineError, OutOfMemory, SettingsError, VoiceNotFound
from child.failings import broken, failed, log_bug
from child.recital import Rejected
from child.scripted import ScriptedEngine
from supervisor.wire.messages import Figures, Reference, Synthesize

FIGURES = Figures(
    seconds=0.1, peak=0.5, clipped_share=0.0, longest_silence_s=0.0, tail_silence_s=0.0, level_jump_db=0.0
)
ORDER = Synthesize(segment_id=3, attempt=7, text="hello", voice=None, seed=0)


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


class AcceleratorError(RuntimeError):
    """As torch names its own."""


@pytest.mark.parametrize(
    ("error", "kind", "retryable", "sticky"),
    [
        (Rejected("silence", FIGURES), "quality", True, False),
        (VoiceNotFound("no such"), "voice_not_found", False, False),
        (BadInput("runes"), "bad_input", False, False),
        (SettingsError("no key"), "bad_input", False, False),
        (OutOfMemory("3 GiB asked"), "oom", True, False),
        (MemoryError(), "oom", True, False),
        (OutOfMemoryError("CUDA out of memory"), "oom", True, False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "oom", True, False),
        (AcceleratorError("an illegal access"), "engine", True, True),
        (RuntimeError("CUDA error: device-side assert"), "engine", True, True),
        (EngineError("not today"), "engine", True, False),
        (ZeroDivisionError("a bug"), "engine", True, False),
    ],
)
def test_whose_fault_it_is(error: Exception, kind: str, retryable: bool, sticky: bool) -> None:
    answer = failed(ScriptedEngine(), ORDER, error)
    assert (answer.segment_id, answer.attempt) == (3, 7)
    assert (answer.kind, answer.retryable, answer.sticky) == (kind, retryable, sticky)
    assert (answer.figures is not None) == (kind == "quality")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (VoiceNotFound("no such"), "voice_not_found", "no such"),
        (BadInput("a recording of 0.2 s"), "voice_not_found", "a recording of 0.2 s"),
        (SettingsError("no key"), "configuration", "no key"),
        (Rejected("silence", FIGURES), "canary", "the canary failed a check: silence"),
        (EngineError("no weights"), "load", "no weights"),
        (KeyError("x"), "load", "KeyError: 'x'"),
    ],
)
def test_why_a_child_did_not_get_ready(error: Exception, kind: str, message: str) -> None:
    assert (broken(error).kind, broken(error).message) == (kind, message)


def test_a_recording_is_named_as_the_user_names_it() -> None:
    kept = Reference(path="/state/recordings/ab.wav", text="Hi.", called="/voices/ada.wav")
    error = BadInput("/state/recordings/ab.wav: 0.2 s are too short")
    order = msgspec.structs.replace(ORDER, reference=kept)
    assert failed(ScriptedEngine(), order, error).message == "/voices/ada.wav: 0.2 s are too short"
    assert broken(error, kept).message == "/voices/ada.wav: 0.2 s are too short"
    plain = msgspec.structs.replace(kept, called="")
    assert broken(error, plain).message == str(error)


def test_the_stack_of_a_bug_is_kept_and_an_expected_error_says_enough(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_bug(EngineError("not today"))
    assert capsys.readouterr().err == ""
    log_bug(ZeroDivisionError("a bug"))
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err
