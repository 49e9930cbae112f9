"""A story as a picture of 1600 by 900 points, or as SVG or PDF of the same shape."""

# pyright: reportUnknownMemberType=false
# matplotlib's own annotations leave the many keywords of its methods without types.

import contextlib
import logging
import textwrap
import warnings
from pathlib import Path
from typing import Final, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from supervisor.edge.disk import write_error
from supervisor.plotting.panes import (
    GREY,
    MOST_ROWS,
    draw_background,
    draw_lanes,
    draw_memory,
    reasons,
)
from supervisor.plotting.reasons import rows_of
from supervisor.plotting.story import CHILD_DEVICE, DECLARED, DEVICE_USED, HOST_PRIVATE, LIVE, RESERVED, Story

_SIZE_IN: Final = (16.0, 9.0)
_DOTS_PER_IN: Final = 100

#: Of the picture's width and height: where the panes begin and end, and a line of the table.
_LEFT: Final = 0.06
_RIGHT: Final = 0.855
_LINE_HEIGHT: Final = 0.0178

#: Of a lane, where all memory is 1.
_LANE_HEIGHT: Final = 0.045


class _Kind(NamedTuple):
    title: str
    names: tuple[str, ...]
    share: float


_KINDS: Final = (
    _Kind("device", (DEVICE_USED, CHILD_DEVICE, RESERVED, LIVE, DECLARED), 1.45),
    _Kind("host", (HOST_PRIVATE,), 0.55),
)

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600

#: Seconds between two ticks; of them the smallest that gives no more than `_MOST_TICKS`.
_STEPS_S: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(_MINUTE_S * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(_HOUR_S * hours for hours in (1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400)),
)
_MOST_TICKS: Final = 16

_ORIGINS: Final = (
    ("decided live and in replay", GREY, "black"),
    ("decided live", GREY, GREY),
    ("decided in replay", "white", GREY),
)


def save(story: Story, path: Path) -> None:
    """Draw a story into a file, whose suffix says of what kind.

    Raises:
        SupervisorError: If it cannot be written; what stood there before stays.
    """
    part = path.with_name(f".{path.name}.part")
    # A user's own style, or a font without some letter of a file's name, is no business of this picture.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        warnings.simplefilter("ignore")
        mpl.rcParams.update({"svg.fonttype": "none", "font.family": "sans-serif", "text.parse_math": False})
        figure = draw(story)
        try:
            figure.savefig(part, format=path.suffix[1:].lower(), dpi=_DOTS_PER_IN)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise write_error(path.parent, error) from error


def draw(story: Story) -> Figure:
    """Return the picture."""
    figure = Figure(figsize=_SIZE_IN)
    figure.text(_LEFT, 0.975, _title(story), fontsize=11, va="center")
    rows, left_out = rows_of(story.marks, MOST_ROWS)
    time = _Axis(story)
    lines = reasons(story, rows, left_out, time.moment)
    table_top = len(lines) * _LINE_HEIGHT + 0.01
    kinds = [kind for kind in _KINDS if any(name in story.curves for name in kind.names)]
    panes = _panes(figure, kinds, story, bottom=table_top + 0.055)
    for pane, kind in zip(panes, kinds, strict=False):
        levels = story.device if kind.title == "device" else story.host
        draw_background(pane, story, rows)
        draw_memory(pane, story, kind.names, levels, f"{kind.title}, GiB")
        pane.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, frameon=False)
    draw_lanes(panes[-1], story, rows)
    _origins(panes[-1])
    time.mark(panes)
    for at, line in enumerate(lines):
        y = table_top - at * _LINE_HEIGHT
        figure.text(0.012, y, line, va="top", fontsize=8.5, family="monospace")
    return figure


def _panes(figure: Figure, kinds: list[_Kind], story: Story, *, bottom: float) -> list[Axes]:
    lanes = 2 + len({mark.action for mark in story.marks})
    memory = sum(kind.share for kind in kinds) or 1.0
    heights = [*(kind.share / memory for kind in kinds), _LANE_HEIGHT * lanes]
    grid = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, left=_LEFT, right=_RIGHT, top=0.95, bottom=bottom, hspace=0.07
    )
    return [figure.add_subplot(grid[at, 0]) for at in range(len(heights))]


def _title(story: Story) -> str:
    names = [name for _, name in story.runs]
    what = textwrap.shorten(" · ".join(names) or "no records", 120, placeholder=" …")
    lives = f"{story.life_count} {'life' if story.life_count == 1 else 'lives'}"
    segments = f"{story.segment_count} {'segment' if story.segment_count == 1 else 'segments'}"
    return f"{what}: {lives}, {segments}"


def _origins(pane: Axes) -> None:
    shown = [
        Line2D([], [], linestyle="", marker="o", markersize=8, color=fill, markeredgecolor=edge, label=label)
        for label, fill, edge in _ORIGINS
    ]
    pane.legend(
        handles=shown,
        loc="lower left",
        bbox_to_anchor=(1.004, 0.0),
        fontsize=9,
        frameon=False,
        borderaxespad=0,
    )


class _Axis:
    """The axis of time that all panes share."""

    def __init__(self, story: Story) -> None:
        self._length_s = max(story.end_x, 1e-3)
        steps = (step_s for step_s in _STEPS_S if self._length_s / step_s <= _MOST_TICKS)
        self._step_s = next(steps, _STEPS_S[-1])
        self._clock_s = story.clock_s
        self._runs = [x for x, _ in story.runs[1:]]

    def moment(self, x: float) -> str:
        """Write a place on the axis to the second."""
        return _clock(self._clock_s + x, seconds=True, tenths=self._step_s < 1)

    def mark(self, panes: list[Axes]) -> None:
        """Scale the panes, with ticks at whole steps of the trace's own clock."""
        first = -self._clock_s % self._step_s
        ticks = [first + at * self._step_s for at in range(int((self._length_s - first) / self._step_s) + 1)]
        names = [
            _clock(self._clock_s + x, seconds=self._step_s < _MINUTE_S, tenths=self._step_s < 1)
            for x in ticks
        ]
        for pane in panes:
            pane.set_xlim(-0.005 * self._length_s, 1.005 * self._length_s)
            pane.set_xticks(ticks, names if pane is panes[-1] else [""] * len(ticks))
            for x in self._runs:
                pane.axvline(x, color="black", linewidth=1.2)
        form = "hours:minutes" + (":seconds" if self._step_s < _MINUTE_S else "")
        panes[-1].set_xlabel(form, fontsize=9, labelpad=1)


def _clock(at_s: float, *, seconds: bool, tenths: bool) -> str:
    sign = "-" if at_s < 0 else ""
    ticks = round(abs(at_s) * 10) if tenths else round(abs(at_s)) * 10
    words = f"{sign}{ticks // 36000}:{ticks // 600 % 60:02d}"
    if seconds:
        words += f":{ticks // 10 % 60:02d}"
    return f"{words}.{ticks % 10}" if tenths else words
