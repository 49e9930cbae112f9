"""Signals to real processes: before, between and after their event loops."""

import contextlib
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from supervisor.cli.parser import make_parser, parse
from supervisor.cli.stops import SIGNALS, VALUED, command_of, held
from tests.supervisor.cli.driver import SCRIPTED, Home, command

pytestmark = pytest.mark.processes

#: More than a pipe holds: whoever has written it knows that the other end is reading.
OVER_A_PIPE = b"x " * 100_000


def start(home: Home, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(words),
        cwd=home.path,
        env=home.environ(TMPDIR=str(home.path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def takes(pid: int, number: int) -> bool:
    """Say whether the process has a function of its own for a signal."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def strike(process: "subprocess.Popen[bytes]", number: int, after_s: float) -> tuple[bool, int, str]:
    """Signal a process some time after its start; say whether our code had begun, and what came of it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    # Python itself leaves this one to the system: who takes it is ours.
    has_begun = process.poll() is None and takes(process.pid, signal.SIGTERM)
    process.send_signal(number)
    _, err = process.communicate()
    return has_begun, process.returncode, err.decode()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_narration_that_has_begun_ends_with_4_whenever_it_is_signalled(home: Home, number: int) -> None:
    home.write("t.txt", "One. Two. Three.")
    slow = (*SCRIPTED, "--set", "engine.scripted.wall_per_char_s=1")
    struck = [
        strike(start(home, *slow, "narrate", "t.txt", "-o", "t.wav"), number, tenths / 10)
        for tenths in range(0, 12, 2)
    ]
    begun = [(code, err) for has_begun, code, err in struck if has_begun]
    assert {code for code, _ in begun} == {4}
    assert not [err for _, err in begun if "Traceback" in err or "ignored" in err or "Warning" in err]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_narration_that_is_all_but_over_ends_with_4_or_0(home: Home, number: int) -> None:
    codes: list[int] = []
    for milliseconds in range(0, 80, 16):
        process = start(home, *SCRIPTED, "say", "One.", "-o", f"{milliseconds}.wav")
        assert process.stderr is not None
        while b"delivering" not in process.stderr.readline():
            pass
        codes.append(strike(process, number, milliseconds / 1000)[1])
    assert set(codes) <= {0, 4}


def test_who_asks_for_json_gets_its_line_when_stopped_early(home: Home) -> None:
    process = start(home, "narrate", "-", "-o", "x.wav", "--json")
    assert process.stdin is not None
    process.stdin.write(OVER_A_PIPE)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate()
    said = "stopped; run the same command again to go on"
    assert json.loads(out) == {"error": {"message": said, "exit_code": 4}}
    assert (process.returncode, err.decode()) == (4, f"tts-supervisor: {said}\n")


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [(signal.SIGINT, 1, "tts-supervisor: stopped\n"), (signal.SIGTERM, -signal.SIGTERM, "")],
)
def test_other_commands_end_with_1_by_ctrl_c_and_by_the_system_else(
    home: Home, number: int, code: int, says: str
) -> None:
    process = start(home, "plan", "-")
    assert process.stdin is not None
    process.stdin.write(OVER_A_PIPE)
    process.send_signal(number)
    _, err = process.communicate()
    assert (process.returncode, err.decode()) == (code, says)


def test_a_stop_while_audio_goes_to_standard_output_leaves_no_temporary_folder(home: Home) -> None:
    process = start(home, *SCRIPTED, "say", "A rather long sentence. " * 20, "-o", "-")
    assert process.stdout is not None
    assert process.stdout.read(4) == b"RIFF"
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 4
    assert [path.name for path in home.path.iterdir() if "say-" in path.name] == []


def test_what_takes_a_word_with_it_is_what_the_parser_says() -> None:
    assert set(re.findall(r"(--[a-z-]+) [A-Z{]", make_parser().format_usage())) == set(VALUED)


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "show", "say"),
        ("--state", "narrate", "jobs", "list"),
        ("--state=narrate", "-v", "plan", "a.txt"),
        ("--set", "a.b=1", "--set", "c.d=2", "narrate", "a.txt", "-o", "a.wav"),
    ],
)
def test_the_command_is_the_one_that_the_parser_finds(words: tuple[str, ...]) -> None:
    assert command_of(words) == parse(words).command


def test_a_line_without_a_command_has_none() -> None:
    assert command_of(["--state", "say"]) is None
    assert command_of(["--help"]) is None


def test_held_signals_come_afterwards() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: came.append(number))
    try:
        with held():
            # To this thread: one of another test would take it unheld.
            signal.raise_signal(signal.SIGHUP)
            assert came == []
        assert came == [signal.SIGHUP]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_under_nohup_a_terminal_that_closes_is_nothing_to_a_narration(home: Home) -> None:
    home.write("t.txt", "One.\n\nTwo.\n\nThree.")
    slow = ("--log-format", "json", "-v", *SCRIPTED, "--set", "engine.scripted.wall_per_char_s=0.05")
    process = subprocess.Popen(
        ["nohup", *command((*slow, "narrate", "t.txt", "-o", "t.wav"))],
        cwd=home.path,
        env=home.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"segment.done" in line:  # the loop runs, and there is more to come
            process.send_signal(signal.SIGHUP)
            break
    process.communicate()
    assert process.returncode == 0
