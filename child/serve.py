"""Message in, engine, messages out: the child's main path.

An exception of the engine costs one attempt, never the life; only what the parent must know
of as a death (a damaged wire, a broken start) ends it.
"""

import contextlib
import os
import platform
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import assert_never

import msgspec

from child.engine import (
    Audio,
    Cloning,
    Engine,
    EngineFacts,
    Remembering,
    Signalling,
    Utterance,
)
from child.engines import Prepared, make_engine, weight_files_of
from child.failings import broken, failed, log, log_bug
from child.faults import Rehearsal
from child.link import Link, ParentGone
from child.recital import Recital
from child.vitals import read_exactly
from supervisor.wire.errors import PeerError
from supervisor.wire.messages import (
    PROTOCOL_VERSION,
    Chunk,
    Done,
    Exit,
    Figures,
    Greeting,
    Hello,
    ListVoices,
    Loading,
    Progress,
    Ready,
    Release,
    Released,
    Synthesize,
    Voices,
)
from supervisor.wire.version import VERSION

#: What the process ends with; the parent reads it beside the last message.
EXIT_DONE, EXIT_BROKEN, EXIT_WIRE_DAMAGED = 0, 1, 2


_UNSPOKEN = Figures(
    seconds=0.0, peak=0.0, clipped_share=0.0, longest_silence_s=0.0, tail_silence_s=0.0, level_jump_db=0.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A loaded engine and what it said of itself."""

    engine: Engine
    facts: EngineFacts


def serve(link: Link, *, started_s: float, prepared: Prepared | None = None) -> int:
    """Live one life; returns the exit status.

    Args:
        link: To the parent.
        started_s: `time.monotonic()` at the start of the process.
        prepared: What the template holds ready, in a fork of one.

    Raises:
        ParentGone: If the parent has died.
    """
    link.send(_greeting())
    try:
        hello = link.receive()
        if isinstance(hello, Exit):
            return EXIT_DONE
        assert isinstance(hello, Hello)
        stage = _start(link, hello, started_s, prepared)
        if stage is None:
            return EXIT_BROKEN
        while _answer(link, stage):
            pass
    except PeerError as error:
        log(f"the parent broke the wire's contract: {error}")
        return EXIT_WIRE_DAMAGED
    return EXIT_DONE


def _greeting() -> Greeting:
    return Greeting(
        protocol=PROTOCOL_VERSION, version=VERSION, pid=os.getpid(), python=platform.python_version()
    )


# ---------------------------------------------------------------- the start


def _start(link: Link, hello: Hello, started_s: float, prepared: Prepared | None) -> _Stage | None:
    try:
        engine = _engine_for(hello, prepared)
        rehearsal = None
        if hello.faults is not None:
            rehearsal = Rehearsal(engine, hello.faults, damage=link.send_damaged_frame)
        link.send(Loading(stage=f"loading {hello.engine}"))
        _prepare_reference(link, engine, hello)
        facts = engine.load(hello.settings, device=hello.device, voice=hello.voice)
        link.send(Loading(stage="speaking the canary"))
        canary = _speak_canary(engine, facts, hello)
        files = weight_files_of(engine, hello.settings)
    except ParentGone:
        raise
    except Exception as error:  # noqa: BLE001 -- an engine may raise anything; the parent must hear why it is not ready
        log_bug(error)
        link.send(broken(error, hello.reference))
        return None
    ready = _ready(engine, facts, canary, files, started_s)
    if hello.tells_voices:
        ready = msgspec.structs.replace(ready, voices=engine.voices())
    link.send(ready)
    return _Stage(engine=engine if rehearsal is None else rehearsal, facts=facts)


def _engine_for(hello: Hello, prepared: Prepared | None) -> Engine:
    if prepared is not None and prepared.is_for(hello.engine, hello.device, hello.settings):
        return prepared.engine
    return make_engine(hello.engine)


def _prepare_reference(link: Link, engine: Engine, hello: Hello) -> None:
    """Make the recording ready before the model is there: what that takes need not lie beside it."""
    if hello.reference is not None and isinstance(engine, Cloning):
        link.send(Loading(stage="listening to the reference recording"))
        engine.prepare_reference(hello.reference, hello.settings)


def _speak_canary(engine: Engine, facts: EngineFacts, hello: Hello) -> Figures:
    """Speak the canary in the voice that is wanted; no segment, so no fault strikes it.

    An engine without a voice of its own, and none given yet, has no canary.
    """
    if not facts.canary_text:
        return _UNSPOKEN
    recital = Recital(facts.canary_text, facts.pace_s_per_char)
    utterance = Utterance(
        text=facts.canary_text, voice=hello.voice, reference=hello.reference, seed=0, settings={}
    )
    with _spoken(engine, utterance) as pieces:
        for audio in pieces:
            recital.take(audio)
    return recital.finish()


def _ready(engine: Engine, facts: EngineFacts, canary: Figures, files: list[str], started_s: float) -> Ready:
    return Ready(
        engine=facts.name,
        engine_version=facts.version,
        sample_rate_hz=facts.sample_rate_hz,
        voice=facts.voice,
        clones=facts.clones,
        uses_device=facts.uses_device,
        pace_s_per_char=facts.pace_s_per_char,
        canary=canary,
        vitals=engine.vitals(),
        took_s=time.monotonic() - started_s,
        weight_files=files,
        notices=list(facts.notices),
    )


# ---------------------------------------------------------------- the work


def _answer(link: Link, stage: _Stage) -> bool:
    """Do what the next message asks; False when it was to leave."""
    message = link.receive()
    match message:
        case Synthesize():
            _perform(link, stage, message)
        case Release():
            link.send(_release(stage.engine))
        case ListVoices():
            link.send(Voices(voices=stage.engine.voices()))
        case Exit():
            return False
        case Hello():
            raise PeerError("Hello was said twice")
        case _:
            assert_never(message)
    return True


def _perform(link: Link, stage: _Stage, order: Synthesize) -> None:
    began_s = time.monotonic()
    recital = _recital(link, stage, order)
    try:
        figures = _speak(link, stage.engine, order, recital)
    except ParentGone:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever an engine raises costs one attempt, not the life
        log_bug(error)
        link.send(failed(stage.engine, order, error))
        return
    link.send(
        Done(
            segment_id=order.segment_id,
            attempt=order.attempt,
            chunks=recital.chunks,
            samples=recital.samples,
            sample_rate_hz=recital.sample_rate_hz,
            figures=figures,
            took_s=time.monotonic() - began_s,
            vitals=stage.engine.vitals(),
            past=stage.engine.past() if isinstance(stage.engine, Remembering) else b"",
        )
    )


def _recital(link: Link, stage: _Stage, order: Synthesize) -> Recital:
    def on_chunk(pcm: bytes) -> None:
        chunk = Chunk(segment_id=order.segment_id, attempt=order.attempt, seq=recital.chunks, pcm_s16le=pcm)
        link.send(chunk)

    recital = Recital(order.text, stage.facts.pace_s_per_char, on_chunk)
    return recital


def _speak(link: Link, engine: Engine, order: Synthesize, recital: Recital) -> Figures:
    utterance = Utterance(
        text=order.text,
        voice=order.voice,
        reference=order.reference,
        seed=order.seed,
        settings=order.settings,
        past=order.past,
    )
    sign = Progress(segment_id=order.segment_id, attempt=order.attempt)
    if isinstance(engine, Signalling):
        engine.tell_signs(lambda: link.send(sign))
    with _spoken(engine, utterance) as pieces:
        for audio in pieces:
            recital.take(audio)
            if not audio.samples.size:
                link.send(sign)
    return recital.finish()


@contextlib.contextmanager
def _spoken(engine: Engine, utterance: Utterance) -> Generator[Iterator[Audio]]:
    """Close the engine's iterator at the end, however that comes: what it holds must go back now."""
    pieces = engine.synthesize(utterance)
    try:
        yield pieces
    finally:
        if isinstance(pieces, Generator):
            pieces.close()


def _release(engine: Engine) -> Released:
    began_s = time.monotonic()
    read_exactly()
    before = engine.vitals()
    engine.release_caches()
    return Released(before=before, after=engine.vitals(), took_s=time.monotonic() - began_s)
