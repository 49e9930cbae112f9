import io
import sys

import pytest

from supervisor.core.notes import Notice
from supervisor.display import make_display
from supervisor.display.jsonlines import JsonLines
from supervisor.display.plain import PlainLines


def test_json_comes_first_and_a_bar_needs_a_terminal_that_can_move_its_cursor() -> None:
    assert isinstance(make_display(json=True, stderr_is_terminal=True, term="xterm"), JsonLines)
    for terminal, term in ((False, "xterm"), (True, "dumb"), (True, "")):
        assert isinstance(make_display(json=False, stderr_is_terminal=terminal, term=term), PlainLines)


def test_rich_is_not_imported_without_a_terminal() -> None:
    before = {name for name in sys.modules if name.partition(".")[0] == "rich"}
    make_display(json=False, stderr_is_terminal=False)
    make_display(json=True, stderr_is_terminal=False)
    assert {name for name in sys.modules if name.partition(".")[0] == "rich"} == before


def test_nobody_reading_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    display = make_display(json=False, stderr_is_terminal=False)
    display.show(Notice(level="warning", name="n", text="t"))
    display.close()
    display.close()
