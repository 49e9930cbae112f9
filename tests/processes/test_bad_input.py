"""What is wrong with a command, its text or its disks: the exit code, what is said, and what stays.

Exit codes are those of interface §1. Whatever was finished before stays, and once the mischief is
mended the same command goes on to the same bytes as if nothing had happened.
"""

import hashlib
import json
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger
from supervisor.errors import SupervisorError
from tests.processes.narration import PATIENCE_S, Event, Narration, Task, ask, narrate, paragraphs
from tests.standin.tinydisk import resize, tiny_disk
from tests.standin.unprivileged import unprivileged

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

SETS = {"engine.name": '"scripted"'}
SEGMENTS = 8
TEXT = paragraphs(SEGMENTS)
DONE, FAILED, WRONG, CANNOT_NOW = 0, 1, 2, 75

Ran = subprocess.CompletedProcess[str]


def task_in(folder: Path, text: str = TEXT, **sets: str) -> Task:
    folder.mkdir(exist_ok=True)
    (folder / "text.txt").write_text(text, "utf-8")
    return Task(text=folder / "text.txt", output=folder / "out.wav", state=folder / "state", sets=SETS | sets)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The same text narrated where nothing is wrong; nobody changes it."""
    task = task_in(tmp_path_factory.mktemp("calm"))
    narrate(task)
    return task


def command(task: Task, *more: str) -> list[str]:
    return ["narrate", str(task.text), "-o", str(task.output), *more]


def run(task: Task, *more: str) -> Ran:
    return ask(task, *command(task, *more))


def run_unprivileged(task: Task, *more: str) -> Ran:
    return subprocess.run(
        unprivileged(task.words(*command(task, *more))),
        env=task.whole_env(),
        cwd=task.text.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def last_line(ran: Ran) -> str:
    """What the command said last, for people."""
    assert "Traceback" not in ran.stderr
    return ran.stderr.splitlines()[-1]


def finished(task: Task) -> int:
    """Segments whose audio the ledger has; 0 without a job."""
    try:
        ledger = Ledger.open(task.state, read_only=True)
    except SupervisorError:
        return 0
    with closing(ledger):
        return sum(view.done for view in ledger.views())


def spoken(narration: Narration) -> int:
    return sum(event.event == "segment.done" for event in narration.seen)


def is_done(event: Event) -> bool:
    return event.event == "segment.done"


# ------------------------------------------------------------------ configuration


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[memory.host]\nsoft = "12 parsecs"', "memory.host.soft from wrong.toml:2: need a size with a unit"),
        ('[memory.host]\nsoft = "90%"\nhard = "80%"', "memory.host.soft (90%, from wrong.toml:2) is above"),
        ("[child]\nattemts = 3", "child.attemts from wrong.toml:2: unknown key; did you mean child.attempts"),
        ("[child]\nattempts = 0", "child.attempts from wrong.toml:2: need a whole number from 1"),
        ('[engine]\nname = "nix"', "engine.name from wrong.toml:2: there is no engine 'nix'"),
        ('[engine.faults]\nfaults = ["boom@3"]', "engine.faults.faults from wrong.toml:2: need KIND@N"),
        ("[engine", "wrong.toml: is not valid TOML"),
        (None, "wrong.toml: cannot be read (No such file or directory)"),
    ],
)
def test_a_wrong_configuration_names_the_key_and_the_file_before_anything_is_made(
    tmp_path: Path, content: str | None, words: str
) -> None:
    task = replace(task_in(tmp_path), sets={})
    if content is not None:
        (tmp_path / "wrong.toml").write_text(content, "utf-8")
    ran = ask(task, "--config", "wrong.toml", *command(task))
    assert (ran.returncode, ran.stdout) == (WRONG, "")
    assert words in last_line(ran)
    assert not task.state.exists()


def test_a_voice_in_the_configuration_that_does_not_exist_is_named_by_its_key(tmp_path: Path) -> None:
    wrong = '[engine]\nname = "espeak"\n[engine.espeak]\nvoice_han = "chinesisch"'
    (tmp_path / "wrong.toml").write_text(wrong, "utf-8")
    task = replace(task_in(tmp_path), sets={})
    for words in (command(task), ("serve",)):
        ran = ask(task, "--config", "wrong.toml", *words)
        assert ran.returncode == WRONG
        said = "engine.espeak.voice_han from wrong.toml:4: eSpeak has no voice 'chinesisch'"
        assert said in last_line(ran)
        assert "tts-supervisor voices" in last_line(ran)


def test_a_python_that_is_none_of_ours_ends_in_a_crash_loop_that_says_so(tmp_path: Path) -> None:
    ran = run(task_in(tmp_path, **{"child.python": '"/bin/false"'}))
    assert ran.returncode == 78
    assert "exited with status 1" in last_line(ran)


# ------------------------------------------------------------------ texts


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.txt", b"", "is empty: nothing to speak; give it some text"),
        ("text.txt", b" \n\n\t\n", "is empty: nothing to speak; give it some text"),
        ("text.txt", "... !!! \u2014\u2014 \u3002\u3002\n".encode(), "nothing to speak in its 14 characters"),
        ("text.txt", b"abc\xff\xfe", "not UTF-8: byte 0xff at offset 3 (line 1); convert it with iconv"),
        ("text.txt", "hello".encode("utf-16"), "convert it with iconv -f UTF-16"),
        ("text.md", b"```\ncode\n```\n", "text with letters or digits outside of code and markup"),
        ("text.jsonl", b'{"text": 3}\nnothing\n', "no line of 2 can be spoken; line 1"),
        ("text.pdf", b"%PDF-1.7", "of an unknown kind; known are .txt"),
        ("missing.txt", None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_text_that_cannot_be_spoken_costs_nothing_that_was_finished(
    undisturbed: Task, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    heard = sha256(undisturbed.output)
    task = replace(undisturbed, text=tmp_path / name)
    if content is not None:
        task.text.write_bytes(content)
    ran = run(task, "--fresh")
    assert (ran.returncode, ran.stdout) == (FAILED, "")
    assert f"{task.text}: " in last_line(ran)
    assert words in last_line(ran)
    assert sha256(undisturbed.output) == heard
    assert finished(undisturbed) == SEGMENTS


def test_an_unreadable_text_is_named_with_its_mend(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    task.text.chmod(0o000)
    ran = run_unprivileged(task)
    assert ran.returncode == FAILED
    assert f"{task.text}: cannot be read (Permission denied); check the path" in last_line(ran)
    task.text.chmod(0o600)
    assert run_unprivileged(task).returncode == DONE


def test_a_line_of_a_megabyte_without_a_space_is_spoken_to_its_last_character(tmp_path: Path) -> None:
    sets = {"narration.segment_chars": "10000", "engine.scripted.seconds_per_char": "0.0002"}
    task = task_in(tmp_path, "x" * 2**20, **sets)
    ran = run(task, "--json")
    assert ran.returncode == DONE, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])["result"]
    assert result["segments"] == -(-(2**20) // 10_000)
    assert result["seconds"] == pytest.approx(2**20 * 0.0002, rel=0.001)
    verified = json.loads(ask(task, "jobs", "verify", result["job"], "--json").stdout)
    assert (verified["characters"], verified["spoken"]) == (2**20, 2**20)


# ------------------------------------------------------------------ places without permission


def test_an_output_folder_without_permission_is_refused_before_any_work(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    for output in (closed / "out.wav", closed / "new" / "out.wav"):
        ran = run_unprivileged(replace(task, output=output))
        assert ran.returncode == FAILED
        assert f"-o {output}: cannot write in {closed} (Permission denied)" in last_line(ran)
        assert "choose another output, or mend its permissions" in last_line(ran)
    assert not task.state.exists()
    closed.chmod(0o755)
    assert run_unprivileged(replace(task, output=closed / "out.wav")).returncode == DONE


def test_a_state_folder_without_permission_is_named_with_its_mend(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    task.state.mkdir(mode=0o555)
    ran = run_unprivileged(task)
    assert ran.returncode == FAILED
    assert f"cannot write in {task.state}: Permission denied; make the folder writable" in last_line(ran)
    task.state.chmod(0o755)
    assert run_unprivileged(task).returncode == DONE


def test_an_output_folder_that_goes_while_the_job_runs_costs_no_segment(
    tmp_path: Path, undisturbed: Task
) -> None:
    slow = task_in(tmp_path, **{"engine.scripted.wall_per_char_s": "0.001"})
    folder = tmp_path / "there"
    folder.mkdir()
    task = replace(slow, output=folder / "out.wav")
    with Narration(task) as narration:
        narration.until(is_done)
        folder.rmdir()
        folder.write_text("in the way")
        assert narration.exit_code() == FAILED, narration.tail()
    assert f"cannot write in {folder}" in narration.lines[-1]
    folder.unlink()
    with Narration(task) as again:
        assert again.exit_code() == DONE, again.tail()
    assert spoken(again) == 0
    assert sha256(task.output) == sha256(undisturbed.output)


# ------------------------------------------------------------------ a state folder in use


def test_a_second_command_on_a_state_folder_says_who_has_it_and_leaves_the_first_alone(
    tmp_path: Path, undisturbed: Task
) -> None:
    task = task_in(tmp_path, **{"engine.scripted.wall_per_char_s": "0.002"})
    with Narration(task) as first:
        first.until(is_done)
        second = run(replace(task, output=tmp_path / "other.wav"))
        assert second.returncode == CANNOT_NOW
        assert f"the state folder {task.state} is in use by process {first.pid}" in last_line(second)
        assert "--state" in last_line(second)
        assert ask(task, "jobs", "list").returncode == DONE
        assert first.exit_code() == DONE, first.tail()
    assert sha256(task.output) == sha256(undisturbed.output)


# ------------------------------------------------------------------ a full disk


def assert_full(ran: Ran, folder: Path) -> None:
    assert ran.returncode == CANNOT_NOW, ran.stderr
    assert f"the disk is full in {folder}" in last_line(ran)
    assert "(or send the request) again: what is finished stays" in last_line(ran)


def test_a_state_folder_that_is_full_at_any_moment_parks_the_job_and_loses_nothing(
    tmp_path: Path, undisturbed: Task
) -> None:
    # Room for ever more: not for the ledger, not for the plan, for some audio but not for its
    # record, and so on. Some steps lie within one page of the ledger, some within one segment.
    sizes_kib = [16, 132, 164, 260, 340, 348, 600, 1004, 4000]
    with tiny_disk(tmp_path / "tiny", size_bytes=sizes_kib[0] * 1024) as disk:
        task = replace(task_in(tmp_path), state=disk)
        before = 0
        for size_kib in sizes_kib[:-1]:
            resize(disk, size_bytes=size_kib * 1024)
            assert_full(run(task), disk)
            assert not task.output.exists()
            assert finished(task) >= before
            before = finished(task)
        assert before > 0
        resize(disk, size_bytes=sizes_kib[-1] * 1024)
        with Narration(task) as last:
            assert last.exit_code() == DONE, last.tail()
        assert spoken(last) == SEGMENTS - before
        assert list(disk.rglob("*.part")) == []
    assert sha256(task.output) == sha256(undisturbed.output)


def test_a_disk_that_others_fill_while_the_job_runs_parks_it(tmp_path: Path, undisturbed: Task) -> None:
    slow = {"engine.scripted.wall_per_char_s": "0.001"}
    with tiny_disk(tmp_path / "tiny", size_bytes=8 * 2**20) as disk:
        task = replace(task_in(tmp_path, **slow), state=disk)
        with Narration(task) as narration:
            narration.until(is_done)
            ballast = disk / "ballast"
            fill(ballast)
            assert narration.exit_code() == CANNOT_NOW, narration.tail()
        assert "the disk is full in" in narration.lines[-1]
        kept = finished(task)
        assert kept >= 1
        ballast.unlink()
        with Narration(task) as again:
            assert again.exit_code() == DONE, again.tail()
        assert spoken(again) == SEGMENTS - kept
    assert sha256(task.output) == sha256(undisturbed.output)


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file:
        for step_bytes in (2**16, 2**12):
            try:
                while True:
                    file.write(bytes(step_bytes))
            except OSError:
                continue


def test_an_output_folder_that_is_full_loses_neither_segments_nor_the_file_before(
    tmp_path: Path, undisturbed: Task
) -> None:
    with tiny_disk(tmp_path / "tiny", size_bytes=256 * 1024) as disk:
        task = replace(task_in(tmp_path), output=disk / "out.wav")
        task.output.write_bytes(b"what stood here before")
        assert_full(run(task), disk)
        assert [path.name for path in disk.iterdir()] == ["out.wav"]
        assert task.output.read_bytes() == b"what stood here before"
        assert finished(task) == SEGMENTS
        resize(disk, size_bytes=8 * 2**20)
        with Narration(task) as again:
            assert again.exit_code() == DONE, again.tail()
        assert spoken(again) == 0
        assert sha256(task.output) == sha256(undisturbed.output)


def test_a_folder_of_files_that_is_full_keeps_the_files_that_were_finished(tmp_path: Path) -> None:
    text = "".join(f"# Chapter {number}\n\nThis is its only sentence.\n\n" for number in range(4))
    with tiny_disk(tmp_path / "tiny", size_bytes=300 * 1024) as disk:
        task = task_in(tmp_path)
        task = replace(task, text=tmp_path / "book.md", output=disk)
        task.text.write_text(text, "utf-8")
        assert_full(run(task), disk)
        first = sorted(disk.iterdir())
        assert 1 <= len(first) < 4
        heard = [sha256(path) for path in first]
        resize(disk, size_bytes=8 * 2**20)
        assert run(task).returncode == DONE
        assert len(list(disk.iterdir())) == 4
        assert [sha256(path) for path in first] == heard
