import json

import pytest

from supervisor.cli.config import mistake_line
from supervisor.config import Mistake
from supervisor.config.keys import KEYS
from tests.supervisor.cli.driver import Home

pytestmark = pytest.mark.processes

FILE = """
[child]
attempts = 5

[engine.faults.poison]
xyzzy = "crash"
"""
PARROT = '[engine]\nname = "parrot"\n[engine.parrot]\nwings = 2\n[child]\npython = "sh"\n'
BAD = """[child]
attempts = 0
devise = "cpu"
"""


def test_every_key_is_shown_with_its_value_and_where_it_comes_from(home: Home) -> None:
    file = home.write("config.toml", FILE)
    env = {"TTS_SUPERVISOR_MEMORY__POLL_S": "2"}
    done = home.run("--set", "batch.size=7", "-v", "config", "show", "--json", env=env)
    shown = json.loads(done.out)
    assert (done.code, shown.keys()) == (0, KEYS.keys())
    assert shown["log.format"] == {"value": "text", "origin": "default", "default": "text"}
    assert shown["child.attempts"] == {"value": 5, "origin": "config.toml:3", "default": 3}
    assert shown["memory.poll_s"]["origin"] == "environment variable TTS_SUPERVISOR_MEMORY__POLL_S"
    assert shown["batch.size"] == {"value": 7, "origin": "--set batch.size=7", "default": 0}
    assert shown["log.level"] == {"value": "debug", "origin": "-v", "default": "error"}
    assert shown["engine.faults.poison"]["value"] == {"xyzzy": "crash"}
    named = home.run("--config", str(file), "config", "show").lines
    (line,) = [line.split() for line in named if line.startswith("child.attempts ")]
    assert line == ["child.attempts", "5", f"{file}:3", "(default", "3)"]
    assert len(named) == len(KEYS)


def test_a_key_of_another_packages_engine_has_no_default(home: Home) -> None:
    home.write(
        "config.toml", '[engine]\nname = "parrot"\n[engine.parrot]\nwings = 2\n[child]\npython = "sh"\n'
    )
    assert json.loads(home.run("config", "show", "--json").out)["engine.parrot.wings"] == {
        "value": 2,
        "origin": "config.toml:4",
        "default": None,
    }
    assert any(
        line.split() == ["engine.parrot.wings", "2", "config.toml:4"]
        for line in home.run("config", "show").lines
    )


def test_all_mistakes_are_told_at_once_each_with_its_line(home: Home) -> None:
    home.write("config.toml", BAD)
    done = home.run("--set", "batch.size=-1", "config", "check")
    assert done.code == 2
    assert done.lines == [
        "config.toml:2: child.attempts: need a whole number from 1 to 1000, got 0",
        "config.toml:3: child.devise: unknown key; did you mean child.device?",
        "--set batch.size=-1: batch.size: need a whole number from 0 to 1000000000, got -1",
    ]
    assert "3 mistakes" in done.err


def test_mistakes_are_told_to_programs_as_one_object(home: Home) -> None:
    home.write("other.toml", BAD)
    done = home.run("config", "check", "other.toml", "--json", env={"TTS_SUPERVISOR_X": "1"})
    found = json.loads(done.out)
    assert (done.code, found["ok"], found["file"]) == (2, False, "other.toml")
    assert [(one["key"], one["file"], one["line"]) for one in found["mistakes"]] == [
        ("child.attempts", "other.toml", 2),
        ("child.devise", "other.toml", 3),
        (None, None, None),
    ]
    assert found["mistakes"][2]["origin"] == "environment variable TTS_SUPERVISOR_X"


@pytest.mark.parametrize("content", [b"[child\n", b"\xff", None])
def test_a_file_that_is_none_is_a_mistake_of_its_own(home: Home, content: bytes | None) -> None:
    if content is not None:
        (home.path / "other.toml").write_bytes(content)
    done = home.run("config", "check", "other.toml")
    assert done.code == 2
    assert done.out.startswith("other.toml:" if content is None else "other.toml:1: is not valid TOML")


def test_where_nothing_is_wrong_a_word_says_so(home: Home) -> None:
    done = home.run("config", "check")
    assert (done.code, done.out) == (0, "fine: there is no file, the shipped defaults hold\n")
    home.write("config.toml", FILE)
    assert home.run("config", "check").out == "config.toml is fine\n"
    assert json.loads(home.run("config", "check", "--json").out) == {
        "ok": True,
        "file": "config.toml",
        "mistakes": [],
    }


def test_what_is_wrong_is_not_shown_but_told(home: Home) -> None:
    home.write("config.toml", BAD)
    done = home.run("config", "show", "--json")
    assert (done.code, done.last_json["error"]["exit_code"]) == (2, 2)
    assert "config.toml" in done.err
    assert "config check" in done.err


def test_a_mistake_without_a_key_is_one_of_the_file() -> None:
    assert mistake_line(Mistake(key="", origin="a.toml", what="is bad")) == "a.toml: is bad"


def test_a_secret_is_said_to_be_set_and_never_shown(home: Home) -> None:
    env = {"TTS_SUPERVISOR_HTTP__API_KEY": "s3cret"}
    for words in (
        ("config", "show"),
        ("config", "show", "--json"),
        ("--set", "http.api_key=s3cret", "config", "show"),
    ):
        done = home.run(*words, env=env)
        assert "(set, and not shown)" in done.out
        assert "s3cret" not in done.out + done.err
