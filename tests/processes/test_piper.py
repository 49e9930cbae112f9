"""Programs that were written for Piper, as they are found in the wild, with this one in its place."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import wave
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.processes

PATIENCE_S = 60.0

#: A child that is started anew each time is a child of the command itself, and can be found.
SETS = ("--set", "engine.name=scripted", "--set", "child.start=cold")

#: A program that has Piper speak a sentence at a time, and waits for each file before it goes on.
READER = """
import json, subprocess, sys, wave

class Piper:
    def __init__(self, model):
        self.process = subprocess.Popen(
            # As wyoming-piper 1.x starts it for Home Assistant.
            ["piper", "--model", model, "--config", model + ".json", "--output_dir", "spoken", "--json-input",
             "--speaker", "0", "--noise-scale", "0.667", "--length-scale", "1.0", "--noise-w", "0.8"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def speak(self, text, **more):
        self.process.stdin.write(json.dumps({"text": text, **more}) + "\\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        return self.process.wait()

piper = Piper("en_US-lessac-medium.onnx")
for number, text in enumerate(["The first.", "The second one.", "And the last."]):
    path = piper.speak(text, speaker_id=0)
    with wave.open(path) as file:
        print(number, file.getnframes() / file.getframerate(), flush=True)
    if sys.stdin.readline() == "":
        break
sys.exit(piper.close())
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a `piper` on the path."""
    (tmp_path / "bin").mkdir()
    words = " ".join(
        [sys.executable, "-P", "-m", "supervisor", *SETS, "--state", str(tmp_path / "state"), "piper"]
    )
    (tmp_path / "bin" / "piper").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (tmp_path / "bin" / "piper").chmod(0o755)
    (tmp_path / "reader.py").write_text(textwrap.dedent(READER))
    return tmp_path


def environ(desk: Path) -> dict[str, str]:
    path = os.pathsep.join([str(desk / "bin"), os.environ["PATH"]])
    own = {"PATH": path, "HOME": str(desk), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return own | {"XDG_RUNTIME_DIR": str(desk)}


def shell(desk: Path, text: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", text], cwd=desk, env=environ(desk), capture_output=True, check=False
    )


@contextmanager
def running(desk: Path, *words: str) -> Generator["subprocess.Popen[bytes]"]:
    """A program with pipes at its input and output; ended at the latest with the block."""
    process = subprocess.Popen(
        words,
        cwd=desk,
        env=environ(desk),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def line_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().rstrip("\n")


def say(process: "subprocess.Popen[bytes]", text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.flush()


def ask(process: "subprocess.Popen[bytes]", **fields: object) -> Path:
    say(process, json.dumps(fields) + "\n")
    return Path(line_of(process))


def end_input(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None  # communicate() would close it again


def end(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err.decode()


def engine_of(piper: "subprocess.Popen[bytes]") -> int:
    """The child that speaks for a command."""
    pids = Path(f"/proc/{piper.pid}/task/{piper.pid}/children").read_text().split()
    (pid,) = [int(pid) for pid in pids if b"\0child\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


# ------------------------------------------------------------------ programs


def test_a_program_that_waits_for_each_path_before_its_next_line_gets_it(desk: Path) -> None:
    with running(desk, sys.executable, "reader.py") as reader:
        for number, text in enumerate(["The first.", "The second one.", "And the last."]):
            said, seconds = line_of(reader).split()
            assert int(said) == number
            assert float(seconds) == pytest.approx(0.06 * len(text), abs=0.01)
            say(reader, "go on\n")
        code, err = end(reader)
        assert code == 0, err


def test_a_pipeline_plays_raw_samples(desk: Path) -> None:
    done = shell(desk, "echo 'Welcome to the world.' | piper --model en_US-x-low --output_raw | wc -c")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 2 * round(0.06 * 24_000) * len("Welcome to the world.")


def test_a_player_that_is_closed_early_is_no_failure(desk: Path) -> None:
    done = shell(desk, "seq 200 | sed 's/^/This is line /' | piper --output-raw | head -c 1000 | wc -c")
    assert (done.returncode, done.stdout.strip()) == (0, b"1000"), done.stderr


def test_a_file_of_objects_becomes_files_in_its_order(desk: Path) -> None:
    lines = [{"text": f"Line {number}.", "output_file": f"{number}.wav"} for number in range(5)]
    (desk / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = shell(
        desk, "cat lines.jsonl | piper --json-input -d dir | while read f; do echo $f; test -s $f; done"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == [f"{number}.wav" for number in range(5)]


#: Command lines as they stand in programs of other people; each leaves `said` behind, samples or a WAV.
FOUND = {
    "a generic module of speech-dispatcher": (
        "echo 'Hello world.' | piper --model en_US-lessac-low.onnx --length_scale 1 --output_raw | cat > said"
    ),
    "a player at the end of a pipe": "echo Hello world. | piper --model v.onnx --output-file - | cat > said",
    "a script with a file": (
        'printf "Hello world.\n" | piper --model "$HOME/v.onnx" --output_file said --length-scale 1.0'
    ),
    "a text behind the options": 'piper --model v.onnx --output-file said -- "Hello world."',
    "a file of text": "echo Hello world. > t.txt; piper -m v.onnx --input-file t.txt --output-file said",
    "a program of one object": (
        """echo '{"text": "Hello world.", "output_file": "said"}' | piper -m v.onnx -c v.json --json_input"""
    ),
    "one that is told where its parts are": (
        "echo Hello world. | piper -q --model v.onnx --data-dir . --download-dir . --espeak_data x -f said"
    ),
}


@pytest.mark.parametrize("line", FOUND.values(), ids=list(FOUND))
def test_command_lines_as_they_are_found_are_understood(line: str, desk: Path) -> None:
    done = shell(desk, line)
    assert done.returncode == 0, done.stderr
    said = (desk / "said").read_bytes()
    pcm = said[44:] if said.startswith(b"RIFF") else said
    assert len(pcm) == 2 * round(0.06 * 24_000) * len("Hello world.")


def test_a_pipe_with_a_name_that_stays_open_is_spoken_line_by_line(desk: Path) -> None:
    os.mkfifo(desk / "lines")
    # Opened for both, it has no end however many writers come and go.
    with running(
        desk, "bash", "-c", "exec piper --model v.onnx --json-input --output-raw 0<>lines 2>err"
    ) as piper:
        assert piper.stdout is not None
        for text in ("The first.", "And another one."):
            shell(desk, f"""echo '{{"text": "{text}"}}' > lines""")
            assert len(piper.stdout.read(2 * round(0.06 * 24_000) * len(text))) > 0
        piper.send_signal(signal.SIGTERM)
        assert piper.wait(PATIENCE_S) == 1


# ------------------------------------------------------------------ bad days


def test_each_line_that_is_none_costs_itself_alone_and_paths_keep_their_order(desk: Path) -> None:
    good = [
        json.dumps({"text": f"Line {number}.", "output_file": f"{number}.wav"}).encode() for number in (1, 7)
    ]
    bad = [
        b'{"text": "caf\xe9"}',
        b'{"text": "' + b"a" * 1_100_000 + b'"}',
        b"[]",
        b'{"text": 5}',
        b'{"text":"x"',
    ]
    (desk / "lines").write_bytes(b"\n".join([good[0], *bad, good[1]]))
    done = shell(desk, "piper --json-input -d out < lines")
    assert (done.returncode, done.stdout) == (1, b"1.wav\n7.wav\n")
    told = [line.partition(":")[2].strip().split(":")[0] for line in done.stderr.decode().splitlines()]
    assert told == [f"line {number}" for number in range(2, 7)]
    assert not (desk / "out").exists() or not list((desk / "out").iterdir())


def test_a_reader_of_paths_that_leaves_costs_no_file(desk: Path) -> None:
    with running(desk, "piper", "--json-input", "-d", "out") as piper:
        assert ask(piper, text="One.")
        assert piper.stdout is not None
        piper.stdout.close()
        piper.stdout = None
        say(piper, '{"text": "Two."}\n{"text": "Three.", "output_file": "three.wav"}\n')
        code, err = end(piper)
        assert (code, err) == (0, "")
    assert len(list((desk / "out").iterdir())) == 2
    assert samples(desk / "three.wav")


def test_one_child_speaks_all_lines_and_one_that_is_killed_between_two_costs_nothing(desk: Path) -> None:
    with running(desk, "piper", "--json-input", "-d", "out") as piper:
        first = ask(piper, text="The same line.")
        engine = engine_of(piper)
        second = ask(piper, text="The same line.")
        assert engine_of(piper) == engine
        os.kill(engine, signal.SIGKILL)
        third = ask(piper, text="The same line.")
        assert engine_of(piper) != engine
        assert samples(first) == samples(second) == samples(third)
        code, err = end(piper)
        assert code == 0, err


def test_a_child_that_crashes_at_a_line_costs_at_most_that_line(desk: Path) -> None:
    poison = 'engine.faults.poison={ "xyzzy" = "crash" }'
    words = (sys.executable, "-P", "-m", "supervisor", *SETS, "--set", poison, "--state", "state")
    with running(desk, *words, "piper", "--json-input", "-d", "out") as piper:
        first = ask(piper, text="One.")
        say(piper, '{"text": "Say xyzzy."}\n')
        second = ask(piper, text="One.")
        assert samples(first) == samples(second)
        code, err = end(piper)
        assert code == 1
        assert "piper: line 2: " in err


def test_it_is_not_the_reason_that_others_wait_for_the_end_of_the_night(desk: Path) -> None:
    with running(desk, "piper", "-d", "out") as first:
        say(first, "One.\n")
        assert line_of(first)
        with running(desk, "piper", "-f", "second.wav") as second:
            say(second, "Two.\n")
            end_input(second)
            first.send_signal(signal.SIGTERM)  # its input is open: there could be more
            assert first.wait(PATIENCE_S) == 1
            assert line_of(second) == "second.wav"
            assert second.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_files_that_are_whole(desk: Path, number: signal.Signals) -> None:
    slow = ("--set", "engine.scripted.wall_per_char_s=0.5")
    words = (sys.executable, "-P", "-m", "supervisor", *SETS, *slow, "--state", "state")
    with running(desk, *words, "piper", "--json-input") as piper:
        assert samples(desk / ask(piper, text="O.", output_file="one.wav"))
        say(piper, '{"text": "This takes long, for it is long.", "output_file": "two.wav"}\n')
        # Once it is spoken its first bytes are there, under another name.
        part = desk / "state" / "requests"
        while not list(part.iterdir()):
            assert piper.poll() is None
        piper.send_signal(number)  # it takes 18 s to speak, which nobody waits for now
        assert piper.wait(PATIENCE_S) == 1
        assert {path.name for path in desk.glob("*.wav*")} == {"one.wav"}


# ------------------------------------------------------------------ a service that is there


@contextmanager
def serving(desk: Path, *words: str) -> Generator["subprocess.Popen[bytes]"]:
    """A service that owns the folder of every `piper` here, once it answers."""
    command = (sys.executable, "-P", "-m", "supervisor", *SETS, "--state", "state", *words)
    with running(desk, *command) as service:
        say(service, '{"jsonrpc": "2.0", "id": 1, "method": "server/discover"}\n')
        while '"id":1' not in line_of(service):
            assert service.poll() is None
        yield service


def test_a_service_that_owns_the_folder_speaks_and_the_samples_are_the_same(desk: Path) -> None:
    alone = shell(desk, "echo 'One. Two. Three.' | piper -f alone.wav")
    assert alone.returncode == 0, alone.stderr
    # The `piper` of this desk says with --set what holds there too.
    with serving(desk, "serve", "--stdio"), running(desk, "piper", "--json-input", "-d", "out") as piper:
        path = ask(piper, text="One. Two. Three.")
        assert samples(path) == samples(desk / "alone.wav")
        assert ask(piper, text="One.", output_file="b.wav") == Path("b.wav")
        assert (desk / "b.wav").is_file()
        code, err = end(piper)
        assert (code, err) == (0, "")


def test_what_a_service_does_otherwise_is_refused_with_both_values_but_for_the_voices(desk: Path) -> None:
    with serving(desk, "serve", "--stdio"):
        other = (sys.executable, "-P", "-m", "supervisor", "--state", "state")
        voices = ("--set", 'piper.voices={ "x" = "sine" }')
        with running(desk, *other, *voices, "piper", "-m", "x", "-f", "a.wav", "Hello.") as piper:
            code, err = end(piper)
            assert (code, err) == (0, "")
        tries = ("--set", "child.attempts=7", *voices)
        with running(desk, *other, *tries, "piper", "--engine", "espeak", "-f", "c.wav", "Hello.") as piper:
            code, err = end(piper)
            assert code == 2
            assert 'engine.name is "espeak" by --engine, there "scripted"' in err
            assert "child.attempts is 7 by --set child.attempts=7, there 3" in err
            assert "piper.voices" not in err


def test_a_service_is_found_where_it_says_that_its_socket_is(desk: Path) -> None:
    with serving(desk, "serve", "--stdio", "--socket", str(desk / "own.sock")) as service:
        with running(desk, "piper", "--length-scale", "1.2", "-f", "a.wav", "Hello.") as piper:
            code, err = end(piper)
            assert (code, err) == (0, "piper: --length-scale: the service that speaks has its own tempo\n")
        service.send_signal(signal.SIGSTOP)
        with running(desk, "piper", "-f", "b.wav", "Hello.") as piper:
            code, err = end(piper)
            assert code == 75
            assert f"kill -CONT {service.pid}" in err
        service.send_signal(signal.SIGCONT)


def test_a_service_that_is_stopped_in_the_middle_is_not_waited_for_without_end(desk: Path) -> None:
    slow = ("--set", "engine.scripted.wall_per_char_s=0.5")
    with serving(desk, *slow, "serve", "--stdio") as service:
        with running(desk, "piper", "--json-input", "-d", "out") as piper:
            assert samples(ask(piper, text="O."))
            say(piper, '{"text": "This takes long, for it is long."}\n{"text": "And this."}\n')
            until_busy(service)
            service.send_signal(signal.SIGSTOP)
            code, err = end(piper)
            assert code == 1
            assert f"is stopped (SIGSTOP); kill -CONT {service.pid} lets it go on" in err
            assert "what came before it is spoken, the rest is not" in err
            assert len(list((desk / "out").iterdir())) == 1
        service.send_signal(signal.SIGCONT)


def until_busy(service: "subprocess.Popen[bytes]") -> None:
    """Ask a service how it is until it speaks."""
    while True:
        say(service, '{"jsonrpc": "2.0", "id": "how", "method": "status"}\n')
        while '"id":"how"' not in (line := line_of(service)):
            assert line
        if json.loads(line)["result"]["state"] == "narrating":
            return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_beside_a_service_and_leaves_nothing_half(
    desk: Path, number: signal.Signals
) -> None:
    slow = ("--set", "engine.scripted.wall_per_char_s=0.5")
    with serving(desk, *slow, "serve", "--stdio") as service:
        with running(desk, "piper", "--json-input", "-d", "out") as piper:
            assert samples(ask(piper, text="O."))
            say(piper, '{"text": "This takes long, for it is long."}\n')
            until_busy(service)
            assert len(list((desk / "out").iterdir())) == 2
            piper.send_signal(number)
            code, err = end(piper)
            assert (code, err) == (1, "piper: stopped\n")
        (whole,) = (desk / "out").iterdir()
        assert whole.suffix == ".wav"
        assert samples(whole)
