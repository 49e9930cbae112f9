"""Runs the real command line in a folder of its own, with a state folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tree import ROOT

#: Speaks at once and needs no library: for tests of everything but speech itself.
SCRIPTED = ("--set", "engine.name=scripted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Return standard output by lines."""
        return self.out.splitlines()

    @property
    def last_json(self) -> dict[str, Any]:
        """Return the last line of standard output as a JSON object."""
        return json.loads(self.lines[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A folder with everything a command may touch."""

    path: Path

    def environ(self, **more: str) -> dict[str, str]:
        """Return an environment that points into this folder alone."""
        kept = {
            name: os.environ[name]
            for name in ("PATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START", "XDG_RUNTIME_DIR")
            if name in os.environ
        }
        own = {"HOME": str(self.path), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        return kept | own | more

    def run(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            command(words),
            cwd=self.path,
            env=self.environ(**(env or {})),
            input=stdin,
            capture_output=True,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command whose standard output is read while it runs."""
        return subprocess.Popen(
            command(words),
            cwd=self.path,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the command."""
        path = self.path / name
        path.write_text(text, "utf-8")
        return path


def command(words: Sequence[str]) -> list[str]:
    """Return a command line of this interpreter."""
    return [sys.executable, "-m", "supervisor", *words]
