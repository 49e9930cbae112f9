"""From words to an exit code: parse, do the command, word what went wrong."""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from supervisor.cli.lean import STAYING, leave_openssl_out
from supervisor.cli.parser import Arguments, parse
from supervisor.cli.stops import (
    DECISIONS_ALONE,
    RESUMABLE,
    STOPPED,
    STOPPED_RESUMABLE,
    command_of,
    interrupt_raises,
)
from supervisor.cli.words import emit_json, tell
from supervisor.errors import DiskFull, Interrupted, SupervisorError, UsageError


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _tame_streams()
    try:
        return _guarded(argv)
    finally:
        _flush_quietly(sys.stdout)


def _guarded(argv: Sequence[str]) -> int:
    try:
        _refuse_what_is_not_utf8(argv)
        return _do(parse(argv))
    except SupervisorError as error:
        return _report(argv, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _report_stop(argv)
    except BrokenPipeError:
        # Who read our output has left, as `head` does: nothing is wrong, and nobody to tell.
        return 0
    except OSError as error:
        code = DiskFull.exit_code if _is_full(error) else SupervisorError.exit_code
        return _report(argv, _os_error(error), code)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug becomes one line, not a page
        return _report_bug(argv, error)


def _do(args: Arguments) -> int:
    if args.command in STAYING:
        leave_openssl_out()
    if args.command in RESUMABLE:
        return _command(args.command)(args)
    with interrupt_raises():
        return _command(args.command)(args)


def _refuse_what_is_not_utf8(argv: Sequence[str]) -> None:
    # The ledger and the wire hold text, names as well.
    for word in (*argv, _current_folder()):
        if not _is_utf8(word):
            raise UsageError(
                f"{os.fsencode(word)!r} is not UTF-8; rename the file or folder, or convert the text, first"
            )


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a string is all that is looked at
    except OSError as error:
        raise UsageError(f"the current folder is gone ({error.strerror}); change to another") from error


def _is_utf8(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _command(name: str) -> Callable[[Arguments], int]:  # noqa: PLR0912 - a case for each command, and no more
    # Each is imported when it is asked for: `plan` needs no asyncio, `doctor` no parser of documents.
    match name:
        case "narrate":
            from supervisor.cli.narrate import narrate as command  # noqa: PLC0415 - see above
        case "plan":
            from supervisor.cli.plan import plan as command  # noqa: PLC0415 - see above
        case "say":
            from supervisor.cli.say import say as command  # noqa: PLC0415 - see above
        case "jobs":
            from supervisor.cli.jobs import jobs as command  # noqa: PLC0415 - see above
        case "voices":
            from supervisor.cli.voices import voices as command  # noqa: PLC0415 - see above
        case "models":
            from supervisor.cli.models import models as command  # noqa: PLC0415 - see above
        case "doctor":
            from supervisor.cli.doctor import doctor as command  # noqa: PLC0415 - see above
        case "replay":
            from supervisor.cli.replay import replay as command  # noqa: PLC0415 - see above
        case "plot":
            from supervisor.cli.replay import plot as command  # noqa: PLC0415 - see above
        case "serve":
            from supervisor.cli.serve import serve as command  # noqa: PLC0415 - see above
        case "status" | "clean" | "recycle":
            from supervisor.cli import steering  # noqa: PLC0415 - see above

            command = {"status": steering.status, "clean": steering.clean, "recycle": steering.recycle}[name]
        case "piper":
            from supervisor.cli.piper import piper as command  # noqa: PLC0415 - see above
        case "config":
            from supervisor.cli.config import config as command  # noqa: PLC0415 - see above
        case "service":
            from supervisor.cli.service import service as command  # noqa: PLC0415 - see above
        case _:
            from supervisor.cli.demo import demo as command  # noqa: PLC0415 - see above
    return command


def _report(argv: Sequence[str], message: str, exit_code: int) -> int:
    tell(f"tts-supervisor: {message}")
    # Looked for among the words: they may be wrong, and what reads us waits for its line all the same.
    if "--json" in argv and command_of(argv) != DECISIONS_ALONE:
        with contextlib.suppress(OSError, ValueError, SupervisorError):
            emit_json({"error": {"message": message, "exit_code": exit_code}})
    return exit_code


def _report_stop(argv: Sequence[str]) -> int:
    if command_of(argv) in RESUMABLE:
        return _report(argv, STOPPED_RESUMABLE, Interrupted.exit_code)
    return _report(argv, STOPPED, SupervisorError.exit_code)


def _report_bug(argv: Sequence[str], error: Exception) -> int:
    verbose = "-v" in argv or "--verbose" in argv
    if verbose:
        traceback.print_exception(error)
    hint = "" if verbose else " with what -v before the command shows"
    message = f"this should not happen; please report it{hint}: {type(error).__name__}: {error}"
    return _report(argv, message, SupervisorError.exit_code)


def _is_full(error: OSError) -> bool:
    from supervisor.edge.disk import FULL_ERRNOS  # noqa: PLC0415 - only when something went wrong

    return error.errno in FULL_ERRNOS


def _os_error(error: OSError) -> str:
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{where}{error.strerror or error}"


def _tame_streams() -> None:
    # A title in another script than the locale's must not end a night's work.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Either is None where the shell closed it (`>&-`).
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - stands in for a standard stream to the end


def _flush_quietly(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        # Python would complain once more at exit about what it still holds.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
