"""`python -m tts_core.models get|verify|presence glm-tts`: what `models` and `doctor` start."""

import argparse
import errno
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tts_core.checkpoint import Checkpoint
from tts_core.errors import TtsError
from tts_core.models.getting import GITHUB, Got, NoRoom, Sources, get
from tts_core.models.progress import size
from tts_core.models.record import InUse

_FAILED, _TRY_LATER = 1, 75


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1, or 75 for a full disk and a folder in use."""
    args = _parser().parse_args(argv)
    if args.lifeline:
        threading.Thread(target=_leave_with_stdin, daemon=True).start()
    try:
        return _COMMANDS[args.command](args)
    except (NoRoom, InUse) as error:
        return _failed(args, str(error), _TRY_LATER)
    except TtsError as error:
        return _failed(args, str(error), _FAILED)
    except OSError as error:
        code = _TRY_LATER if error.errno in {errno.ENOSPC, errno.EDQUOT} else _FAILED
        return _failed(args, f"{error.filename or args.folder}: {error.strerror or error}", code)
    except KeyboardInterrupt:
        return _failed(args, "stopped; run the same command again to go on", _FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tts_core.models", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("get", "verify", "presence"):
        command = commands.add_parser(name, allow_abbrev=False)
        command.add_argument("name", choices=("glm-tts",))
        command.add_argument("folder", type=Path)
        command.add_argument("--json", action="store_true")
        command.add_argument("--lifeline", action="store_true", help="end when standard input does")
    getting, verifying = commands.choices["get"], commands.choices["verify"]
    getting.add_argument("--endpoint")
    getting.add_argument("--revision", default="main")
    getting.add_argument("--github", default=GITHUB)
    getting.add_argument("--from", dest="checkout", type=Path)
    for looking in (verifying, commands.choices["presence"]):
        looking.add_argument("--configs", type=Path)
        looking.add_argument("--sample-rate", type=int, default=24000)
    commands.choices["presence"].add_argument("--lexicon", type=Path)
    verifying.add_argument("--device", default="cpu")
    verifying.add_argument("--reference", type=Path)
    verifying.add_argument("--reference-text", default="")
    verifying.add_argument("--no-canary", dest="canary", action="store_false")
    return parser


def _leave_with_stdin() -> None:
    """End with whoever started this: its end of the pipe closes, whatever it died of."""
    while os.read(0, 64):
        pass
    os._exit(_FAILED)


def _get(args: argparse.Namespace) -> int:
    sources = Sources(
        endpoint=args.endpoint, revision=args.revision, github=args.github, checkout=args.checkout
    )
    got = get(args.folder.absolute(), sources, sys.stderr)
    print(json.dumps(_as_json(got)) if args.json else _as_text(got), flush=True)  # noqa: T201 -- the result
    return 0


def _keys(got: Got) -> dict[str, str]:
    return {"engine.glm.checkpoint": str(got.folder), "engine.glm.configs": str(got.configs)}


def _as_json(got: Got) -> dict[str, object]:
    return {
        "folder": str(got.folder),
        "commit": got.commit,
        "files": got.files,
        "bytes": got.size,
        "fetched_bytes": got.fetched,
        "config": _keys(got),
    }


def _as_text(got: Got) -> str:
    lines = [
        f"{got.files} files, {size(got.size)}, of commit {got.commit[:12]}; {size(got.fetched)} came now",
        "to be set in config.toml:",
        "[engine]",
        'name = "glm"',
        "[engine.glm]",
        *(f"{key.removeprefix('engine.glm.')} = {json.dumps(value)}" for key, value in _keys(got).items()),
        "then: tts-supervisor models verify glm-tts",
    ]
    return "\n".join(lines)


def _verify(args: argparse.Namespace) -> int:
    from tts_core.models.canary import Order  # noqa: PLC0415 -- torch, which fetching does without
    from tts_core.models.verifying import verify  # noqa: PLC0415 -- the same

    order = Order(
        checkpoint=Checkpoint(args.folder.absolute()),
        configs=args.configs,
        sample_rate_hz=args.sample_rate,
        device=args.device,
        cache=_cache(),
        reference=args.reference,
        reference_text=args.reference_text,
    )
    report = verify(order, canary=args.canary)
    print(json.dumps(report.as_json()) if args.json else report.as_text(), flush=True)  # noqa: T201 -- the result
    return _FAILED if report.faults else 0


def _presence(args: argparse.Namespace) -> int:
    from tts_core.models.presence import presence  # noqa: PLC0415 -- for this command alone

    found = presence(args.folder, args.configs, args.sample_rate, args.lexicon)
    print(json.dumps(found), flush=True)  # noqa: T201 -- the result
    return 0


_COMMANDS = {"get": _get, "verify": _verify, "presence": _presence}


def _cache() -> Path:
    given = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path("~/.cache").expanduser()
    return base / "tts-supervisor" / "grammars"


def _failed(args: argparse.Namespace, message: str, code: int) -> int:
    sys.stderr.write(f"tts-supervisor: {message}\n")
    if args.json:
        print(json.dumps({"error": {"message": message, "exit_code": code}}), flush=True)  # noqa: T201 -- the result
    return code


if __name__ == "__main__":
    sys.exit(main())
