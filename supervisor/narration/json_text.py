r"""A string within a line of JSON, traced to the characters that write it.

The json module says what a string means, not where it stands; `\u4e2d` is one character that
is written with six.
"""

import json
import re

from supervisor.narration.traced import Traced, TracedBuilder

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rf"(?P<string>{_STRING})|(?P<open>[{{\[])|(?P<close>[}}\]])|(?P<colon>:)|[^\"{{}}\[\]:]+")
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPED = re.compile(rf"{_PAIR}|\\u[0-9a-fA-F]{{4}}|\\.|[^\\]+")


def string_field(line: Traced, name: str) -> Traced:
    """Return the value of a field of an object, traced.

    Args:
        line: One valid JSON object in which `name` stands once at the top, with a string.
        name: The field.
    """
    start, end = _value_bounds(line.text, name)
    built = TracedBuilder()
    for piece in _ESCAPED.finditer(line.text, start, end):
        first, last = piece.span()
        if line.text[first] == "\\":
            char: str = json.loads(f'"{piece[0]}"')
            built.add_written(char, line.starts[first], line.ends[last - 1])
        else:
            built.add(line[first:last])
    return built.build()


def _value_bounds(text: str, name: str) -> tuple[int, int]:
    """Return where the value stands, without its quotation marks."""
    depth = 0
    key: str | None = None  # the last string at the top level
    value_of: str | None = None
    for token in _TOKEN.finditer(text):
        depth += (token["open"] is not None) - (token["close"] is not None)
        if token["colon"] is not None:
            value_of = key
        elif depth == 1 and token["string"] is not None:
            if value_of == name:
                return token.start() + 1, token.end() - 1
            key = json.loads(token["string"])
    raise ValueError(f"no string field {name!r}")
