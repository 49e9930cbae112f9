import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.lines import lines_of

FILE = """# a comment
[child]
attempts = 5
start = "cold"  # = no key

[engine.glm-upstream]
path = '''
[memory]
poll_s = 3
'''
[engine]
faults.faults = [
  "crash@1",

  "oom@2",
]
faults.poison."a b" = "oom"

  [ memory . host ]
"soft" = "1%"
"""


def test_every_key_and_table_is_found_at_the_line_where_it_begins() -> None:
    assert lines_of(FILE) == {
        "child": 2,
        "child.attempts": 3,
        "child.start": 4,
        "engine": 6,
        "engine.glm_upstream": 6,
        "engine.glm_upstream.path": 7,
        "engine.faults": 12,
        "engine.faults.faults": 12,
        "engine.faults.poison": 17,
        "engine.faults.poison.a b": 17,
        "memory": 19,
        "memory.host": 19,
        "memory.host.soft": 20,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing\n\n", {}),
        ("engine = { name = 'glm' }", {"engine": 1, "engine.name": 1}),
        ("a = 1\n[[b]]\nc = 2\n[[b]]\nc = 3", {"a": 1, "b": 2, "b.c": 3}),
        ("engine = 3", {"engine": 1}),
        ("[a]\n[a.b]\n[c]\nd = {}", {"a": 1, "a.b": 2, "c": 3, "c.d": 4}),
    ],
)
def test_odd_files_are_read_as_the_parser_reads_them(text: str, expected: dict[str, int]) -> None:
    assert lines_of(text) == expected


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "'x'", '"""\n[a]\nb = 1\n"""', "[\n1,\n2\n]", "{ c = 1 }", "# no value"])


@given(st.lists(st.tuples(NAMES, st.dictionaries(NAMES, VALUES)), unique_by=lambda table: table[0]))
def test_whatever_the_parser_takes_each_key_stands_at_its_line(
    tables: list[tuple[str, dict[str, str]]],
) -> None:
    text = "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in keys.items() if value[0] != "#")])
        for name, keys in tables
    )
    tomllib.loads(text)
    lines = text.split("\n")
    for key, number in lines_of(text).items():
        last = key.rpartition(".")[2]
        assert lines[number - 1] == f"[{key}]" or f"{last} = " in lines[number - 1]
