"""Notes as one moving line at the foot of a terminal, and notices scrolling above it.

The only module that imports rich (60 ms, 4 MiB), and only a terminal gets it.
"""

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from supervisor.core.notes import Note, Progress, Stage
from supervisor.display.plain import notable
from supervisor.display.words import ASCII, UNICODE, bar_line, stage_line

#: Drawn this often by rich's thread: enough for eyes, 0.2 % of a core.
_PER_SECOND = 2


class Bar:
    """A bar on a terminal; lines that anything writes to `sys.stderr` appear above it.

    Args:
        stream: The terminal.
        environ: `NO_COLOR` is looked up here.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._progress: Progress | None = None
        self._stage = ""
        utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
        self._glyphs = UNICODE if utf8 else ASCII
        self._console = Console(
            file=stream,
            force_terminal=True,
            no_color=bool(environ.get("NO_COLOR")),
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()

    def _render(self) -> Text:
        # A cell short of the edge: some terminals wrap a line that touches it.
        width = max(1, self._console.width - 1)
        line = self._stage
        if self._progress is not None and not self._stage:
            line = bar_line(self._progress, width, self._glyphs)
        return Text(line, no_wrap=True, overflow="ellipsis", style="bold")

    def show(self, note: Note) -> None:
        """Move the bar, or write a line above it."""
        if isinstance(note, Progress):
            self._progress, self._stage = note, ""
        elif isinstance(note, Stage):
            self._stage = "" if note.name == "narrating" else stage_line(note)
        elif (line := notable(note)) is not None:
            self._console.print(Text(line))

    def close(self) -> None:
        """Take the bar away and give the terminal back."""
        self._live.stop()
