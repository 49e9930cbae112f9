import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.log import EVENTS, LEVELS, Entry, Level, Log
from tests.tree import ROOT


def logged(log_format: str, level: Level = "debug", faults: str | None = None) -> tuple[Log, list[str]]:
    lines: list[str] = []
    kind = "json" if log_format == "json" else "text"
    return Log(format=kind, level=level, faults=faults, write=lines.append, now_s=lambda: 1.5), lines


@given(st.text(), st.sampled_from(["json", "text"]))
def test_an_event_is_one_line_whatever_is_in_it(value: str, log_format: str) -> None:
    log, lines = logged(log_format)
    log.event("child.stderr", line=value)
    (line,) = lines
    assert len(line.splitlines()) == 1


def test_a_line_has_time_level_event_and_fields() -> None:
    log, lines = logged("json")
    log.event("child.gone", "warning", life=3, how="killed by SIGKILL", planned=False)
    assert json.loads(lines[0]) == {
        "at": "1970-01-01T00:00:01.500Z",
        "level": "warning",
        "event": "child.gone",
        "life": 3,
        "how": "killed by SIGKILL",
        "planned": False,
    }
    log, lines = logged("text")
    log.event("child.gone", "warning", life=3, how="killed by SIGKILL", signal=None)
    assert lines == ['1970-01-01T00:00:01.500Z WARNING child.gone life=3 how="killed by SIGKILL"']


def test_while_faults_are_on_every_line_names_them() -> None:
    for log_format in ("json", "text"):
        log, lines = logged(log_format, faults="leak_bytes=1")
        log.event("run.started")
        log.event("run.ended", exit_code=0)
        assert all("leak_bytes=1" in line for line in lines)


@pytest.mark.parametrize("least", LEVELS)
def test_what_is_below_the_level_is_dropped(least: Level) -> None:
    log, lines = logged("text", least)
    for level in LEVELS:
        log.event("notice", level)
    assert len(lines) == sum(number >= LEVELS[least] for number in LEVELS.values())


def test_an_event_that_is_not_on_the_list_is_a_bug() -> None:
    log, _ = logged("text", "error")
    with pytest.raises(KeyError, match="not in supervisor"):
        log.event("made.up", "debug")


def test_every_event_that_the_code_names_is_on_the_list() -> None:
    named = re.compile(r"(?:\blog|_log|self)\.?_?event\(\s*\"([a-z_.]+)\"")
    found = {
        name
        for path in (ROOT / "supervisor").rglob("*.py")
        for name in named.findall(path.read_text("utf-8"))
    }
    assert found
    assert found <= EVENTS.keys()


def test_what_keeps_fields_apart_has_the_event_before_the_line() -> None:
    lines: list[str] = []
    entries: list[Entry] = []
    takes = [True]

    def journal(entry: Entry) -> bool:
        entries.append(entry)
        return takes[0]

    log = Log(
        format="json", level="info", faults="leak", write=lines.append, journal=journal, now_s=lambda: 1.5
    )
    log.event("segment.text", "debug", text="what is spoken")
    log.event("child.gone", "warning", life=3, how="killed by SIGKILL", signal=None)
    fields = {"faults": "leak", "life": 3, "how": "killed by SIGKILL", "signal": None}
    message = 'child.gone faults=leak life=3 how="killed by SIGKILL"'
    assert entries == [Entry(event="child.gone", level="warning", fields=fields, message=message)]
    assert lines == []
    takes[0] = False  # busy: the line is better than nothing
    log.event("run.ended", exit_code=0)
    assert [json.loads(line)["event"] for line in lines] == ["run.ended"]
