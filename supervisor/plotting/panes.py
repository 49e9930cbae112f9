"""The panes of a picture: memory as curves, lives and decisions as lanes, reasons as a table."""

# pyright: reportUnknownMemberType=false
# matplotlib's own annotations leave the many keywords of its methods without types.

import math
import textwrap
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from matplotlib.axes import Axes

from supervisor.plotting.reasons import HARDEST_FIRST, Row
from supervisor.plotting.story import (
    CHILD_DEVICE,
    DECLARED,
    DEVICE_USED,
    HOST_PRIVATE,
    LIVE,
    RESERVED,
    Level,
    Span,
    Story,
)

GIB: Final = 2**30

#: Okabe and Ito (2008): told apart with any of the common colour blindnesses.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, RED, PINK, GREY = "#0072B2", "#D55E00", "#CC79A7", "#666666"

#: Colour, dashes and width of each curve: no two differ by colour alone.
CURVES: Final = {
    DEVICE_USED: (SKY, "solid", 1.2),
    CHILD_DEVICE: (BLUE, "solid", 1.2),
    RESERVED: (ORANGE, "dashed", 1.4),
    LIVE: (RED, "solid", 2.2),
    DECLARED: (PINK, "dotted", 1.8),
    HOST_PRIVATE: (GREEN, "solid", 1.8),
}

#: Marker and colour of each action.
ACTIONS: Final = {
    "kill": ("X", BLACK),
    "refuse": ("P", PINK),
    "drain": ("v", RED),
    "pause": ("s", BLUE),
    "resume": (">", BLUE),
    "flag": ("^", ORANGE),
    "clean": ("o", GREEN),
}

_OTHER_ACTION: Final = ("D", GREY)

#: Marks beyond this many times the greatest value are named at the upper edge instead of drawn.
_FAR: Final = 2.5

#: A letter of the lanes, as a share of the axis' width: names of lives are left out where they do not fit.
_LETTER: Final = 0.0052

_TOP_PAD: Final = 1.06

#: A life is drawn at least as wide as this part of the picture.
_THINNEST: Final = 2000

#: Rows of the table, and letters of a reason in one of its lines.
MOST_ROWS: Final = 14
_WHY_LETTERS: Final = 165

#: Between two numbers in a lane.
_LETTERS_APART: Final = 2.5

#: Where words beside a pane begin, as a share of its width.
_BESIDE: Final = 1.006

#: More lines from top to bottom than this would hide what they point at.
_MOST_LINES: Final = 60

_ENDING: Final = ("kill", "drain", "refuse")


def draw_memory(pane: Axes, story: Story, names: tuple[str, ...], levels: list[Level], title: str) -> None:
    """Draw one kind of memory with its marks; all in GiB."""
    most = max((_curve(pane, story, name) for name in names), default=0.0)
    pane.set_ylabel(title)
    _levels(pane, story, levels, most)
    pane.set_ylim(bottom=0)
    pane.grid(axis="both", color="#dddddd", linewidth=0.6)


def _curve(pane: Axes, story: Story, name: str) -> float:
    """Draw a curve; return its greatest value, 0 if it has none."""
    curve = story.curves.get(name)
    if not curve:
        return 0.0
    colour, dashes, width = CURVES[name]
    band = curve.band()
    if band is not None:
        times, lows, highs = band
        tops = [value / GIB for value in highs]
        pane.fill_between(times, [value / GIB for value in lows], tops, color=colour, alpha=0.25, linewidth=0)
        pane.plot(times, tops, color=colour, linestyle=dashes, linewidth=width / 2, label=name)
        return max(tops)
    times, values = curve.curve()
    scaled = [value / GIB for value in values]
    pane.plot(times, scaled, color=colour, linestyle=dashes, linewidth=width, label=name)
    if name == DEVICE_USED:
        pane.fill_between(times, scaled, color=colour, alpha=0.18, linewidth=0)
    return max(value for value in scaled if not math.isnan(value))


def _levels(pane: Axes, story: Story, levels: list[Level], most: float) -> None:
    tops = [most]
    far: list[str] = []
    for at, level in enumerate(levels):
        end_x = levels[at + 1].begin_x if at + 1 < len(levels) else story.end_x
        for name, mark_bytes, dashes, width in (
            ("total", level.total_bytes, "solid", 1.6),
            ("hard mark", level.limits.hard_bytes, "dashed", 1.4),
            ("soft mark", level.limits.soft_bytes, "dashdot", 1.0),
        ):
            height = mark_bytes / GIB
            if height > most * _FAR:
                far.append(f"{name} {height:.1f}")
                continue
            tops.append(height)
            label = name if at == 0 else None
            pane.plot(
                [level.begin_x, end_x],
                [height] * 2,
                color=BLACK,
                linestyle=dashes,
                linewidth=width,
                label=label,
            )
    pane.set_ylim(top=max(max(tops) * _TOP_PAD, 1e-6))
    if far:
        words = "\n".join(["higher up, GiB:", *dict.fromkeys(far)])
        pane.text(_BESIDE, 0.0, words, transform=pane.transAxes, va="bottom", fontsize=8, color=GREY)


def draw_lanes(pane: Axes, story: Story, rows: list[Row]) -> None:
    """Draw lives, segments and decisions, a lane each, top down."""
    present = {mark.action for mark in story.marks}
    actions = [action for action in HARDEST_FIRST if action in present]
    actions += sorted(present - set(actions))
    lanes = ["lives", "segments", *actions]
    pane.set_yticks(range(len(lanes)), lanes)
    pane.set_ylim(len(lanes) - 0.4, -0.6)
    pane.grid(axis="x", color="#dddddd", linewidth=0.6)
    for at, span in enumerate(story.lives):
        _life(pane, story, span, odd=bool(at % 2))
    begins, _ = story.segments.curve()
    pane.plot(
        begins, [1.0] * len(begins), linestyle="", marker="|", color=GREY, markersize=8, markeredgewidth=0.6
    )
    for mark in story.marks:
        shape, colour = ACTIONS.get(mark.action, _OTHER_ACTION)
        # Hollow: the live run did not do it, or did it alone; see the legend.
        filling = {"recorded": colour, "replayed": "white", "both": colour}[mark.origin]
        edge = BLACK if mark.origin == "both" else colour
        lane = lanes.index(mark.action)
        pane.plot(
            [mark.x],
            [lane],
            marker=shape,
            color=filling,
            markeredgecolor=edge,
            markersize=8,
            markeredgewidth=1.4,
        )
    _numbers(pane, story, rows, lanes)


def _life(pane: Axes, story: Story, span: Span, *, odd: bool) -> None:
    width = max(span.end_x - span.begin_x, story.end_x / _THINNEST)
    colour = "#cfd8dc" if odd else "#90a4ae"
    pane.barh(0, width, left=span.begin_x, height=0.8, color=colour, edgecolor="white", linewidth=0.5)
    room = width / (story.end_x or 1.0) / _LETTER
    ended = "" if span.why is None else f": {span.why.partition(':')[0] or 'no reason given'}"
    words = (f"life {span.life}{ended}", f"{span.life}{ended}", f"life {span.life}", str(span.life), "")
    shown = next((text for text in words if len(text) <= room), "")
    pane.text(span.begin_x + width / 2, 0, shown, ha="center", va="center", fontsize=8, clip_on=True)


def _numbers(pane: Axes, story: Story, rows: list[Row], lanes: list[str]) -> None:
    """Write the numbers of the table beside the decisions, unless one stands there already."""
    apart = (story.end_x or 1.0) * _LETTER * _LETTERS_APART
    xs = {action: sorted(mark.x for mark in story.marks if mark.action == action) for action in lanes}
    latest: dict[str, float] = {}
    for row in rows:
        for mark in row.marks:
            lane = xs[mark.action]
            after = bisect_right(lane, mark.x)
            is_crowded = after < len(lane) and lane[after] - mark.x < apart and mark is not row.first
            if is_crowded or mark.x - latest.get(mark.action, -math.inf) < apart:
                continue
            latest[mark.action] = mark.x
            place = (mark.x, lanes.index(mark.action))
            pane.annotate(
                str(row.number), place, xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
            )


def draw_background(pane: Axes, story: Story, rows: list[Row]) -> None:
    """Shade every other life, and lead the eye from what was decided up to what it was decided upon."""
    for span in story.lives[1::2]:
        pane.axvspan(span.begin_x, span.end_x, color="#eceff1", linewidth=0, zorder=0)
    ends = [mark for row in rows for mark in row.marks if mark.action in _ENDING]
    for mark in ends if len(ends) <= _MOST_LINES else ():
        _, colour = ACTIONS[mark.action]
        pane.axvline(mark.x, color=colour, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)


def reasons(story: Story, rows: list[Row], left_out: int, moment: Callable[[float], str]) -> list[str]:
    """Return the lines of the table.

    Args:
        story: Of all.
        rows: Of the table.
        left_out: Decisions in no row.
        moment: Writes a place on the axis of time.
    """
    deep = 2 if len(rows) <= MOST_ROWS // 2 else 1
    lines = [line for row in rows for line in _row(row, moment, deep)] or ["no decisions"]
    left_out += story.left_out.total()
    if left_out:
        lines.append(f"     and {left_out} more: tts-supervisor replay lists them all")
    return lines


def _row(row: Row, moment: Callable[[float], str], deep: int) -> list[str]:
    first = row.first
    more = len(row.marks) - 1
    why = f"{first.why} (and {more} more until {moment(row.marks[-1].x)})" if more else first.why
    head = f"{row.number:>3}  {moment(first.x):>9}  {first.action:<6}  {first.policy:<13}  "
    lines = textwrap.wrap(why, _WHY_LETTERS, max_lines=deep, placeholder=" …") or [""]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
