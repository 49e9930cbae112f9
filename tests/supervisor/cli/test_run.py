import subprocess

import pytest

from tests.supervisor.cli.driver import SCRIPTED, Home, command

pytestmark = pytest.mark.processes


def test_a_configuration_error_is_exit_2_and_names_key_and_origin(home: Home) -> None:
    home.write("config.toml", "[child]\nattemps = 3\n")
    done = home.run("voices")
    assert done.code == 2
    assert "child.attemps from config.toml:2: unknown key; did you mean child.attempts?" in done.err


def test_usage_errors_are_exit_2(home: Home) -> None:
    assert home.run("nonesuch").code == 2
    assert home.run("narrate").code == 2
    assert home.run().code == 2


def test_output_into_a_pipe_whose_reader_left_is_no_error(home: Home) -> None:
    words = command((*SCRIPTED, "voices"))
    process = subprocess.Popen(
        words, cwd=home.path, env=home.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


def test_closed_standard_streams_do_not_stop_a_narration(home: Home) -> None:
    home.write("t.txt", "Hello there.")
    line = f"{' '.join(command((*SCRIPTED, 'narrate', 't.txt', '-o', 't.wav')))} <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", line], cwd=home.path, env=home.environ(), check=False)
    assert done.returncode == 0
    assert (home.path / "t.wav").exists()


def test_a_name_that_is_no_utf8_is_refused_before_any_work(home: Home) -> None:
    home.write("t.txt", "Hello there.")
    words = [*map(str.encode, command((*SCRIPTED, "narrate", "t.txt", "-o"))), b"caf\xe9.wav"]
    done = subprocess.run(words, cwd=home.path, env=home.environ(), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr
    assert {path.name for path in home.path.iterdir()} == {"t.txt"}


def test_usage_errors_have_their_line_where_json_is_among_the_words(home: Home) -> None:
    for words in (("jobs", "--json"), ("narrate", "x", "-o", "", "--json"), ("nonesuch", "--json")):
        done = home.run(*words)
        assert (done.code, len(done.lines)) == (2, 1)
        assert done.last_json["error"]["exit_code"] == 2
        assert done.last_json["error"]["message"] in done.err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("say", "--help"), ("jobs", "list", "--json"), ("plan", "t.txt")]
)
def test_a_standard_output_that_cannot_be_written_is_named(
    home: Home, words: tuple[str, ...], unbuffered: str
) -> None:
    home.write("t.txt", "Hello there.")
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, not a path of ours
        done = subprocess.run(
            command(words),
            cwd=home.path,
            env=home.environ(PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode in (1, 75)
    assert done.stderr.startswith(b"tts-supervisor: standard output cannot be written (No space left")
    assert done.stderr.count(b"\n") == 1


def test_a_current_folder_that_is_gone_is_told(home: Home) -> None:
    gone = home.path / "gone"
    gone.mkdir()
    line = f"rmdir {gone}; {' '.join(command(('jobs', 'list')))}"
    done = subprocess.run(
        ["sh", "-c", line], cwd=gone, env=home.environ(PYTHONSAFEPATH="1"), capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"the current folder is gone" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("jobs", "show", "jabcdef"),
        ("voices",),
        ("say", "hi"),
        ("narrate", "t.txt", "-o", "t.wav"),
    ],
)
def test_a_state_folder_that_is_a_file_is_refused_by_all(home: Home, words: tuple[str, ...]) -> None:
    home.write("t.txt", "Hello there.")
    for state in ("t.txt", "t.txt/below"):
        done = home.run(*SCRIPTED, "--state", state, *words)
        assert (done.code, done.out) == (2, "")
        assert f"{home.path}/t.txt is a file, not a folder; choose another with --state" in done.err
