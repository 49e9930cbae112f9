import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.keys import KEYS
from supervisor.config.mistakes import Mistake, Mistaken
from supervisor.config.sources import (
    Given,
    find_file,
    flatten,
    from_environ,
    from_file,
    from_sets,
    from_shipped_file,
    nest,
    shipped_file,
    unknown_key,
)
from supervisor.errors import UsageError


def sound(said: Iterable[Given | Mistake]) -> list[Given]:
    """All of it, known to be no mistake."""
    found: list[Given] = []
    for one in said:
        assert isinstance(one, Given), one
        found.append(one)
    return found


def wrong(said: Iterable[Given | Mistake]) -> Mistake:
    """The one mistake that it is."""
    (one,) = said
    assert isinstance(one, Mistake), one
    return one


def given_by(*sets: str) -> dict[str, object]:
    return {one.key: one.value for one in sound(from_sets(sets))}


def test_the_shipped_file_has_every_key_and_no_other() -> None:
    assert {one.key for one in sound(from_shipped_file())} == KEYS.keys()


def test_every_key_of_the_shipped_file_is_documented_by_a_comment() -> None:
    bare: list[str] = []
    before = ""
    for line in shipped_file().read_text("utf-8").splitlines():
        if re.match(r"[a-z_]+ = ", line) and not re.match(r"# \S+ ", before):
            bare.append(line)
        before = line
    assert bare == []


@given(st.sampled_from(sorted(KEYS)), st.integers() | st.text() | st.booleans())
def test_flatten_undoes_nest(key: str, value: object) -> None:
    (one,) = sound(flatten(nest(key.split("."), value), "here"))
    assert (one.key, one.value, one.origin) == (key, value, "here")


def test_set_takes_toml_and_where_it_is_none_a_bare_word() -> None:
    assert given_by("child.attempts=5") == {"child.attempts": 5}
    assert given_by("engine.name=scripted") == {"engine.name": "scripted"}
    assert given_by('engine.name="scripted"') == {"engine.name": "scripted"}
    assert given_by("memory.host.soft = 200MiB") == {"memory.host.soft": "200MiB"}
    assert given_by('memory.host={soft="1MiB", hard="2MiB"}') == {
        "memory.host.soft": "1MiB",
        "memory.host.hard": "2MiB",
    }
    assert given_by('engine.faults.faults=["crash@5"]') == {"engine.faults.faults": ["crash@5"]}
    assert given_by('engine.faults.poison."a b"="oom"') == {"engine.faults.poison": {"a b": "oom"}}
    assert given_by("child.attempts=5", "child.attempts=6") == {"child.attempts": 6}


def test_a_bare_nan_is_a_word_a_kind_of_fault() -> None:
    assert given_by("engine.faults.poison.xyzzy=nan") == {"engine.faults.poison": {"xyzzy": "nan"}}
    (one,) = sound(from_environ({"TTS_SUPERVISOR_ENGINE__FAULTS__POISON__XYZZY": "nan"}))
    assert one.value == {"xyzzy": "nan"}


def test_set_names_itself_as_the_origin() -> None:
    (one,) = sound(from_sets(["child.attempts=5"]))
    assert one.origin == "--set child.attempts=5"


@pytest.mark.parametrize("item", ["", "child.attempts", "=5", " = 5"])
def test_set_without_key_or_value_is_refused(item: str) -> None:
    with pytest.raises(UsageError, match=r"table\.key=VALUE"):
        list(from_sets([item]))


def test_the_environment_gives_keys_and_names_its_variable() -> None:
    environ = {
        "TTS_SUPERVISOR_MEMORY__HOST__SOFT": "200MiB",
        "TTS_SUPERVISOR_CHILD__ATTEMPTS": "7",
        "TTS_SUPERVISOR_ENGINE__FAULTS__POISON": '{ "x" = "crash" }',
        "TTS_SUPERVISOR_PARENT": "123",
        "TTS_SUPERVISOR_STATE": "/somewhere",
        "HOME": "/",
    }
    found = {one.key: (one.value, one.origin) for one in sound(from_environ(environ))}
    assert found["child.attempts"] == (7, "the environment variable TTS_SUPERVISOR_CHILD__ATTEMPTS")
    assert found["memory.host.soft"][0] == "200MiB"
    assert found["engine.faults.poison"][0] == {"x": "crash"}
    assert len(found) == 3


def test_a_variable_with_one_underscore_too_few_is_told() -> None:
    found = wrong(from_environ({"TTS_SUPERVISOR_CHILD_ATTEMPTS": "3"}))
    assert (found.key, found.origin) == ("", "the environment variable TTS_SUPERVISOR_CHILD_ATTEMPTS")
    assert "write TTS_SUPERVISOR_CHILD__ATTEMPTS" in found.what


def test_a_line_end_in_a_variable_gives_no_second_key() -> None:
    (one,) = sound(from_environ({"TTS_SUPERVISOR_ENGINE__NAME": '"a"\nother = 1'}))
    assert one.value == '"a"\nother = 1'


@pytest.mark.parametrize(
    ("key", "mend"),
    [
        ("engine.nam", "did you mean engine.name?"),
        ("memory.hots.soft", "did you mean memory.host.soft?"),
        ("attempts", "did you mean child.attempts?"),
        ("cue.max_running", "did you mean queue.max_running?"),
        ("doors.width", "all keys are in"),
        ("narration.segment_char", "did you mean narration.segment_chars?"),
        ("narration.colour", "the keys of [narration] are in"),
        ("child.segment_chars", "the keys of [child] are in"),
        ("memory.hots", "did you mean memory.host?"),
        ("narations", "did you mean narration?"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(key: str, mend: str) -> None:
    said = unknown_key(key)
    assert said.startswith("unknown key")
    assert mend in said


def test_a_table_is_no_value_and_a_value_no_table() -> None:
    assert str(wrong(flatten({"memory": {"host": 3}}, "a.toml"))).startswith(
        "memory.host from a.toml: is a table"
    )
    assert "unknown key" in wrong(flatten({"child": {"attempts_": {"x": 3}}}, "a.toml")).what


def test_a_mistake_does_not_hide_what_stands_behind_it() -> None:
    found = list(flatten({"child": {"attemps": 3, "attempts": 4}, "memory": 5, "queue": {"max_": 1}}, "a"))
    assert [(one.key, isinstance(one, Mistake)) for one in found] == [
        ("child.attemps", True),
        ("child.attempts", False),
        ("memory", True),
        ("queue.max_", True),
    ]


def test_a_file_that_cannot_be_read_or_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(Mistaken, match=r"none\.toml: cannot be read"):
        list(from_file(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("# one\n[child\n")
    with pytest.raises(Mistaken, match=r"broken\.toml:2: is not valid TOML: .* \(column 7\)"):
        list(from_file(broken))
    broken.write_text('[child]\npython = """')
    with pytest.raises(Mistaken, match=r"broken\.toml: is not valid TOML: .*end of document"):
        list(from_file(broken))
    broken.write_bytes(b"# one\n# two\na = '\xff'")
    with pytest.raises(Mistaken, match=r"broken\.toml:3: is not valid TOML: 0xff is no UTF-8"):
        list(from_file(broken))


def test_a_file_of_windows_gives_the_same_with_the_same_lines(tmp_path: Path) -> None:
    (tmp_path / "unix.toml").write_bytes("[child]\n# é\nattempts = 4\n".encode())
    (tmp_path / "dos.toml").write_bytes("\ufeff[child]\r\n# é\r\nattempts = 4\r\n".encode())
    for name in ("unix.toml", "dos.toml"):
        (one,) = sound(from_file(tmp_path / name))
        assert (one.key, one.value, one.where) == ("child.attempts", 4, f"{tmp_path / name}:3")


def test_the_working_folders_file_comes_before_the_xdg_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"}
    assert find_file(environ) is None
    own = tmp_path / ".config" / "tts-supervisor" / "config.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_file(environ) == own
    assert find_file({"XDG_CONFIG_HOME": str(tmp_path / ".config")}) == own
    (tmp_path / "config.toml").touch()
    assert find_file(environ) == Path("config.toml")
    service = tmp_path / "etc" / "tts-supervisor"
    service.mkdir(parents=True)
    given = {**environ, "CONFIGURATION_DIRECTORY": f"{service}:/another"}
    assert find_file(given) == Path("config.toml")
    (service / "config.toml").write_text("")
    assert find_file(given) == service / "config.toml"


def test_a_variable_with_our_prefix_that_is_no_key_is_a_mistake() -> None:
    for name in ("TTS_SUPERVISOR_FOO", "TTS_SUPERVISOR_", "TTS_SUPERVISOR_CHILD__FOO"):
        assert name in str(wrong(from_environ({name: "1"})))
    assert list(from_environ({"TTS_SUPERVISOR_LIFE": "1"})) == []


@pytest.mark.parametrize(
    "item", ["http.api_key=s3cret", 'http={api_key="s3cret"}', '"http" . \'api_key\' = "s3cret"']
)
def test_a_secret_is_not_in_the_origin_of_what_was_given(item: str) -> None:
    (one,) = sound(from_sets([item]))
    assert (one.key, one.value) == ("http.api_key", "s3cret")
    assert "s3cret" not in one.where


def test_what_is_no_secret_is_shown_as_it_was_given() -> None:
    (one,) = sound(from_sets(["http.text_chars=7"]))
    assert one.where == "--set http.text_chars=7"
