"""`models get NAME` and `models verify NAME`: done by a short-lived process where the child would run.

What downloads and what loads are heavy, and are installed with the engine; so is what judges them.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration
from supervisor.cli.words import tell
from supervisor.config import Config, Given
from supervisor.edge.launch import environment_for, find_python
from supervisor.edge.modelplace import default_model_path
from supervisor.errors import SupervisorError, UsageError

#: What can be had: the engine that speaks with each.
ENGINES = {"glm-tts": "glm"}


def models(args: Arguments) -> int:
    """Download or look at a model; return the exit code."""
    engine = ENGINES.get(args.name)
    if engine is None:
        raise UsageError(f"there is no model {args.name!r}; there is {', '.join(ENGINES)}")
    # Its own table is wanted whichever engine is configured.
    config = configuration(args, speaks=True, extra=[Given(key="engine.name", value=engine, origin="models")])
    words = _getting(args) if args.doing == "get" else _verifying(args, config)
    return _run(config, [args.doing, args.name, *words, *(["--json"] if args.json else [])])


def _getting(args: Arguments) -> list[str]:
    folder = default_model_path(os.environ, args.name) if args.to is None else args.to
    options: Mapping[str, str | Path | None] = {
        "--endpoint": args.endpoint,
        "--revision": args.revision,
        "--github": args.github,
        "--from": args.checkout,
    }
    return [str(folder), *_given(options)]


def _verifying(args: Arguments, config: Config) -> list[str]:
    settings = config.engine.settings
    folder = args.checkpoint or settings["checkpoint"] or default_model_path(os.environ, args.name)
    options: Mapping[str, str | Path | None] = {
        "--configs": args.configs or str(settings["configs"]) or None,
        "--device": config.child.device,
        "--sample-rate": str(settings["sample_rate"]),
        "--reference": args.reference,
        "--reference-text": args.reference_text,
    }
    return [str(folder), *_given(options), *([] if args.canary else ["--no-canary"])]


def _given(options: Mapping[str, str | Path | None]) -> list[str]:
    return [f"{option}={value}" for option, value in options.items() if value is not None]


def _run(config: Config, words: list[str]) -> int:
    python = find_python(config.child.python)
    # A session of its own: Ctrl-C comes to us alone. It ends with us, by the pipe that is its standard input.
    process = subprocess.Popen(  # noqa: S603 - the child's interpreter, as configured
        [python, "-P", "-m", "tts_core.models", *words, "--lifeline"],
        stdin=subprocess.PIPE,
        env=environment_for(config.child.python, "", {}),
        start_new_session=True,
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        if words[0] == "get":
            tell("tts-supervisor: what has come is kept; run the same command again to go on")
        raise
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
    if code < 0:
        raise SupervisorError(
            f"models {words[0]}: its process was killed by signal {-code}; it may have run out of memory"
        )
    return code
