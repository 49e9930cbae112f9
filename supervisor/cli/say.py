"""`say TEXT [-o FILE]`."""

import shutil
import sys
import tempfile
from pathlib import Path

from supervisor.cli.outcome import do_job, report
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, output, standard_input, state_folder, voice
from supervisor.cli.stops import remove_when_asked
from supervisor.cli.words import result_written
from supervisor.config import Config
from supervisor.errors import UsageError
from supervisor.loop.requests import InputSpec, JobRequest


def say(args: Arguments) -> int:
    """Speak one text; return the exit code."""
    config = configuration(args, speaks=True)
    if args.output == "-":
        return _say_to_stdout(args, config)
    path, _ = output(args.output or "", None)
    if path.endswith("/"):
        raise UsageError(f"-o {args.output}: is a folder; say writes one file, as in -o {path}say.wav")
    return report(
        do_job(config, state_folder(args), _request(args, config, path), json=args.json, socket=args.socket),
        json=args.json,
    )


def _say_to_stdout(args: Arguments, config: Config) -> int:
    if sys.stdout.isatty():
        raise UsageError("-o -: standard output is a terminal; redirect it, as in -o - > say.wav")
    if args.json:
        raise UsageError("-o - and --json both want standard output; choose one")
    with tempfile.TemporaryDirectory(prefix="tts-supervisor-say-") as folder:
        remove_when_asked(folder)
        path = Path(folder) / "say.wav"
        outcome = do_job(
            config,
            state_folder(args),
            _request(args, config, str(path)),
            json=False,
            socket=args.socket,
        )
        if path.exists():
            with path.open("rb") as file, result_written():
                shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        return report(outcome, json=False, paths=False)


def _request(args: Arguments, config: Config, path: str) -> JobRequest:
    text = standard_input() if args.text == "-" else args.text
    return JobRequest(
        output=path,
        format="flac" if path.lower().endswith(".flac") else "wav",
        sample_rate_hz=args.sample_rate,
        voice=voice(args, config),
        seed=args.seed,
        inputs=[InputSpec(path=None, name="text", text=text)],
        # One utterance is no job to look back at.
        keep=False,
    )
