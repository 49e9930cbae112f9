"""Put a unit where systemd looks for it, and have systemd look. No decisions.

A machine may have systemd installed and not running (an image that is being built): the unit can be
written there, and is read when systemd starts.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from supervisor.edge.unit import MARK, UNIT_NAME, Scope
from supervisor.errors import SupervisorError, UsageError

#: A stop waits for the segment in hand; the unit allows 90 s and may be asked for more.
_PATIENCE_S: Final = 600.0

_SYSTEM_FOLDER: Final = Path("/etc/systemd/system")

#: There where systemd is process 1: sd_booted(3).
_BOOTED: Final = Path("/run/systemd/system")


def unit_path(scope: Scope, environ: Mapping[str, str]) -> Path:
    """Return where the unit belongs.

    Args:
        scope: The machine's, or one user's.
        environ: `XDG_CONFIG_HOME` counts where it is an absolute path.
    """
    if scope == "system":
        return _SYSTEM_FOLDER / UNIT_NAME
    configured = environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    return base / "systemd" / "user" / UNIT_NAME


def systemd_version() -> int | None:
    """Return the version of the systemd that is installed; None where there is none."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    done = _run([program, "--version"], limit_s=10.0)
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else None


def is_running(scope: Scope, environ: Mapping[str, str]) -> bool:
    """Say whether there is a systemd that would read the unit now."""
    if scope == "system":
        return _BOOTED.is_dir()
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return runtime.startswith("/") and (Path(runtime) / "systemd" / "private").is_socket()


def installed_unit(path: Path) -> str | None:
    """Return the unit that is there; None if there is none.

    Raises:
        UsageError: If it cannot be read, or was not written by us.
    """
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    if not text.startswith(MARK):
        raise UsageError(f"{path}: was not written by 'service install'; remove it, or give it another name")
    return text


def write_unit(path: Path, text: str) -> None:
    """Put the unit there, whole or not at all.

    Raises:
        UsageError: If it cannot be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{UNIT_NAME}.")
    except OSError as error:
        raise _cannot("written", path, error) from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        os.replace(name, path)  # noqa: PTH105 - a name from mkstemp is a string
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - see above
        if isinstance(error, OSError):
            raise _cannot("written", path, error) from error
        raise


def remove_unit(path: Path) -> None:
    """Take the unit away.

    Raises:
        UsageError: If it cannot be.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot("removed", path, error) from error


def systemctl(scope: Scope, *words: str) -> None:
    """Have systemd do something, and wait until it has.

    Raises:
        SupervisorError: If it does not; with its own words.
    """
    command = ["systemctl", *(["--user"] if scope == "user" else []), "--no-ask-password", *words]
    done = _run(command, limit_s=_PATIENCE_S)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise SupervisorError(f"'{' '.join(command)}' failed: {said}")


def _run(command: Sequence[str], *, limit_s: float) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - systemd's own program with words of ours, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True, timeout=limit_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SupervisorError(f"'{' '.join(command)}' cannot be run: {error}") from error


def _cannot(what: str, path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: cannot be {what} ({error.strerror}); the machine's units are root's (sudo), your own need "
        "--user"
    )
