"""`service install`, `show` and `remove`: the systemd unit that runs `serve`."""

import os
import shlex
import sys
import sysconfig
from pathlib import Path

import supervisor
from supervisor.cli.parser import Arguments
from supervisor.cli.request import configuration
from supervisor.cli.unitdoors import Doors, doors
from supervisor.cli.words import emit, emit_json, tell
from supervisor.edge import systemctl
from supervisor.edge.unit import STEPS_SINCE, UNIT_NAME, Scope, Unit
from supervisor.errors import SupervisorError, UsageError

#: A user's systemd does not read what a shell sets; the service must find the same folders as the commands.
_FOLDERS = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")


def service(args: Arguments) -> int:
    """Write the unit, print it, or take it away; return the exit code."""
    scope: Scope = args.scope or ("system" if os.geteuid() == 0 else "user")
    match args.action:
        case "install":
            _install(args, scope)
        case "remove":
            _remove(args, scope)
        case _:
            _show(args, scope)
    return 0


def _install(args: Arguments, scope: Scope) -> None:
    version = systemctl.systemd_version()
    if version is None:
        command = shlex.join([*_command(args, scope), "serve", *doors(args, scope).words])
        raise UsageError(
            "there is no systemd here (no program systemctl); have whatever starts services run "
            f"'{command}'; 'service show' has what it should know"
        )
    if scope == "system":
        _must_be_for_everybody(_command(args, scope)[0])
    reached = doors(args, scope)
    path, text = systemctl.unit_path(scope, os.environ), _unit(args, scope, version, reached).text()
    before = systemctl.installed_unit(path)
    if before != text:
        systemctl.write_unit(path, text)
    reloaded = _reload(scope)
    following = f"{_systemctl(scope)} enable --now {UNIT_NAME}"
    if args.json:
        done = {"unit": str(path), "scope": scope, "changed": before != text, "reloaded": reloaded}
        emit_json({**done, "next": following})
        return
    emit(f"{path}: {_what(before, text)}")
    _tell_reloaded(scope, reloaded=reloaded)
    if before not in (None, text):
        tell(f"what runs already goes on as it was until: {_systemctl(scope)} restart {UNIT_NAME}")
    if reached.wants_key:
        tell(
            f"--http {args.http} can be reached from other machines, and wants a key, else the service ends "
            "with exit 2: put one into a file and say so with http.api_key_file (docs/service.md, Doors)"
        )
    tell(f"next: {following}")
    if scope == "user":
        tell(f"to have it run while you are logged out: loginctl enable-linger {_user_name()}")


def _show(args: Arguments, scope: Scope) -> None:
    path = systemctl.unit_path(scope, os.environ)
    version = systemctl.systemd_version()
    # Without a systemd to ask, what every one understands.
    known = STEPS_SINCE - 1 if version is None else version
    text = _unit(args, scope, known, doors(args, scope)).text()
    try:
        there = systemctl.installed_unit(path)
    except UsageError as error:
        tell(str(error))
        there = None
    if args.json:
        emit_json({"unit": str(path), "scope": scope, "installed": there is not None, "text": text})
        return
    emit(text.rstrip("\n"))
    standing = {None: "is not installed", text: "is installed"}.get(there, "is installed with other words")
    tell(f"{path}: {standing}")


def _remove(args: Arguments, scope: Scope) -> None:
    path = systemctl.unit_path(scope, os.environ)
    was_there = systemctl.installed_unit(path) is not None
    stopped = was_there and _stop(scope)
    if was_there:
        systemctl.remove_unit(path)
    reloaded = was_there and _reload(scope)
    if args.json:
        emit_json({"unit": str(path), "scope": scope, "changed": was_there, "reloaded": reloaded})
        return
    if stopped:
        tell(f"{UNIT_NAME}: stopped, with its work parked, and disabled")
    emit(f"{path}: {'removed' if was_there else 'there is none'}")
    if was_there:
        _tell_reloaded(scope, reloaded=reloaded)
        tell("the state folder, with jobs and their audio, stays")


def _unit(args: Arguments, scope: Scope, version: int, reached: Doors) -> Unit:
    # The machine's service has folders of its own, which its unit names.
    mine = _FOLDERS if scope == "user" else ()
    environment = {name: os.environ[name] for name in mine if os.environ.get(name, "").startswith("/")}
    return Unit(
        scope=scope,
        command=_command(args, scope),
        doors=reached.words,
        writable=reached.folders,
        systemd_version=version,
        environment=environment,
    )


def _command(args: Arguments, scope: Scope) -> list[str]:
    """Return the program and the options before its command, as they were given here.

    Raises:
        UsageError: If they cannot hold for a service.
    """
    if scope == "system" and args.state is not None:
        raise UsageError(
            "--state: the machine's service has its state where systemd makes room for it, in "
            "/var/lib/tts-supervisor; leave the option out, or use --user"
        )
    if args.config is not None or args.sets:
        configuration(args)  # for its mistakes: they would be found at each start
    words = [*_program()]
    if args.config is not None:
        words += ["--config", str(args.config.absolute())]
    for item in args.sets:
        words += ["--set", item]
    if args.state is not None:
        words += ["--state", str(args.state.absolute())]
    if args.log_format is not None:
        words += ["--log-format", args.log_format]
    return [*words, "-v"] if args.verbose else words


def _program() -> list[str]:
    """Return the console script of the environment that we run in, else the interpreter and our package."""
    script = Path(sysconfig.get_path("scripts")) / "tts-supervisor"
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "supervisor"]


def _must_be_for_everybody(program: str) -> None:
    """Refuse what the service's account could not reach: systemd would say no more than 203/EXEC.

    Raises:
        UsageError: If a folder on the way is closed to others.
    """
    for needed in (program, sys.executable, supervisor.__file__):
        for path in (Path(needed).absolute(), Path(needed).resolve()):
            closed = next((str(folder) for folder in reversed(path.parents) if not _may_enter(folder)), None)
            if closed is not None:
                raise UsageError(
                    f"{needed}: the service has an account of its own, which may not enter {closed}; install "
                    "tts-supervisor and its Python where everybody may, or use --user"
                )


def _may_enter(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)


def _reload(scope: Scope) -> bool:
    if not systemctl.is_running(scope, os.environ):
        return False
    systemctl.systemctl(scope, "daemon-reload")
    return True


def _stop(scope: Scope) -> bool:
    if not systemctl.is_running(scope, os.environ):
        return False
    try:
        systemctl.systemctl(scope, "disable", "--now", UNIT_NAME)
    except SupervisorError as error:
        tell(str(error))
        return False
    return True


def _tell_reloaded(scope: Scope, *, reloaded: bool) -> None:
    whose = "systemd" if scope == "system" else "your systemd"
    what = "has read its units again" if reloaded else "does not run here; it will read this at its start"
    tell(f"{whose} {what}")


def _what(before: str | None, text: str) -> str:
    return {None: "written", text: "there already, as it should be"}.get(before, "replaced")


def _systemctl(scope: Scope) -> str:
    return "systemctl --user" if scope == "user" else "systemctl"


def _user_name() -> str:
    import pwd  # noqa: PLC0415 - for this one line

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
