"""On a real terminal: the two ends of a pseudo-terminal, and another process between."""

import fcntl
import os
import struct
import subprocess
import sys
import termios

import pytest

from supervisor.display.words import cells
from tests.tree import ROOT

pytestmark = pytest.mark.processes

SHOW = """
import sys
from supervisor.core.notes import Notice, Progress
from supervisor.display import make_display
display = make_display(json=False, stderr_is_terminal=True)
for segment in (1, 2):
    display.show(Progress(job="j", segment=segment, segments=2, chapter=1, chapters=1, title="\u8239 T",
        audio_seconds=1.0, wall_seconds=1.0, speed=2.0, eta_seconds=3.0, recycles=1, deaths=0))
    display._live.refresh() if hasattr(display, "_live") else None
display.show(Notice(level="warning", name="n", text="look here"))
print("a log line", file=sys.stderr)
display.close()
"""


def shown_on_terminal(*, columns: int = 100, **environ: str) -> str:
    """Return what a terminal of this width gets."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm"} | environ
    process = subprocess.Popen([sys.executable, "-c", SHOW], cwd=ROOT, env=env, stderr=theirs, stdout=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


def test_a_terminal_gets_a_bar_and_lines_above_it() -> None:
    shown = shown_on_terminal()
    for part in ("1/1", "2/2", "2.0× real time", "1 recycle", "warning: look here", "a log line"):
        assert part in shown
    # The cursor comes back.
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") >= 0


def test_a_dumb_terminal_gets_plain_lines() -> None:
    shown = shown_on_terminal(TERM="dumb")
    assert "\x1b" not in shown
    assert "warning: look here" in shown


def test_no_color_is_respected() -> None:
    coloured = ("\x1b[3", "\x1b[4", "\x1b[9", "\x1b[38")
    shown = shown_on_terminal(NO_COLOR="1")
    assert "real time" in shown
    assert not any(f"{code}{digit}m" in shown for code in coloured for digit in range(8))


@pytest.mark.parametrize("columns", [1, 7, 20])
def test_a_narrow_terminal_is_never_overrun(columns: int) -> None:
    shown = shown_on_terminal(columns=columns)
    bars = [line for line in shown.replace("\r", "\n").split("\n") if "%" in line and "\x1b" not in line]
    assert all(cells(line) <= columns for line in bars)
