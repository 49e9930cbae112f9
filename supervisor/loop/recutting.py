"""Have a chapter cut otherwise while a job is spoken: an order for the planning process, and its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from supervisor.config import Config
from supervisor.loop.answers import WorkerError, worker_error
from supervisor.loop.workers import run_worker_to_the_end
from supervisor.narration.degrading import RATE_SETTING, Recut

#: Engines whose table has the key, yet that speak at one rate for as long as a child lives.
_ONE_RATE_A_CHILD = frozenset({"glm-upstream"})


class RecutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The planning process's line: one of the two."""

    ok: Recut | None = None
    error: WorkerError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A chapter that is to be spoken otherwise.

    Attributes:
        job: Which.
        chapter: Its number, from 0.
        why: What its text needs and what there is, a sentence for people.
        at_s: Now, seconds since the epoch.
    """

    job: str
    chapter: int
    why: str
    at_s: float


async def recut(config: Config, state: Path, wish: Wish, told: Callable[[str], None]) -> Recut:
    """Take the next of `degrade.steps` for a chapter of which nothing is spoken, durably.

    Numbers of segments behind the chapter's start are others afterwards: whatever was fetched of
    the job's waiting segments is to be fetched again, and its size asked for again.

    Args:
        config: All of it.
        state: The state folder, owned by us.
        wish: Which chapter, and why.
        told: Takes a sentence if the process had to be started again.

    Returns:
        The step that was taken; of none (`step` is None, `why` says why) the text is to be refused.

    Raises:
        SupervisorError: If it could not be carried out; the job is as it was.
        WorkerFailed: If the process ended without an answer.
    """
    order = recut_order(config, state, wish)
    line = await run_worker_to_the_end(
        "supervisor.planning", lambda: iter([order]), state_marker=str(state), told=told
    )
    answer = msgspec.json.decode(line, type=RecutAnswer)
    if answer.ok is None:
        raise worker_error(answer.error)
    return answer.ok


def recut_order(config: Config, state: Path, wish: Wish) -> bytes:
    """Return the planning process's line, as `supervisor/planning/recut.py` has it."""
    order = {
        "state": str(state),
        "job": wish.job,
        "chapter": wish.chapter,
        "steps": config.degrade.steps,
        "segment_chars": config.narration.segment_chars,
        "rate_hz": told_rate_hz(config),
        "at_s": wish.at_s,
        "why": wish.why,
    }
    return msgspec.json.encode({"recut": order}) + b"\n"


def told_rate_hz(config: Config) -> int | None:
    """Return the rate that the engine is told by its table; None = it cannot be told another."""
    rate_hz = config.engine.settings.get(RATE_SETTING)
    # An engine whose table has the key can be told another; true and false are no rates.
    if config.engine.name in _ONE_RATE_A_CHILD or isinstance(rate_hz, bool):
        return None
    return rate_hz if isinstance(rate_hz, int) else None
