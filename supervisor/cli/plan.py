"""`plan INPUT...`: what narrating would do, without a child and without a trace."""

from pathlib import Path

import msgspec

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, inputs, state_folder, voice
from supervisor.cli.words import emit, emit_json, table
from supervisor.config import Config
from supervisor.display.words import clock, size
from supervisor.edge.presence import ask_presence
from supervisor.errors import SupervisorError
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
    # Told last, and no reason to fail: a text may be planned before the model is downloaded.
    summary = msgspec.structs.replace(summary, notices=[*summary.notices, *lacking(config)])
    if args.json:
        emit_json(msgspec.to_builtins(summary))
    else:
        emit("\n".join(lines(summary)))
    return 0


def lacking(config: Config) -> list[str]:
    """Say what the engine glm lacks where its child would run; nothing of other engines.

    A short-lived process of that interpreter looks, and imports nothing of what it looks for.
    """
    if config.engine.name != "glm":
        return []
    words = {name: str(value) for name, value in config.engine.settings.items()}
    if not words["checkpoint"]:
        mend = "'tts-supervisor models get glm-tts' downloads the model and says what to set"
        return [f"engine.glm.checkpoint is not set, so nothing can be spoken; {mend}"]
    asked = {"configs": words["configs"], "rate_hz": words["sample_rate"], "lexicon": words["lexicon"]}
    try:
        found = ask_presence(config.child.python, Path(words["checkpoint"]), **asked)
    except SupervisorError as error:
        return [f"whether the engine glm can speak is not known: {error}"]
    packages = ", ".join(found.packages)
    absent = [f"no {packages}: pip install 'tts-supervisor[glm]' where the child runs"] if packages else []
    unread = found.tables if config.engine.settings["phonemes"] is True else []
    faults = [f"the engine glm cannot speak yet: {fault}" for fault in (*absent, *found.parts, *unread)]
    return faults + [f"no phonemes can be asked for: {fault}" for fault in found.lexicon]


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
