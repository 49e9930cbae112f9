import json

import pytest

from supervisor.cli.words import emit_json, table


def test_columns_line_up_in_cells_not_characters() -> None:
    assert table([("船", "x"), ("abc", "y")]) == ["船   x", "abc  y"]
    assert table([]) == []


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": "船\n"})
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line) == {"a": "船\n"}
