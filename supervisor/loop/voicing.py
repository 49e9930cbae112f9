"""Whom a job speaks with, before its first child is started."""

import re
from pathlib import Path
from typing import Final

from supervisor.config import Config
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import job_id_for
from supervisor.edge.recordings import reference_of
from supervisor.edge.voices import VoiceShelf
from supervisor.loop.requests import JobRequest
from supervisor.narration.fitting import CLONING_ENGINES, PLAIN_ENGINES
from supervisor.wire.messages import Reference

#: What the plain engines say of a voice that they do not have; names of cloned ones have no quotes in them.
_LACKING: Final = re.compile("has no voice '([^']+)'")


def is_cloned(config: Config, ledger: Ledger, request: JobRequest) -> bool:
    """Say whether a job's voice is cloned: its recording is known once the job is planned, and not before.

    An earlier run's counts too: its copy stands in for a voice that is gone.
    """
    asked, earlier = request.voice, ledger.spec(job_id_for(request.output))
    if config.engine.name in PLAIN_ENGINES:
        return False
    if asked.reference_path is not None:
        return True
    if asked.name is None:
        return False
    was_cloned = earlier is not None and earlier.voice.origin == asked.name
    return was_cloned or VoiceShelf(ledger.folder).find(asked.name) is not None


def in_the_users_words(ledger: Ledger, job: str, text: str) -> str:
    """Return what a child said of a job's recording with the name that the user gave it, not its copy's."""
    spec = ledger.spec(job)
    reference = None if spec is None else reference_of(spec.voice, ledger.folder)
    if spec is None or reference is None:
        return text
    return text.replace(reference.path, spec.voice.called or reference.path)


def with_a_word_on_cloning(engine: str, state: Path, text: str) -> str:
    """Return what a plain engine said, and where it lacks a voice that is a cloned one, who speaks that.

    Args:
        engine: `engine.name`.
        state: The state folder: cloned voices are there.
        text: What a child said.
    """
    lacking = _LACKING.search(text) if engine in PLAIN_ENGINES else None
    if lacking is None or VoiceShelf(state).find(lacking[1]) is None:
        return text
    return f"{text}; {lacking[1]!r} is a cloned voice, which --engine {' or '.join(CLONING_ENGINES)} speaks"


def told_of(ledger: Ledger, request: JobRequest, *, is_planned: bool) -> tuple[str | None, Reference | None]:
    """Return what a child is told when it starts: a voice of the engine's, or a recording that is kept.

    Before the job is planned no recording is: what becomes of the file that was named is not ours to say.
    """
    spec = ledger.spec(job_id_for(request.output)) if is_planned else None
    if spec is None:
        return request.voice.name, None
    return spec.voice.name, reference_of(spec.voice, ledger.folder)
