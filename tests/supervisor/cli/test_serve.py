"""`serve`: its doors, and how it ends."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.supervisor.cli.driver import SCRIPTED, Home, command

pytestmark = pytest.mark.processes


def serve(home: Home, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command((*SCRIPTED, "--state", "state", *words)),
        cwd=home.path,
        env=home.environ(XDG_RUNTIME_DIR=str(home.path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_at_the_end_of_its_input_it_ends_well_and_its_output_is_pure(home: Home) -> None:
    service = serve(home, "--set", "log.level=info", "serve", "--stdio")
    asked = {"jsonrpc": "2.0", "id": 1, "method": "server/discover"}
    out, err = service.communicate(json.dumps(asked).encode() + b"\n", timeout=60)
    assert service.returncode == 0, err
    answers = [json.loads(line) for line in out.splitlines()]
    (answer,) = (each for each in answers if each.get("id") == 1)
    assert answer["result"]["engine"] == "scripted"
    assert b"run.started" in err


def test_its_control_socket_answers_where_it_was_asked_for_and_goes_with_it(home: Home) -> None:
    place = home.path / "s.sock"
    service = serve(home, "serve", "--socket", str(place))
    assert service.stderr is not None
    while not place.exists():
        assert service.poll() is None, service.stderr.read()
    asked = home.run("--state", "state", "status", "--socket", str(place), "--json")
    assert asked.code == 0, asked.err
    assert asked.last_json["pid"] == service.pid
    service.send_signal(signal.SIGTERM)
    out, err = service.communicate(timeout=60)
    assert (service.returncode, out) == (0, b""), err
    assert not place.exists()


def test_a_socket_that_cannot_be_is_an_error_where_it_is_asked_for_and_a_warning_beside_another_door(
    home: Home,
) -> None:
    (home.path / "plain").write_text("a file")
    place = str(home.path / "plain" / "s.sock")
    named = serve(home, "serve", "--stdio", "--socket", place)
    _, err = named.communicate(timeout=60)
    assert named.returncode not in (0, None)
    assert b"plain" in err
    runtime = home.path / "long" / ("x" * 90)
    runtime.mkdir(parents=True, mode=0o700)
    beside = subprocess.run(
        command((*SCRIPTED, "--state", "state", "serve", "--stdio")),
        cwd=home.path,
        env=home.environ(XDG_RUNTIME_DIR=str(runtime)),
        input=b"",
        capture_output=True,
        check=False,
    )
    assert beside.returncode == 0, beside.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("serve", "extra"), 2, "extra"),
        (("--set", "engine.name=nobody", "serve"), 2, "nobody"),
        (("--set", "queue.max_waiting=no", "serve", "--stdio"), 2, "queue.max_waiting"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_owned(
    home: Home, words: tuple[str, ...], code: int, said: str
) -> None:
    done = home.run(*SCRIPTED, "--state", "state", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert not Path(home.path / "state").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_as_it_starts_is_no_failure(home: Home, number: signal.Signals) -> None:
    service = serve(home, "--set", "log.level=info", "serve", "--stdio")
    assert service.stderr is not None
    assert b"run.started" in service.stderr.readline()
    service.send_signal(number)
    _, err = service.communicate(timeout=60)
    assert service.returncode == 0, err


def test_a_reload_as_it_starts_ends_nothing(home: Home) -> None:
    service = serve(home, "--set", "log.level=info", "serve", "--stdio")
    assert service.stderr is not None
    assert b"run.started" in service.stderr.readline()
    service.send_signal(signal.SIGHUP)
    _, err = service.communicate(b'{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}\n', timeout=60)
    assert service.returncode == 0, err
