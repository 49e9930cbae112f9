"""`voices`, `voices add NAME --reference WAV --text TEXT`, `voices remove NAME`."""

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, must_be_words, state_folder
from supervisor.cli.words import emit, emit_json, table, tell
from supervisor.config import Config
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.voices import ClonedVoice, VoiceShelf, checked_name
from supervisor.errors import ChildFailed, UsageError
from supervisor.narration.fitting import CLONING_ENGINES, PLAIN_ENGINES
from supervisor.wire.messages import Reference, Voice

#: Of what is said in a recording, so much is shown to people.
_HEAD_CHARS = 40


def voices(args: Arguments) -> int:
    """List voices, or do one action on the cloned ones; return the exit code."""
    config, state = configuration(args, speaks=True), state_folder(args)
    match args.change:
        case "add":
            return _add(args, config, state)
        case "remove":
            return _remove(args, state)
        case None:
            return _list(args, config, state)


# ------------------------------------------------------------------ those there are


def _list(args: Arguments, config: Config, state: StateFolder) -> int:
    from supervisor.loop import introduce  # noqa: PLC0415 - asyncio: after the configuration is known to be good

    child = introduce(config, state)
    cloned = VoiceShelf(state.path).all()
    usable = cloned if child.ready.clones else []
    rate_hz = child.ready.sample_rate_hz
    if args.json:
        emit_json([_json(voice) for voice in child.voices] + [_cloned_json(one, rate_hz) for one in usable])
    else:
        rows = [("VOICE", "LANGUAGE", "HZ", "")]
        rows += [(one.name, one.language, str(one.sample_rate_hz), one.description) for one in child.voices]
        rows += [(one.name, "", str(rate_hz), _described(one)) for one in usable]
        emit("\n".join(table([*rows])))
    if cloned and not usable:
        names = ", ".join(voice.name for voice in cloned)
        tell(f"cloned voices, for an engine that can clone ({_cloners()}): {names}")
    return 0


def _json(voice: Voice) -> dict[str, str | int | float | bool | None]:
    return {
        "name": voice.name,
        "language": voice.language,
        "sample_rate": voice.sample_rate_hz,
        "description": voice.description,
        "cloned": False,
    }


def _cloned_json(voice: ClonedVoice, rate_hz: int | None) -> dict[str, str | int | float | bool | None]:
    return {
        "name": voice.name,
        "language": "",
        "sample_rate": rate_hz,
        "description": _described(voice),
        "cloned": True,
        "seconds": voice.seconds,
        "text": voice.text,
        "sha256": voice.sha256,
    }


def _described(voice: ClonedVoice) -> str:
    length = "" if voice.seconds is None else f"{voice.seconds:.1f} s: "
    head = " ".join(voice.text.split())
    return f"cloned, {length}{head[:_HEAD_CHARS]}{'…' if len(head) > _HEAD_CHARS else ''}"


# ------------------------------------------------------------------ one more, one less


def _add(args: Arguments, config: Config, state: StateFolder) -> int:
    name = checked_name(args.name)
    shelf = VoiceShelf(state.path)
    if config.engine.name in PLAIN_ENGINES:
        raise _no_cloner(config.engine.name)
    must_be_words(args.text, "--text")
    if not args.replace:
        shelf.must_be_free(name)
    with shelf.adding(name, args.reference or "", args.text) as voice:
        rate_hz = _try(args, config, state, voice)
        shelf.put(voice, replace=args.replace)
    if args.json:
        emit_json(_cloned_json(voice, rate_hz))
    else:
        tell(f"added {name}: speak with it by --voice {name}")
    return 0


def _try(args: Arguments, config: Config, state: StateFolder, voice: ClonedVoice) -> int:
    """Have the engine speak with the recording once, and return the rate that it speaks at.

    Raises:
        ChildFailed: If it cannot.
        UsageError: If the engine clones no voice, or has one of that name.
    """
    from supervisor.loop import introduce  # noqa: PLC0415 - asyncio: after all that can be refused

    recording = str(VoiceShelf(state.path).recording(voice))
    try:
        child = introduce(
            config,
            state,
            reference=Reference(path=recording, text=voice.text),
            told=(lambda _: None) if args.json else _tell_stage,
        )
    except ChildFailed as error:
        # The engine names the copy, which is gone by now.
        said = str(error).replace(recording, args.reference or "")
        raise ChildFailed(f"the voice {voice.name} was not added: {said}") from error
    for text in child.ready.notices:
        tell(f"warning: {text}")
    if not child.ready.clones:
        raise _no_cloner(config.engine.name)
    if voice.name in {own.name for own in child.voices}:
        raise UsageError(
            f"the engine {config.engine.name} has a voice {voice.name!r} of its own; give another name"
        )
    return child.ready.sample_rate_hz


def _tell_stage(stage: str) -> None:
    tell(f"{stage} …")


def _no_cloner(engine: str) -> UsageError:
    return UsageError(
        f"the engine {engine!r} cannot clone a voice; choose one that can with --engine or engine.name: "
        f"{_cloners()}"
    )


def _cloners() -> str:
    return ", ".join(CLONING_ENGINES)


def _remove(args: Arguments, state: StateFolder) -> int:
    shelf = VoiceShelf(state.path)
    name = checked_name(args.name)
    voice = shelf.find(name)
    shelf.remove(name)
    if args.json and voice is not None:
        emit_json(_cloned_json(voice, None))
    else:
        tell(f"removed {name}; jobs that speak with it have copies of its recording")
    return 0
