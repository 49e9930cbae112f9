"""Do a job with a display, and say what came of it."""

import sys
from collections.abc import Callable
from contextlib import closing

from supervisor.cli.words import emit, emit_json, tell
from supervisor.config import Config
from supervisor.core.notes import Note
from supervisor.display import make_display
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.requests import JobRequest, Outcome

#: More failures than this are counted, not listed: `jobs show` has them all.
_MOST_LISTED = 50

_AGAIN = "run the same command again to try just them"


def stderr_is_terminal() -> bool:
    """Say whether a bar can be drawn; False where standard error is closed."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def do_job(config: Config, state: StateFolder, request: JobRequest, *, json: bool) -> Outcome:
    """Run a job to its end, shown as interface §1 says.

    Raises:
        SupervisorError: If it could not even begin.
    """
    from supervisor.loop import run_job  # noqa: PLC0415 - asyncio and the ledger: after all that can be refused

    with closing(make_display(json=json, stderr_is_terminal=stderr_is_terminal())) as display:
        show: Callable[[Note], None] = display.show
        return run_job(config, state, request, show)


def report(outcome: Outcome, *, json: bool, paths: bool = True) -> int:
    """Say what came of a job, on both streams, and return the exit code.

    Args:
        outcome: From the loop.
        json: Results as JSON.
        paths: The finished paths on standard output, one a line.
    """
    for line in failure_lines(outcome):
        tell(line)
    if outcome.message:
        tell(f"tts-supervisor: {outcome.message}")
    if json:
        emit_json(_result(outcome))
    elif paths:
        for path in outcome.outputs:
            emit(path)
    return outcome.exit_code


def _result(outcome: Outcome) -> dict[str, object]:
    if outcome.view is not None:
        return {"result": outcome.view.as_json()}
    return {"error": {"message": outcome.message, "exit_code": outcome.exit_code}}


def failure_lines(outcome: Outcome) -> list[str]:
    """List what failed, each with its reason, and the mend at the end."""
    lines = [
        f"segment {failure.number} (chapter {failure.chapter + 1}, {failure.text_head!r}): {failure.kind} after "
        f"{failure.attempts} attempts: {failure.message}"
        for failure in outcome.failures
    ]
    lines += [f"line {bad.line}: {bad.message}" for bad in outcome.bad_lines]
    if not lines:
        return []
    kept = lines[:_MOST_LISTED]
    if len(lines) > len(kept):
        kept.append(f"and {len(lines) - len(kept)} more: tts-supervisor jobs show ID lists them all")
    return [f"not spoken ({len(lines)}), silence in their place; {_AGAIN}:", *(f"  {line}" for line in kept)]
