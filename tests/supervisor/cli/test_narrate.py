import json
import signal
import wave
from typing import Any

import pytest

from tests.supervisor.cli.driver import SCRIPTED, Home

pytestmark = pytest.mark.processes

TEXT = "The first sentence stands here. 第二句在这里。\n\nA second paragraph.\n"


def test_the_finished_path_alone_is_on_standard_output(home: Home) -> None:
    home.write("book.txt", TEXT)
    done = home.run(*SCRIPTED, "narrate", "book.txt", "-o", "book.wav")
    assert (done.code, done.lines) == (0, [str(home.path / "book.wav")])
    with wave.open(str(home.path / "book.wav")) as audio:
        assert audio.getnframes() > 0


def test_a_folder_gets_a_file_per_chapter(home: Home) -> None:
    home.write("book.md", "# One\n\nHello there.\n\n# Two\n\nGood bye.\n")
    done = home.run(*SCRIPTED, "narrate", "book.md", "-o", "out/", "--format", "flac")
    assert done.code == 0
    assert len(done.lines) == 2
    assert all(line.startswith(f"{home.path}/out/") and line.endswith(".flac") for line in done.lines)


def test_a_folder_that_exists_needs_no_slash(home: Home) -> None:
    home.write("book.txt", TEXT)
    (home.path / "there").mkdir()
    done = home.run(*SCRIPTED, "narrate", "book.txt", "-o", "there")
    assert done.code == 0
    assert done.lines[0].startswith(f"{home.path}/there/")


def test_several_inputs_are_chapters_and_a_dash_is_standard_input(home: Home) -> None:
    home.write("one.txt", "One.")
    words = ("narrate", "one.txt", "-", "-o", "out.wav", "--json")
    done = home.run(*SCRIPTED, *words, stdin="Zwei — 二。".encode())
    assert done.code == 0
    result = done.last_json["result"]
    assert (result["segments"], result["done"]) == (2, 2)


def test_json_is_all_there_is_on_standard_output(home: Home) -> None:
    home.write("book.txt", TEXT)
    done = home.run(*SCRIPTED, "narrate", "book.txt", "-o", "book.wav", "--json")
    *events, last = [json.loads(line) for line in done.lines]
    assert {event["jsonrpc"] for event in events} == {"2.0"}
    assert {event["method"] for event in events} == {"progress", "job/segment", "child/state"}
    assert last["result"]["state"] == "done"
    assert last["result"]["outputs"] == [str(home.path / "book.wav")]
    segment = next(event["params"] for event in events if event["method"] == "job/segment")
    assert segment.keys() == {"job", "segment", "seconds", "sha256", "attempts"}
    progress = next(event["params"] for event in events if event["method"] == "progress")
    assert progress.keys() == {"job", "segment", "segments", "audio_seconds", "wall_seconds", "eta_seconds"}


def test_a_poisoned_segment_is_exit_3_with_its_reason_and_the_same_command_mends_it(home: Home) -> None:
    home.write("book.txt", "All is well.\n\nHere is xyzzy now.\n\nAll is well again.\n")
    poisoned = ("--set", 'engine.faults.poison={xyzzy="exit"}', "--set", "child.attempts=1")
    done = home.run(*SCRIPTED, *poisoned, "narrate", "book.txt", "-o", "book.wav")
    assert done.code == 3
    assert "Here is xyzzy now." in done.err
    assert "run the same command again" in done.err
    assert done.lines == [str(home.path / "book.wav")]
    again = home.run(*SCRIPTED, "narrate", "book.txt", "-o", "book.wav", "--json")
    events = [json.loads(line) for line in again.lines]
    spoken = [event["params"]["segment"] for event in events if event.get("method") == "job/segment"]
    assert (again.code, spoken) == (0, [1])


def test_faults_are_named_in_every_line_of_the_log(home: Home) -> None:
    home.write("book.txt", TEXT)
    leak = ("--set", 'engine.faults.leak_bytes="1MiB"', "--log-format", "json", "--set", "log.level=info")
    done = home.run(*SCRIPTED, *leak, "narrate", "book.txt", "-o", "book.wav", "--json")
    logged = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert logged
    assert {line["faults"] for line in logged} == {"leak_bytes=1048576"}


def test_nothing_of_a_text_is_logged_above_debug(home: Home) -> None:
    home.write("book.txt", "Rosebud is the word.")
    level = ("--log-format", "json", "--set", "log.level=info")
    done = home.run(*SCRIPTED, *level, "narrate", "book.txt", "-o", "book.wav", "--json")
    assert done.err
    assert "Rosebud" not in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("none.txt", "-o", "x.wav"), 1, "none.txt: cannot be read"),
        (("book.txt", "-o", "x.mp3"), 2, "-o x.mp3: need a file that ends in .wav or .flac"),
        (("book.txt", "-o", "x.wav", "--format", "flac"), 2, "leave --format out"),
        (("book.txt", "-o", "/proc/x.wav"), 1, "cannot write in /proc"),
        (("book.txt", "-o", ""), 2, "is empty"),
        (("book.txt", "-o", "book.txt/x.wav"), 1, "is no folder"),
        (("book.txt",), 2, "-o"),
        (("book.txt", "-o", "x.wav", "--reference", "a.wav"), 2, "come together"),
        (("book.txt", "-o", "x.wav", "--reference", "a.wav", "--reference-text", "a"), 2, "cannot clone"),
        (("book.txt", "-o", "x.wav", "--engine", "glm"), 2, "engine.glm.checkpoint is not set"),
        (("book.txt", "-o", "x.wav", "--seed", "-1"), 2, "--seed"),
        (("book.txt", "-o", "x.wav", "--device", "tpu"), 2, "child.device from --device"),
        (("book.txt", "-o", "x.wav", "--sample-rate", "7"), 2, "--sample-rate"),
        (("empty.txt", "-o", "x.wav"), 1, "empty"),
        (("dots.txt", "-o", "x.wav"), 1, "nothing to speak"),
        (("latin1.txt", "-o", "x.wav"), 1, "not UTF-8"),
        (("book.pdf", "-o", "x.wav"), 1, "unknown kind"),
        (("-", "-", "-o", "x.wav"), 2, "only once"),
    ],
)
def test_what_is_wrong_has_its_exit_code_and_says_what_to_do(
    home: Home, words: tuple[str, ...], code: int, says: str
) -> None:
    for name, text in (
        ("book.txt", TEXT),
        ("book.pdf", TEXT),
        ("empty.txt", ""),
        ("dots.txt", "... !!! ---\n"),
    ):
        home.write(name, text)
    (home.path / "latin1.txt").write_bytes("Stra\u00dfe".encode("latin-1"))
    done = home.run(*SCRIPTED, "narrate", *words)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "Traceback" not in done.err
    assert not (home.path / "x.wav").exists()


def test_an_error_in_json_is_the_last_line(home: Home) -> None:
    done = home.run(*SCRIPTED, "narrate", "none.txt", "-o", "x.wav", "--json")
    error = done.last_json["error"]
    assert error["exit_code"] == done.code == 1
    assert "none.txt" in error["message"]


def test_an_interrupt_finishes_the_segment_and_the_same_command_goes_on(home: Home) -> None:
    home.write("book.txt", "\n\n".join(f"Paragraph number {number}." for number in range(40)))
    slow = (*SCRIPTED, "--set", "engine.scripted.wall_per_char_s=0.01")
    words = ("narrate", "book.txt", "-o", "book.wav", "--json")
    process = home.start(*slow, *words)
    assert process.stdout is not None
    spoken, event = 0, dict[str, Any]()
    for line in process.stdout:
        event = json.loads(line)
        if event.get("method") == "job/segment":
            spoken += 1
            if spoken == 2:
                process.send_signal(signal.SIGINT)
    assert (process.wait(), event["result"]["state"]) == (4, "parked")
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    again = home.run(*SCRIPTED, *words)
    events = [json.loads(line) for line in again.lines]
    rest = [event["params"]["segment"] for event in events if event.get("method") == "job/segment"]
    assert again.code == 0
    assert rest[0] == spoken
    assert rest == list(range(spoken, 40))


def test_a_state_folder_has_one_owner(home: Home) -> None:
    home.write("book.txt", "One. " * 400)
    slow = (*SCRIPTED, "--set", "engine.scripted.wall_per_char_s=1")
    first = home.start(*slow, "narrate", "book.txt", "-o", "one.wav", "--json")
    assert first.stdout is not None
    first.stdout.readline()
    second = home.run(*SCRIPTED, "narrate", "book.txt", "-o", "two.wav")
    assert second.code == 75
    assert str(first.pid) in second.err
    cancel = home.run("jobs", "cancel", "one.wav")
    assert cancel.code == 75
    assert str(first.pid) in cancel.err
    first.kill()
    first.communicate()


def test_a_reader_that_leaves_does_not_end_the_job(home: Home) -> None:
    home.write("book.txt", TEXT)
    process = home.start(*SCRIPTED, "narrate", "book.txt", "-o", "book.wav", "--json")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in err
    assert (home.path / "book.wav").exists()


def test_a_strange_file_is_replaced_but_not_without_a_word(home: Home) -> None:
    home.write("book.txt", TEXT)
    home.write("book.wav", "somebody else's")
    words = (*SCRIPTED, "narrate", "book.txt", "-o", "book.wav")
    done = home.run(*words)
    warning = f"warning: {home.path}/book.wav exists and will be replaced when the narration is complete\n"
    assert (done.code, done.err.count(warning)) == (0, 1)
    assert done.err.index(warning) < done.err.index("planning")
    # Now it is the job's own.
    assert "will be replaced" not in home.run(*words).err
