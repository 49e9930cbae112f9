import io
import json
import subprocess
import wave

import pytest

from tests.supervisor.cli.driver import SCRIPTED, Home, command

pytestmark = pytest.mark.processes


def test_say_writes_a_file_and_leaves_no_job(home: Home) -> None:
    done = home.run(*SCRIPTED, "say", "Hello there.")
    assert (done.code, done.lines) == (0, [str(home.path / "say.wav")])
    assert json.loads(home.run("jobs", "list", "--json").out) == []


def test_a_dash_writes_wav_to_standard_output_and_nothing_else(home: Home) -> None:
    words = command((*SCRIPTED, "say", "Hello there.", "-o", "-"))
    done = subprocess.run(words, cwd=home.path, env=home.environ(), capture_output=True, check=False)
    assert done.returncode == 0
    with wave.open(io.BytesIO(done.stdout)) as audio:
        assert audio.getnframes() == round(0.06 * len("Hello there.") * audio.getframerate())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("hi", "-o", "-", "--json"), 2, "choose one"),
        (("hi", "-o", ""), 2, "is empty"),
        (("hi", "-o", "there/"), 2, "say writes one file"),
        (("...",), 1, "nothing to speak"),
    ],
)
def test_what_say_refuses(home: Home, words: tuple[str, ...], code: int, says: str) -> None:
    done = home.run(*SCRIPTED, "say", *words)
    assert done.code == code
    assert says in done.err


def test_standard_input_that_is_not_utf8_is_told_with_its_place(home: Home) -> None:
    done = home.run(*SCRIPTED, "say", "-", stdin=b"Stra\xdfe")
    assert done.code == 1
    assert "offset 4" in done.err


def test_a_standard_output_that_is_full_loses_no_audio_in_silence(home: Home) -> None:
    words = command((*SCRIPTED, "say", "H", "-o", "-"))
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, not a path of ours
        done = subprocess.run(
            words, cwd=home.path, env=home.environ(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 75
    assert b"standard output cannot be written" in done.stderr
