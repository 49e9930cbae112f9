"""A real systemd as process 1 of namespaces of its own, for tests; needs root.

Private in there: /run, /tmp, /var/tmp, /var/lib, /var/cache, /var/log and a copy of /etc. systemd empties
/tmp as it boots, so nothing is mounted through from outside but the test's own folder, /srv in there.
The interpreter and the project stay where they are, also where they lie in somebody's closed home.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from tests.tree import ROOT

#: Debian and Fedora have it there.
_SYSTEMD: Final = Path("/usr/lib/systemd/systemd")

#: The programs that a boot takes, beside systemd.
_PROGRAMS: Final = ("unshare", "nsenter", "mount", "systemctl", "journalctl")

#: What is a machine's business and not a test's: slow, or about hardware.
_MASKED: Final = (
    *("udevd", "udev-trigger", "tmpfiles-setup", "tmpfiles-setup-dev", "tmpfiles-clean", "sysctl"),
    *("modules-load", "remount-fs", "random-seed", "update-utmp", "logind", "networkd", "resolved"),
)

_BOOT_S: Final = 20.0

#: Folders that are shown in there even where a home that is closed to others holds them: the interpreter, its
#: environment, the project.
_SHOWN: Final = tuple(dict.fromkeys((sys.base_prefix, sys.prefix, str(ROOT))))

#: What a machine of this lab, and the unit (PrivateTmp=), have of their own.
_HIDDEN: Final = ("/tmp/", "/var/tmp/", "/var/lib/", "/var/cache/", "/var/log/", "/run/")

#: Arguments: the test's folder; pairs of a folder to show and what is closed on its way; `--`; units to mask.
_INSIDE: Final = """
set -e
mount --bind "$1" /srv; shift
mount -t tmpfs tmpfs /run
cp -a /etc /run/etc
covered=
shown=
number=0
while [ "$1" != -- ]; do
  number=$((number + 1))
  mkdir -p /run/shown/$number
  mount --bind "$1" /run/shown/$number
  shown="$shown mkdir -p '$1' && mount --bind /run/shown/$number '$1' && "
  case " $covered " in *" $2 "*) ;; *) covered="$covered $2" ;; esac
  shift 2
done
shift
for folder in $covered; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
eval "$shown true"
for folder in /tmp /var/tmp /var/lib /var/cache /var/log; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
chmod 1777 /tmp /var/tmp
mount --bind /run/etc /etc
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\\nReadKMsg=no\\n' >/etc/systemd/journald.conf.d/lab.conf
rm -rf /etc/tts-supervisor /etc/systemd/system/tts-supervisor*
mkdir -p /run/systemd/system /run/lock
for unit in "$@"; do ln -sf /dev/null "/run/systemd/system/systemd-$unit.service"; done
printf '[Unit]\\nDefaultDependencies=no\\nWants=systemd-journald.socket\\n' >/run/systemd/system/lab.target
exec env -i PATH="$PATH" container=lab SYSTEMD
"""


def why_not() -> str | None:
    """Say what is missing for a boot; None where nothing is."""
    if os.geteuid() != 0:
        return "booting a systemd of one's own needs root"
    if not _SYSTEMD.is_file():
        return "systemd is not installed"
    hidden = [path for path in _SHOWN if path.startswith(_HIDDEN)]
    if hidden:
        return f"{hidden[0]} lies where the unit's sandbox lets no service look; clone it elsewhere"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"no program {', '.join(missing)}" if missing else None


class Lab:
    """A machine that has booted.

    Attributes:
        folder: The test's, /srv in there.
    """

    def __init__(self, init_pid: int, folder: Path) -> None:
        self._init_pid = init_pid
        self.folder = folder

    def run(self, *words: str, check: bool = True, stdin: str | None = None) -> str:
        """Run a command in there as root; return what it wrote on either stream.

        Raises:
            AssertionError: If it fails, unless it may.
        """
        done = subprocess.run(
            [*self._enter(), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            input=stdin,
            check=False,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 or not check, f"{' '.join(words)}: {done.stdout}"
        return done.stdout

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        out = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names))
        return {line.partition("=")[0]: line.partition("=")[2] for line in out.splitlines()}

    def until(self, unit: str, limit_s: float = 30.0, **wanted: str) -> dict[str, str]:
        """Wait until a unit's properties are as wanted; systemd tells of its units by being asked.

        Raises:
            AssertionError: If they are not within the limit.
        """
        until_s = time.monotonic() + limit_s
        while (seen := self.show(unit, *wanted)) != wanted:
            assert time.monotonic() < until_s, f"{seen}, not {wanted}\n{self.journal('-u', unit)}"
            time.sleep(0.05)
        return seen

    def unit(self, name: str, text: str) -> None:
        """Put a unit there, and have it read."""
        self.run("tee", f"/run/systemd/system/{name}", stdin=text)
        self.run("systemctl", "daemon-reload")

    def journal(self, *words: str) -> str:
        """Return what the journal has."""
        self.run("journalctl", "--sync", check=False)
        return self.run("journalctl", "--no-pager", "--quiet", *words, check=False)

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self._init_pid), "-m", "-p", "-u", "-i", "--wd=/srv"]


@contextlib.contextmanager
def booted(folder: Path) -> Generator[Lab]:
    """Boot a machine, and end it with all that runs there.

    Args:
        folder: The test's; everybody may read it in there, as /srv.

    Raises:
        RuntimeError: If it does not come up: namespaces may be forbidden here.
    """
    folder.chmod(0o755)
    with _one_at_a_time(), tempfile.TemporaryFile() as said:
        script = _INSIDE.replace(
            "SYSTEMD", f"{_SYSTEMD} --system --unit=lab.target --log-target=null --show-status=0"
        )
        words = ["unshare", "-fmpui", "--mount-proc", "--propagation", "private", "--kill-child"]
        shown = [word for path in _SHOWN if (closed := _closed_on_the_way(path)) for word in (path, closed)]
        inside = ["bash", "-c", script, "_", str(folder), *shown, "--", *_MASKED]
        outer = subprocess.Popen([*words, *inside], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        init_pid = None
        try:
            until_s = time.monotonic() + _BOOT_S
            while init_pid is None or not _is_up(Lab(init_pid, folder)):
                if outer.poll() is not None or time.monotonic() > until_s:
                    said.seek(0)
                    raise RuntimeError(f"systemd did not come up: {said.read().decode(errors='replace')}")
                init_pid = init_pid or _only_child(outer.pid)
                time.sleep(0.05)
            yield Lab(init_pid, folder)
        finally:
            # Process 1 of its namespace: with it everything in there ends.
            if init_pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(init_pid, signal.SIGKILL)
            else:
                outer.kill()
            outer.wait()


def _closed_on_the_way(path: str) -> str | None:
    """Return the first folder that others may not enter."""
    place = Path(path)
    return next(
        (str(one) for one in (*reversed(place.parents), place) if not one.stat().st_mode & 0o001), None
    )


def _is_up(lab: Lab) -> bool:
    return lab.run("systemctl", "is-active", "lab.target", check=False).strip() == "active"


def _only_child(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        return int(words[0]) if words else None
    return None


@contextlib.contextmanager
def _one_at_a_time() -> Generator[None]:
    # All share the machine's control groups, by which systemd finds whom to end.
    with (Path(tempfile.gettempdir()) / "tts-supervisor-lab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
