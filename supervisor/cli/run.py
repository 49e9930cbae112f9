"""From words to an exit code: parse, do the command, word what went wrong."""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from supervisor.cli.parser import Arguments, parse
from supervisor.cli.words import emit_json, tell
from supervisor.errors import DiskFull, Interrupted, SupervisorError, UsageError

#: Commands whose interruption leaves something to go on with (interface §1, exit 4).
_RESUMABLE = ("narrate", "say")


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _tame_streams()
    refused = _not_utf8(argv)
    if refused is not None:
        tell(f"tts-supervisor: {refused}")
        return UsageError.exit_code
    args = parse(argv)
    try:
        return _guarded(args)
    finally:
        _flush_quietly(sys.stdout)


def _not_utf8(argv: Sequence[str]) -> str | None:
    """Refuse words that are no UTF-8: the ledger and the wire hold text, names as well."""
    for word in (*argv, os.getcwd()):  # noqa: PTH109 - a string is all that is looked at
        if not _is_utf8(word):
            return (
                f"{os.fsencode(word)!r} is not UTF-8; rename the file or folder, or convert the text, first"
            )
    return None


def _is_utf8(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _guarded(args: Arguments) -> int:
    try:
        return _command(args.command)(args)
    except SupervisorError as error:
        return _report(args, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _report_stop(args)
    except BrokenPipeError:
        # Who read our output has left, as `head` does: nothing is wrong, and nobody to tell.
        return 0
    except OSError as error:
        code = DiskFull.exit_code if _is_full(error) else SupervisorError.exit_code
        return _report(args, _os_error(error), code)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug becomes one line, not a page
        return _report_bug(args, error)


def _command(name: str) -> Callable[[Arguments], int]:
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
        case "doctor":
            from supervisor.cli.doctor import doctor as command  # noqa: PLC0415 - see above
        case _:
            from supervisor.cli.demo import demo as command  # noqa: PLC0415 - see above
    return command


def _report(args: Arguments, message: str, exit_code: int) -> int:
    tell(f"tts-supervisor: {message}")
    if args.json:
        with contextlib.suppress(OSError, ValueError):
            emit_json({"error": {"message": message, "exit_code": exit_code}})
    return exit_code


def _report_stop(args: Arguments) -> int:
    if args.command in _RESUMABLE:
        return _report(args, "stopped; run the same command again to go on", Interrupted.exit_code)
    return _report(args, "stopped", SupervisorError.exit_code)


def _report_bug(args: Arguments, error: Exception) -> int:
    if args.verbose:
        traceback.print_exception(error)
    hint = "" if args.verbose else " with what -v before the command shows"
    message = f"this should not happen; please report it{hint}: {type(error).__name__}: {error}"
    return _report(args, message, SupervisorError.exit_code)


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
