"""`say TEXT [-o FILE]`."""

import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from supervisor.cli.agreement import must_agree, with_their_engine
from supervisor.cli.following import Stops
from supervisor.cli.hearing import Hearing, deliver
from supervisor.cli.outcome import do_job, make_log, report, stderr_is_terminal, warn_if_replaced
from supervisor.cli.owner import There, service_of, service_that_starts
from supervisor.cli.parser import Arguments
from supervisor.cli.request import loaded, output, standard_input, state_folder, voice
from supervisor.cli.stops import remove_when_asked
from supervisor.cli.words import result_written
from supervisor.config import Config, Loaded
from supervisor.display import make_display
from supervisor.edge.ledger_values import JobView, job_id_for
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import StateInUse, UsageError
from supervisor.loop.requests import InputSpec, JobRequest, Outcome

_NO_REFERENCE = (
    "--reference: a service that speaks an utterance takes voices that have names: add it with "
    "'tts-supervisor voices add NAME --reference WAV --text TEXT' and give --voice NAME, or use narrate"
)


def say(args: Arguments) -> int:
    """Speak one text; return the exit code."""
    found = loaded(args, speaks=True)
    if args.output == "-":
        return _say_to_stdout(args, found)
    path, _ = output(args.output or "", None)
    if path.endswith("/"):
        raise UsageError(f"-o {args.output}: is a folder; say writes one file, as in -o {path}say.wav")
    return report(_spoken(args, found, path), json=args.json)


def _say_to_stdout(args: Arguments, found: Loaded) -> int:
    if sys.stdout.isatty():
        raise UsageError("-o -: standard output is a terminal; redirect it, as in -o - > say.wav")
    if args.json:
        raise UsageError("-o - and --json both want standard output; choose one")
    with tempfile.TemporaryDirectory(prefix="tts-supervisor-say-") as folder:
        remove_when_asked(folder)
        path = Path(folder) / "say.wav"
        outcome = _spoken(args, found, str(path))
        if path.exists():
            with path.open("rb") as file, result_written():
                shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        return report(outcome, json=False, paths=False)


def _spoken(args: Arguments, found: Loaded, path: str) -> Outcome:
    """Speak it here, or have the service speak it that owns the state folder."""
    state = state_folder(args)
    there, request = service_of(state, args.socket), None
    if there is None:
        request = _request(args, found.config, path)
        try:
            return do_job(found, state, request, json=args.json, socket=args.socket)
        except StateInUse:
            if (there := service_that_starts(state, args.socket)) is None:
                raise
    with there.caller:
        must_agree(found, there.settings.values, there.who)
        if args.reference is not None or args.reference_text is not None:
            raise UsageError(_NO_REFERENCE)
        request = request or _request(args, with_their_engine(found.config, there.settings.values), path)
        return _heard(args, found.config, state, there, request)


def _heard(args: Arguments, config: Config, state: StateFolder, there: There, request: JobRequest) -> Outcome:
    log = make_log(config)
    started_s = time.monotonic()
    log.event("run.started", engine=config.engine.name, state=str(state.path), output=request.output)
    display = make_display(json=args.json, stderr_is_terminal=stderr_is_terminal())
    with Stops() as stops, closing(display):
        if args.output != "-":
            warn_if_replaced(state, request, display, log)
        segments, seconds = _file_heard(Hearing(there, request, stops), request, state)
    log.event("run.ended", exit_code=0, seconds=time.monotonic() - started_s)
    view = JobView(
        job=job_id_for(request.output),
        state="done",
        segments=segments,
        done=segments,
        failed=0,
        seconds=seconds,
        outputs=[request.output],
        error=None,
    )
    return Outcome(exit_code=0, view=view, outputs=[request.output], failures=[], bad_lines=[], message="")


def _file_heard(hearing: Hearing, request: JobRequest, state: StateFolder) -> tuple[int, float]:
    """Make the file; return of how many segments, and how long, it is."""
    with tempfile.TemporaryDirectory(prefix="tts-supervisor-say-") as folder:
        wav = Path(folder) / "say.wav"
        heard, written = hearing.into(wav)
        deliver(wav, written, request, state.path)
        return heard.segments, heard.seconds


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
