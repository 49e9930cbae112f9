"""Commands that file permissions hold for, even when root runs the tests."""

import os
import subprocess
from functools import cache

import pytest

# Root without these is held to the permissions of files as their owner, like anybody else.
_WITHOUT = "-dac_override,-dac_read_search"
_DROP = ("setpriv", f"--bounding-set={_WITHOUT}", f"--inh-caps={_WITHOUT}")


def unprivileged(words: list[str]) -> list[str]:
    """Return the command in a form that permissions hold for, or skip the test where there is none."""
    if os.geteuid() != 0:
        return words
    if not _can_drop():
        pytest.skip("permissions mean nothing to root, and setpriv cannot take that right away here")
    return [*_DROP, *words]


@cache
def _can_drop() -> bool:
    try:
        return subprocess.run([*_DROP, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
