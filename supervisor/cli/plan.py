"""`plan INPUT...`: what narrating would do, without a child and without a trace."""

from pathlib import Path

import msgspec

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, inputs, state_folder, voice
from supervisor.cli.words import emit, emit_json, table
from supervisor.display.words import clock, size
from supervisor.narration.plan import PlanSummary


def plan(args: Arguments) -> int:
    """Plan the inputs and say what that comes to; return the exit code."""
    config = configuration(args, speaks=True)
    who = voice(args, config)
    texts = inputs(args.inputs)
    # sentencex and the Markdown parser: after all that can be refused.
    from supervisor.narration.fitting import Speaker, fit_to_engine  # noqa: PLC0415 - see above
    from supervisor.narration.summary import summarize  # noqa: PLC0415 - see above
    from supervisor.planning.read import Asked, plan_inputs  # noqa: PLC0415 - see above
    from supervisor.planning.recordings import Passed, Read, settled  # noqa: PLC0415 - see above

    speaker = Speaker(engine=config.engine.name)
    here = Path.cwd()
    recordings = Passed() if speaker.is_plain else Read(state_folder(args).path, here=here, keeps=False)
    asked = Asked(
        voice=settled(who, recordings), seed=args.seed, segment_chars=config.narration.segment_chars
    )
    fitted = fit_to_engine(plan_inputs(texts, asked, recordings), speaker)
    summary = summarize(fitted, sample_rate_hz=args.sample_rate)
    if args.json:
        emit_json(msgspec.to_builtins(summary))
    else:
        emit("\n".join(lines(summary)))
    return 0


def lines(summary: PlanSummary) -> list[str]:
    """Return a plan for people."""
    rows = [
        ("chapters", str(summary.chapters)),
        ("segments", str(summary.segments)),
        ("characters", f"{summary.characters}, {summary.spoken_characters} spoken"),
        *(("", f"{number} skipped: {reason}") for reason, number in sorted(summary.skipped.items())),
        ("expected audio", f"{clock(summary.expected_seconds)} and the pauses"),
        ("disk needed", size(summary.expected_bytes)),
    ]
    bad = [f"line {line.line}: {line.message}" for line in summary.bad_lines]
    return [*table([*rows]), *summary.notices, *bad]
