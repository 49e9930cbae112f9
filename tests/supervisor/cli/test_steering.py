"""`status`, `clean` and `recycle` against a narration that runs, as a person or a script calls them."""

import json
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from tests.supervisor.cli.driver import Home

if TYPE_CHECKING:
    import subprocess

SLOW = ("--set", 'engine.name="scripted"', "--set", "engine.scripted.wall_per_char_s=0.002")


@contextmanager
def narration(home: Home, *more: str) -> Generator["subprocess.Popen[bytes]"]:
    """A narration that has spoken a segment, and has many left."""
    text = "\n\n".join(f"Paragraph {number} of the long night on the ferry." for number in range(600))
    home.write("long.txt", text)
    run = home.start(*SLOW, "narrate", "long.txt", "-o", "long.wav", "--json", *more)
    assert run.stdout is not None
    try:
        while b"job/segment" not in run.stdout.readline():
            assert run.poll() is None, run.stderr
        yield run
    finally:
        run.kill()
        run.communicate()


def test_status_says_how_it_stands_to_people_and_to_programs(home: Home) -> None:
    with narration(home) as run:
        plain = home.run("status")
        asked = home.run("status", "--json")
    assert (plain.code, asked.code) == (0, 0)
    assert "narrating" in plain.lines[0]
    assert any(line.startswith("child") and "life 1" in line for line in plain.lines)
    found = asked.last_json
    assert found.keys() >= {"state", "child", "queue", "lives", "totals"}
    child = cast("dict[str, object]", found["child"])
    assert child.keys() >= {"pid", "life", "ready", "device", "segments", "memory"}
    assert found["pid"] == run.pid
    assert found["totals"]["segments"] >= 1


def test_clean_and_recycle_say_what_was_given_back(home: Home) -> None:
    with narration(home):
        cleaned = home.run("clean", "--json")
        recycled = home.run("recycle")
        after = home.run("status", "--json").last_json
    assert cleaned.code == recycled.code == 0
    assert cleaned.last_json.keys() >= {"before_bytes", "after_bytes", "took_s"}
    assert recycled.out.startswith("child replaced: ")
    assert after["child"]["life"] == 2
    assert [life["life"] for life in after["lives"]] == [1]
    assert (after["totals"]["recycles"], after["totals"]["cleans"]) == (1, 1)


def test_a_socket_of_ones_own_choice_is_the_only_one(home: Home) -> None:
    with narration(home, "--socket", "own.sock"):
        assert home.run("status", "--socket", "own.sock").code == 0
        assert home.run("status").code == 1


def test_without_a_service_it_is_said_where_it_was_looked_for(home: Home) -> None:
    for command in ("status", "clean", "recycle"):
        done = home.run(command, "--json")
        assert done.code == 1
        assert "no service listens at " in done.err
        assert "--socket" in done.err
        assert done.last_json["error"]["exit_code"] == 1


def test_a_service_that_is_stopped_does_not_hold_up_who_asks(home: Home) -> None:
    with narration(home) as run:
        run.send_signal(signal.SIGSTOP)
        done = home.run("status", "--timeout", "0.2")
    assert done.code == 75
    assert f"kill -CONT {run.pid}" in done.err


def test_a_narration_that_is_killed_leaves_a_socket_that_the_next_replaces(home: Home) -> None:
    with narration(home) as run:
        run.kill()
        run.wait()
        assert home.run("status").code == 1
    with narration(home):
        assert home.run("status").code == 0


def test_one_socket_for_two_narrations_is_refused(home: Home) -> None:
    with narration(home, "--socket", "own.sock"):
        second = home.run(
            "--state", "other", *SLOW, "say", "Ahoy", "-o", "a.wav", "--socket", "own.sock", "--json"
        )
    assert second.code == 75
    assert "own.sock is in use by process" in json.dumps(second.last_json)


def test_wrong_waits_are_wrong_usage(home: Home) -> None:
    for wait in ("0", "-1", "soon", "nan", "1e9"):
        assert home.run("status", "--timeout", wait).code == 2
