"""What went wrong, in the words of the wire: whose fault, and whether another attempt may help."""

import sys
import traceback

from child.engine import BadInput, Engine, EngineError, OutOfMemory, SettingsError, VoiceNotFound
from child.recital import Rejected
from supervisor.wire.messages import Broken, Failed, FailureKind, Reference, Synthesize


def broken(error: Exception, reference: Reference | None = None) -> Broken:
    """Return the last words of a child that did not get ready, with the recording that it was told of."""
    if isinstance(error, VoiceNotFound | BadInput):  # no such voice, or a recording that none can be taken of
        return Broken(kind="voice_not_found", message=_called(str(error), reference))
    if isinstance(error, SettingsError):
        return Broken(kind="configuration", message=str(error))
    if isinstance(error, Rejected):
        return Broken(kind="canary", message=f"the canary failed a check: {error}")
    return Broken(kind="load", message=_in_words(error))


def failed(engine: Engine, order: Synthesize, error: Exception) -> Failed:
    """Return the answer about a segment that failed."""
    kind = _kind_of(error)
    return Failed(
        segment_id=order.segment_id,
        attempt=order.attempt,
        kind=kind,
        message=_called(_in_words(error), order.reference),
        retryable=kind not in ("bad_input", "voice_not_found"),
        sticky=_is_sticky(error),
        figures=error.figures if isinstance(error, Rejected) else None,
        vitals=engine.vitals(),
    )


def _kind_of(error: Exception) -> FailureKind:
    match error:
        case Rejected():
            return "quality"
        case VoiceNotFound():
            return "voice_not_found"
        case BadInput() | SettingsError():  # a JSONL line's own settings
            return "bad_input"
        case MemoryError() | OutOfMemory():
            return "oom"
        case _:
            # torch's class, known by name: importing torch to compare would cost 2 s and 200 MB. What its
            # allocator of host memory says has no class at all.
            is_memory = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
            return "oom" if is_memory else "engine"


def _is_sticky(error: Exception) -> bool:
    # After an illegal access or a lost device every later CUDA call of the process fails too.
    return type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error)


def _in_words(error: Exception) -> str:
    if isinstance(error, EngineError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _called(text: str, reference: Reference | None) -> str:
    """Name a recording as the user does: what an engine opens is a copy that they have never seen."""
    if reference is None or not reference.called:
        return text
    return text.replace(reference.path, reference.called)


def log_bug(error: Exception) -> None:
    """Keep the stack of what no engine should raise; the expected kinds say enough by themselves."""
    if not isinstance(error, EngineError):
        log("".join(traceback.format_exception(error)).rstrip())


def log(text: str) -> None:
    """Say something to people, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
