"""`voices`."""

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, state_folder
from supervisor.cli.words import emit, emit_json, table
from supervisor.wire.messages import Voice


def voices(args: Arguments) -> int:
    """List the voices of the configured engine, asked of a real child; return the exit code."""
    from supervisor.loop import list_voices  # noqa: PLC0415 - asyncio: after the configuration is known to be good

    found = list_voices(configuration(args), state_folder(args))
    if args.json:
        emit_json([_json(voice) for voice in found])
        return 0
    rows = [("VOICE", "LANGUAGE", "HZ", "")]
    rows += [(voice.name, voice.language, str(voice.sample_rate_hz), voice.description) for voice in found]
    emit("\n".join(table([*rows])))
    return 0


def _json(voice: Voice) -> dict[str, str | int]:
    return {
        "name": voice.name,
        "language": voice.language,
        "sample_rate": voice.sample_rate_hz,
        "description": voice.description,
    }
