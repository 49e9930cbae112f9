"""`piper`: what one command line does, from its words to its exit code."""

import json
import os
import pty
import subprocess
import wave
from pathlib import Path

import pytest

from tests.supervisor.cli.driver import SCRIPTED, Done, Home, command

pytestmark = pytest.mark.processes

STATE = (*SCRIPTED, "--state", "state")

#: Of the scripted engine: 24 kHz, 60 ms a character.
RATE_HZ = 24_000


def piper(home: Home, *words: str, stdin: bytes = b"", state: tuple[str, ...] = STATE) -> Done:
    return home.run(*state, "piper", *words, stdin=stdin)


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def spoken_s(text: str) -> float:
    return round(0.06 * len(text), 6)


def test_a_text_becomes_a_file_and_its_path_is_told(home: Home) -> None:
    done = piper(home, "-f", "a.wav", "--", "-5", "degrees")
    assert (done.code, done.out, done.err) == (0, "a.wav\n", "")
    assert seconds(home.path / "a.wav") == spoken_s("-5 degrees")


def test_lines_become_a_file_each_in_a_folder_that_is_made(home: Home) -> None:
    done = piper(home, "-d", "new/out", stdin=b"One.\n\nAnother one.\n")
    assert done.code == 0, done.err
    assert [seconds(Path(line)) for line in done.lines] == [spoken_s("One."), spoken_s("Another one.")]
    assert {Path(line).parent for line in done.lines} == {home.path / "new" / "out"}


def test_files_may_be_named_by_their_text(home: Home) -> None:
    done = piper(home, "--output_dir", "out", "--output-dir-naming", "text", stdin="Wer da?\n我\n".encode())
    assert [Path(line).name for line in done.lines] == ["Wer da.wav", "我.wav"]


def test_objects_without_an_output_become_files_here(home: Home) -> None:
    done = piper(home, "--json-input", stdin=b'{"text": "One."}\n')
    assert done.code == 0, done.err
    assert [Path(line).parent for line in done.lines] == [home.path]


def test_a_bad_line_is_told_and_the_rest_is_spoken_and_the_exit_code_says_so(home: Home) -> None:
    good = [{"text": "One.", "output_file": "1.wav"}, {"text": "Three.", "output_file": "3.wav"}]
    text = "\n".join([json.dumps(good[0]), '{"words": "?"}', json.dumps(good[1]), "not json\n"])
    done = piper(home, "--json-input", stdin=text.encode())
    assert (done.code, done.out) == (1, "1.wav\n3.wav\n")
    assert [line.partition(": is")[0] for line in done.err.splitlines()] == ["piper: line 2", "piper: line 4"]


def test_files_of_text_are_read_instead_of_standard_input(home: Home) -> None:
    home.write("1.txt", "One.\n")
    home.write("2.txt", "Two.\nThree.\n")
    done = piper(home, "-i", "1.txt", "--input_file", "2.txt", "-d", "out", stdin=b"Not this.\n")
    assert (done.code, len(done.lines)) == (0, 3), done.err


@pytest.mark.parametrize("words", [(), ("-f", "-"), ("-f", "/dev/stdout")])
def test_a_wav_goes_to_a_standard_output_that_is_no_terminal(home: Home, words: tuple[str, ...]) -> None:
    with (home.path / "out.wav").open("wb") as out:
        subprocess.run(
            command((*STATE, "piper", *words)),
            cwd=home.path,
            env=home.environ(),
            input=b"One.\nTwo.\n",
            stdout=out,
            check=True,
        )
    assert seconds(home.path / "out.wav") == spoken_s("One. Two.")


def test_on_a_terminal_lines_become_files_here_and_samples_are_refused(home: Home) -> None:
    ours, theirs = pty.openpty()
    ends = [
        subprocess.run(
            command((*STATE, "piper", *more)),
            cwd=home.path,
            env=home.environ(),
            input=b"One.\n",
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
        )
        for more in ((), ("--output-raw",))
    ]
    os.close(theirs)
    told = os.read(ours, 4096).decode().strip()
    os.close(ours)
    assert [end.returncode for end in ends] == [0, 2]
    assert seconds(Path(told)) == spoken_s("One.")
    assert b"terminal" in ends[1].stderr


def test_silence_between_sentences_is_exact(home: Home) -> None:
    loud, quiet = (
        subprocess.run(
            command((*STATE, "piper", "--output-raw", "--sentence-silence", silence, "One. Two.")),
            cwd=home.path,
            env=home.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        ).stdout
        for silence in ("0", "0.3")
    )
    assert len(quiet) - len(loud) == 2 * round(0.3 * RATE_HZ)
    assert bytes(2 * round(0.3 * RATE_HZ)) in quiet


def test_a_length_scale_makes_it_longer(home: Home) -> None:
    piper(home, "-f", "a.wav", "--length-scale", "1.5", "One two three.")
    assert seconds(home.path / "a.wav") == pytest.approx(1.5 * 0.06 * len("One two three."), abs=0.01)


def test_what_means_nothing_here_is_said_unless_it_shall_be_quiet(home: Home) -> None:
    noisy = piper(home, "-f", "a.wav", "--cuda", "--noise-scale", "0.5", "One.")
    quiet = piper(home, "-f", "a.wav", "--cuda", "-q", "One.")
    assert (noisy.code, quiet.code) == (0, 0)
    assert [line.split(":")[1].strip() for line in noisy.err.splitlines()] == ["--cuda", "--noise-scale"]
    assert quiet.err == ""


def test_an_engine_speaks_a_pipers_model_by_a_voice_of_its_language_and_says_so(home: Home) -> None:
    state = ("--state", "state")
    done = piper(home, "-m", "/voices/de_DE-thorsten-low.onnx", "-f", "a.wav", "Guten Tag.", state=state)
    assert (done.code, done.out) == (0, "a.wav\n"), done.err
    assert "'de'" in done.err
    named = ("--set", 'piper.voices={ "de_DE-thorsten-low" = "en-gb" }')
    other = piper(home, "-m", "de_DE-thorsten-low", "-f", "b.wav", "Guten Tag.", state=(*state, *named))
    assert (other.code, other.err) == (0, "")
    assert (home.path / "a.wav").read_bytes() != (home.path / "b.wav").read_bytes()


def test_a_voice_that_is_nobodys_costs_its_lines(home: Home) -> None:
    done = piper(home, "-m", "nobody", "-d", "out", stdin=b"One.\n", state=("--state", "state"))
    assert (done.code, done.out) == (1, "")
    assert "nobody" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-i", "none.txt"), "none.txt"),
        (("-i", "here.txt", "and", "text"), "-i"),
        (("--output-raw", "--unknown"), "--unknown"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_owned(
    home: Home, words: tuple[str, ...], said: str
) -> None:
    home.write("here.txt", "One.\n")
    done = piper(home, *words)
    assert done.code in (1, 2)
    assert said in done.err
    assert not (home.path / "state").exists()


def test_nothing_to_speak_is_an_error_for_a_file_and_none_for_lines(home: Home) -> None:
    done = piper(home, "-f", "a.wav")
    assert (done.code, done.err) == (1, "piper: nothing to speak\n")
    assert piper(home, "-d", "out").code == 0
