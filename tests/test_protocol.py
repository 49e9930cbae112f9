"""docs/protocol.md is what happens: every example is sent over real pipes, and nothing is left out."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import pytest

from supervisor.core.decisions import Policy
from supervisor.core.obituary import Ending, Reason
from supervisor.doors.jsonrpc import CODES
from supervisor.doors.offer import service_methods
from supervisor.log import Log
from supervisor.loop.health import AilmentKind
from supervisor.loop.room import full
from supervisor.loop.service import ErrorKind
from tests.blocks import every, pages
from tests.supervisor.doors.memory_service import MemoryService
from tests.supervisor.doors.pipes import Caller, Json, open_pipes
from tests.tree import page

BLOCK = re.compile(r"(?:<!-- service: ([^>]*) -->\n)?```jsonrpc\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A conversation as the document has it: lines with `> ` or `< ` before them."""

    how: str
    lines: tuple[str, ...]

    @property
    def sent(self) -> list[str]:
        return [line[2:] for line in self.lines if line.startswith("> ")]

    @property
    def received(self) -> list[Json]:
        return [json.loads(line[2:]) for line in self.lines if line.startswith("< ")]


def examples() -> list[Example]:
    found = BLOCK.findall(page("docs/protocol.md"))
    return [Example(how=how, lines=tuple(text.splitlines())) for how, text in found]


def elsewhere() -> list[Example]:
    """Those of other pages."""
    found = [one for name in pages() if name != "docs/protocol.md" for one in BLOCK.findall(page(name))]
    return [Example(how=how, lines=tuple(text.splitlines())) for how, text in found]


def fits(shown: object, seen: object) -> bool:
    """Whether what was seen is what is shown: `"…"` is anything, and nothing may be missing or more."""
    if shown == "…":
        return True
    if isinstance(shown, dict) and isinstance(seen, dict):
        left, right = cast("Json", shown), cast("Json", seen)
        return left.keys() == right.keys() and all(fits(left[key], right[key]) for key in left)
    if isinstance(shown, list) and isinstance(seen, list):
        ours, theirs = cast("list[object]", shown), cast("list[object]", seen)
        return len(ours) == len(theirs) and all(map(fits, ours, theirs))
    return shown == seen


async def play(caller: Caller, example: Example) -> None:
    """Send what is sent, and read what is read: in any order between two lines that are sent."""
    if "held" in example.how:
        caller.service.may_go.clear()
    if "one may wait" in example.how:
        caller.service.max_waiting = 1
    if "the disk is full" in example.how:
        caller.service.health = [full("the disk is full in F (0 bytes free)", "now", stops=True)]
    for direction, lines in turns(example.lines):
        if direction == ">":
            caller.send(*(line.encode() for line in lines))
            continue
        wanted: list[Json] = [json.loads(line) for line in lines]
        while wanted:
            seen = await caller.line()
            matching = [each for each in wanted if fits(each, seen)]
            assert matching, f"not in the document: {json.dumps(seen)}"
            wanted.remove(matching[0])


def turns(lines: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Group lines by who says them."""
    group: list[str] = []
    for number, line in enumerate(lines):
        group.append(line[2:])
        if number + 1 == len(lines) or lines[number + 1][0] != line[0]:
            yield line[0], group
            group = []


@pytest.mark.parametrize(
    "example", [*examples(), *elsewhere()], ids=lambda example: str(example.sent[0])[:60]
)
def test_what_the_document_shows_is_what_happens(tmp_path: Path, example: Example) -> None:
    async def converse() -> None:
        async with open_pipes(tmp_path) as caller:
            await play(caller, example)

    asyncio.run(converse())


def test_no_line_of_an_example_is_passed_over() -> None:
    shown = [block.text.splitlines() for block in every("jsonrpc")]
    played = [list(example.lines) for example in (*examples(), *elsewhere())]
    assert sorted(shown) == sorted(played)
    odd = [line for lines in shown for line in lines if not line.startswith(("> ", "< "))]
    assert odd == []


def test_every_method_is_in_the_table_and_in_an_example() -> None:
    log = Log(format="text", level="error", write=lambda _: None)
    offered = set(service_methods(MemoryService(Path()), log, folder=Path()).names)
    text = page("docs/protocol.md").split("## What is told")[0]
    assert set(re.findall(r"^\| `([a-z/]+)` \|", text, re.MULTILINE)) == offered
    lines = [line for example in examples() for line in example.sent]
    asked = {name for line in lines for name in re.findall(r'"method": "([^"]+)"', line)}
    assert asked == offered | {"sing", "notifications/cancelled", "notifications/initialized"}


def test_every_notification_is_in_the_table_and_in_an_example() -> None:
    text = page("docs/protocol.md").split("## What is told")[1].split("## What can go wrong")[0]
    told = {line["method"] for example in examples() for line in example.received if "method" in line}
    assert set(re.findall(r"^\| `([a-z/]+)` \|", text, re.MULTILINE)) == told
    assert told == {
        "progress",
        "job/segment",
        "job/note",
        "child/state",
        "audio/chunk",
        "notifications/progress",
    }


def test_every_kind_of_ailment_is_in_the_table() -> None:
    text = page("docs/protocol.md").split("### What ails it")[1].split("###")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)) == set(get_args(AilmentKind))


def test_every_way_in_which_a_life_can_end_is_in_the_list() -> None:
    text = page("docs/protocol.md").split("### How a life ends")[1].split("###")[0]
    listed = re.findall(r"^- `([a-z_]+)`: (.*?)\.$", text, re.MULTILINE | re.DOTALL)
    assert [word for word, _ in listed] == [*get_args(Ending)]
    assert {"asked", "last_try", "cannot_go_on"} | set(get_args(Policy)) == set(get_args(Reason))
    named = set(re.findall(r"`([a-z_]+)`", listed[0][1]))
    # A policy that never replaces a child need not be told of.
    assert named - {"reason"} == set(get_args(Reason)) - {"stall", "degrade", "fit"}


def test_every_error_is_in_the_table_and_in_an_example() -> None:
    rows = re.findall(r"^\| (-?\d+) \| (?:`(\w+)`|–) \|", page("docs/protocol.md"), re.MULTILINE)
    own = {kind: int(code) for code, kind in rows if kind}
    assert own == dict(CODES)
    assert own.keys() == set(get_args(ErrorKind))
    errors = [line["error"] for example in examples() for line in example.received if "error" in line]
    shown = {cast("Json", error)["code"] for error in errors}
    assert shown == {int(code) for code, _ in rows} - {-32603}  # a bug cannot be asked for
