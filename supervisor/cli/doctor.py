"""`doctor`."""

from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration, named_state_folder
from supervisor.cli.words import emit, emit_json, table
from supervisor.doctor import Check, examine
from supervisor.errors import SupervisorError


def doctor(args: Arguments) -> int:
    """Examine the machine; return 1 if narration could not run."""
    from supervisor.loop import probe_child  # noqa: PLC0415 - asyncio: after the configuration is known to be good

    config = configuration(args)
    state = named_state_folder(args)
    checks = examine(config, state, lambda: probe_child(config, state))
    if args.json:
        emit_json({"checks": [_json(check) for check in checks]})
    else:
        emit("\n".join(lines(checks)))
    return SupervisorError.exit_code if any(check.needed and not check.ok for check in checks) else 0


def _json(check: Check) -> dict[str, str | bool]:
    return {"name": check.name, "ok": check.ok, "detail": check.detail, "mend": check.mend}


def lines(checks: list[Check]) -> list[str]:
    """Return the checks for people, each mend under its check, and the sum of it all."""
    rows = table([(_mark(check), check.name, check.detail) for check in checks])
    shown: list[str] = []
    for check, row in zip(checks, rows, strict=True):
        shown.append(row)
        if check.mend:
            shown.append(f"        {check.mend}")
    bad = [check.name for check in checks if check.needed and not check.ok]
    return [*shown, f"narration cannot run: {', '.join(bad)}" if bad else "narration can run"]


def _mark(check: Check) -> str:
    if check.ok:
        return "ok"
    return "FAILED" if check.needed else "lacks"
