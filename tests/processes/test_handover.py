"""Beside a service `narrate`, `say` and `jobs` have it do their work, and look as they do without."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import pytest

from tests.processes.narration import PATIENCE_S, Task, narrate, paragraphs
from tests.processes.serving import Json, Serving, fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

SLOW = {"engine.scripted.wall_per_char_s": "0.004"}
POISON = {"engine.faults.poison": '{ xyzzy = "exit" }', "child.attempts": "1"}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(paragraphs(12), "utf-8")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def told_nothing(task: Task) -> Task:
    """A client's command line: the settings are the service's business."""
    return replace(task, sets={})


class Command:
    """One command beside a service; its standard output is read line by line."""

    def __init__(self, task: Task, *words: str, sets: Mapping[str, str] | None = None) -> None:
        self._popen = subprocess.Popen(
            replace(task, sets=sets or {}).words(*words, level="error"),
            env=task.whole_env(),
            cwd=task.text.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self._popen.pid
        self.heard: list[Json] = []

    def __enter__(self) -> "Command":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()

    def lines(self) -> Iterator[Json]:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.heard.append(fields(json.loads(line)))
            yield self.heard[-1]

    def until_segment(self, number: int = 1) -> None:
        """Read until so many segments more are spoken."""
        for line in self.lines():
            number -= line.get("method") == "job/segment"
            if not number:
                return
        raise AssertionError(f"it ended: {self.end()}")

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def said(self, wanted: str) -> str:
        """Read standard error up to a line with these words."""
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            if wanted in line.decode():
                return line.decode()
        raise AssertionError(f"not said: {wanted}")

    def end(self) -> tuple[int, str]:
        """Read to the end; return the exit code and what it said to people."""
        for _ in self.lines():
            pass
        _, err = self._popen.communicate(timeout=PATIENCE_S)
        return self._popen.returncode, err.decode()


def run(
    task: Task, *words: str, cwd: Path | None = None, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        task.words(*words, level="error"),
        env=task.whole_env(),
        cwd=cwd or task.text.parent,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )


def beside(
    task: Task, *words: str, cwd: Path | None = None, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return run(told_nothing(task), *words, cwd=cwd, stdin=stdin)


@contextmanager
def serving(task: Task) -> Generator[Serving]:
    """A service that has a child, and is ended as systemd does."""
    with Serving(task) as service:
        service.child_pid()
        yield service


def alone(tmp_path: Path, **sets: str) -> Task:
    """The same settings in a folder where no service is."""
    folder = tmp_path / "alone"
    folder.mkdir(exist_ok=True)
    task = scripted_task(folder, **sets)
    task.text.write_text(paragraphs(12), "utf-8")
    return task


def undisturbed(tmp_path: Path, **sets: str) -> str:
    task = alone(tmp_path, **sets)
    narrate(task)
    return sha256(task.output)


# ------------------------------------------------------------------ the same, with and without


def test_the_file_the_job_and_what_is_printed_are_those_of_narrate_itself(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path)
    with serving(task) as service:
        done = beside(task, "narrate", text.name, "-o", "out.wav")
        assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path / 'out.wav'}\n"), done.stderr
        (view,) = service.jobs()
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)
    again = run(replace(task), "narrate", text.name, "-o", "out.wav", "--json")
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert again.returncode == 0, again.stderr
    assert lines == [{"result": view}], (
        "what the service finished is not spoken again, and the job is the same"
    )


def test_programs_read_the_same_lines(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path)
    with serving(task), Command(task, "narrate", text.name, "-o", "out.flac", "--json") as command:
        assert command.end()[0] == 0
    other = alone(tmp_path)
    own = [
        json.loads(line)
        for line in run(other, "narrate", "text.txt", "-o", "out.flac", "--json").stdout.splitlines()
    ]
    assert plain(command.heard) == plain(own)
    assert sha256(tmp_path / "out.flac") == sha256(other.output.with_suffix(".flac"))


def plain(lines: list[Json]) -> list[object]:
    """What does not depend on the clock, the folder, or the child's age."""
    told: list[object] = []
    for line in lines:
        if "result" in line:
            told.append({k: v for k, v in fields(line["result"]).items() if k not in ("job", "outputs")})
        elif line["method"] == "job/segment":
            told.append({k: v for k, v in fields(line["params"]).items() if k != "job"})
        elif line["method"] == "progress":
            told.append([fields(line["params"])[k] for k in ("segment", "segments", "audio_seconds")])
    return told


def test_paths_count_from_where_the_command_runs_and_standard_input_is_read_there(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.md").write_text("# One\n\nThe first.", "utf-8")
    with serving(task) as service:
        done = beside(task, "narrate", "a.md", "-", "-o", "both.wav", cwd=elsewhere, stdin=b"And more.")
        assert done.returncode == 0, done.stderr
        shown = beside(task, "jobs", "show", "elsewhere/both.wav", "--json")
        verified = beside(task, "jobs", "verify", "elsewhere/both.wav")
        assert service.hang_up() == 0
    names = [one["name"] for one in json.loads(shown.stdout)["manifest"]]
    assert (names, verified.returncode) == (["a.md", "stdin"], 0)
    assert done.stdout.decode() == f"{elsewhere / 'both.wav'}\n"
    same = run(task, "narrate", "a.md", "-", "-o", "both.wav", "--json", cwd=elsewhere, stdin=b"And more.")
    assert len(same.stdout.splitlines()) == 1, "nothing is spoken again"


def test_a_text_that_fits_on_no_line_comes_through_and_leaves_nothing_behind(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **{"engine.scripted.seconds_per_char": "0.001"})
    text = ("Nobody slept on the ferry that night. " * 40 + "\n\n") * 800
    with serving(task) as service:
        done = subprocess.Popen(
            told_nothing(task).words("narrate", "-", "-o", "long.wav", "--json", level="error"),
            env=task.whole_env(),
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert done.stdin is not None
        assert done.stdout is not None
        done.stdin.write(text.encode())
        done.stdin.close()
        assert b"job/segment" in done.stdout.readline()
        assert list((task.state / "requests").iterdir()) == []
        done.send_signal(signal.SIGINT)
        done.stdout.read()
        assert done.wait(PATIENCE_S) == 4
        done.stdout.close()
        assert done.stderr is not None
        done.stderr.close()
        assert service.hang_up() == 0


def test_lines_become_files_in_a_folder_and_what_is_bad_is_listed(tmp_path: Path) -> None:
    lines = ['{"id": "a", "text": "The first."}', "{no json", '{"id": "b", "text": "Here is xyzzy."}']
    task = scripted_task(tmp_path, **POISON)
    other = alone(tmp_path, **POISON)
    for folder in (tmp_path, other.text.parent):
        (folder / "lines.jsonl").write_text("\n".join(lines), "utf-8")
    with serving(task) as service:
        done = beside(task, "narrate", "lines.jsonl", "-o", "many/", "--format", "flac")
        assert service.hang_up() == 0
    own = run(other, "narrate", "lines.jsonl", "-o", "many/", "--format", "flac")
    assert done.returncode == own.returncode == 3
    assert people(done.stderr, tmp_path) == people(own.stderr, other.text.parent)
    made = sorted((other.text.parent / "many").iterdir())
    assert [path.name for path in made] == ["a.flac", "b.flac", "results.jsonl"]
    for path in made[:2]:
        assert sha256(tmp_path / "many" / path.name) == sha256(path)
    assert done.stdout.decode().split() == [str(tmp_path / "many" / name) for name in ("a.flac", "b.flac")]


def people(err: bytes, folder: Path) -> list[str]:
    """What is said to people, but for lives and times."""
    lines = err.decode().replace(str(folder), "").splitlines()
    return [line for line in lines if not line.startswith(("{", "child ", "no NVIDIA"))]


def test_an_input_that_cannot_be_spoken_is_refused_as_without_a_service(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path)
    (tmp_path / "mute.txt").write_text("... --- ...", "utf-8")
    (tmp_path / "odd.doc").write_text("Text.", "utf-8")
    with serving(task) as service:
        for words, code, said in (
            (("gone.txt", "-o", "x.wav"), 1, "gone.txt: cannot be read"),
            (("mute.txt", "-o", "x.wav"), 1, "nothing to speak"),
            (("odd.doc", "-o", "y.wav"), 1, "of an unknown kind"),
            ((text.name, "-o", "x.mp3"), 2, "-o x.mp3: need a file that ends in .wav or .flac"),
            ((text.name, "-o", "z.wav", "--voice", "nobody"), 2, "nobody"),
        ):
            done = beside(task, "narrate", *words)
            assert (done.returncode, said in done.stderr.decode()) == (code, True), (words, done.stderr)
        assert service.hang_up() == 0


# ------------------------------------------------------------------ settings


def test_why_a_job_failed_is_told_once_and_without_what_an_earlier_text_left_behind(
    tmp_path: Path, text: Path
) -> None:
    task = scripted_task(tmp_path)
    (tmp_path / "blank.txt").write_text(" \n", "utf-8")
    with serving(task) as service:
        spoken = beside(task, "narrate", text.name, "-o", "out.wav", "--voice", "nobody")
        assert (spoken.returncode, b"segment 1 (chapter 1" in spoken.stderr) == (2, True), spoken.stderr
        blank = beside(task, "narrate", "blank.txt", "-o", "out.wav")
        assert (blank.returncode, blank.stderr.count(b"is empty")) == (1, 1), blank.stderr
        assert b"not spoken" not in blank.stderr
        assert service.hang_up() == 0


def test_a_setting_that_the_service_has_otherwise_is_refused_by_name(tmp_path: Path, text: Path) -> None:
    task = told_nothing(scripted_task(tmp_path))
    soft = {"TTS_SUPERVISOR_MEMORY__HOST__SOFT": "1GiB"}
    with serving(scripted_task(tmp_path)) as service:
        for asking, words, said in (
            (task, ("--engine", "espeak"), 'engine.name is "espeak" by --engine, there "scripted"'),
            (task, ("--cpu",), 'child.device is ["cpu"] by --cpu, there ["auto"]'),
            (
                replace(task, sets={"narration.segment_chars": "50"}),
                (),
                "narration.segment_chars is 50 by --set",
            ),
            (replace(task, env={**task.env, **soft}), (), 'memory.host.soft is "1GiB" by the environment'),
        ):
            done = run(asking, "narrate", text.name, "-o", "b.wav", *words)
            assert (done.returncode, said in done.stderr.decode()) == (2, True), done.stderr
            assert b"without a service with --state" in done.stderr
        done = run(task, "say", "Hello.", "-o", "b.wav", "--cpu")
        assert (done.returncode, b"by --cpu" in done.stderr) == (2, True)
        assert not (tmp_path / "b.wav").exists()
        assert service.hang_up() == 0


def test_the_services_own_settings_may_be_said_and_a_files_marks_are_no_reason(
    tmp_path: Path, text: Path
) -> None:
    task = scripted_task(tmp_path)
    with serving(task) as service:
        (tmp_path / "config.toml").write_text(
            '[memory.host]\nsoft = "1GiB"\n[log]\nlevel = "debug"\n', "utf-8"
        )
        done = run(task, "narrate", text.name, "-o", "out.wav", "--device", "auto")
        assert done.returncode == 0, done.stderr
        (tmp_path / "config.toml").write_text("[narration]\nsegment_chars = 50\n", "utf-8")
        done = beside(task, "narrate", text.name, "-o", "out.wav")
        assert (done.returncode, b"config.toml:2" in done.stderr) == (2, True)
        assert service.hang_up() == 0


def test_a_narration_that_owns_the_folder_is_no_service(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with Command(task, "narrate", text.name, "-o", "out.wav", "--json", sets=task.sets) as first:
        first.until_segment()
        for words in (("narrate", text.name, "-o", "other.wav"), ("say", "Hello.", "-o", "other.wav")):
            done = beside(task, *words)
            assert (done.returncode, b"in use by process" in done.stderr) == (75, True)
        first.signal(signal.SIGINT)
        assert first.end()[0] == 4


def test_a_service_is_found_wherever_its_socket_lies(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path)
    (tmp_path / "else").mkdir()
    words = task.words("serve", "--socket", "else/s.sock", level="info")
    with (tmp_path / "serve.err").open("wb") as errors:
        service = subprocess.Popen(
            words, env=task.whole_env(), cwd=tmp_path, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        try:
            assert service.stderr is not None
            for line in service.stderr:
                errors.write(line)
                if b"door.open" in line:
                    break
            done = beside(task, "narrate", text.name, "-o", "out.wav")
            assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path / 'out.wav'}\n"), done.stderr
            done = beside(task, "narrate", text.name, "-o", "b.wav", "--socket", "else/s.sock")
            assert done.returncode == 0, done.stderr
        finally:
            service.terminate()
            service.communicate()
    assert service.returncode == 0


# ------------------------------------------------------------------ what dies


def test_a_child_that_is_killed_costs_no_byte(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service, Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
        command.until_segment(3)
        os.kill(service.child_pid(), signal.SIGKILL)
        assert command.end()[0] == 0
        gone = [fields(line["params"]) for line in command.heard if line.get("method") == "child/state"]
        assert "SIGKILL" in [state.get("signal") for state in gone]
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM"])
def test_the_next_service_goes_on_and_the_command_watches_on(tmp_path: Path, text: Path, end: str) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with Serving(task) as service:
        service.child_pid()
        with Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
            command.until_segment(3)
            service.signal(getattr(signal, end))
            command.said("waiting 20 s for the next")
            service.exit_code()
            with Serving(task) as following:
                assert command.end()[0] == 0
                assert following.hang_up() == 0
        spoken = [
            fields(line["params"])["segment"] for line in command.heard if line.get("method") == "job/segment"
        ]
    assert len(spoken) == len(set(map(str, spoken))), "nothing was spoken twice"
    assert "result" in command.heard[-1]
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


def test_who_does_not_wait_for_the_next_service_is_told_that_the_work_is_safe(
    tmp_path: Path, text: Path
) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service, Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
        command.until_segment(2)
        service.kill()
        command.said("waiting 20 s for the next")
        command.signal(signal.SIGINT)
        code, err = command.end()
    assert (code, "goes on with job j" in err) == (4, True)
    assert fields(command.heard[-1]["result"])["done"] in (2, 3, 4)
    done = run(task, "narrate", text.name, "-o", "out.wav")
    assert done.returncode == 0, done.stderr
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


def test_a_command_that_is_killed_leaves_the_job_to_the_service(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service:
        with Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
            command.until_segment()
            command.signal(signal.SIGKILL)
            command.end()
        (view,) = service.jobs()
        assert service.wait_for(str(view["job"]), "done")["failed"] == 0
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


def test_a_service_that_gives_up_ends_the_command_with_the_same_code(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **{"engine.faults.faults": '["crash@1"]', "child.attempts": "1"})
    with Serving(task) as service:
        service.ask("server/discover")
        with Command(task, "narrate", text.name, "-o", "out.wav") as command:
            code, err = command.end()
        assert service.exit_code() == 78
    assert code == 78, err
    assert "waiting" not in err
    assert "faults are rehearsed" in err


# ------------------------------------------------------------------ signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_takes_the_job_back_and_the_same_command_goes_on(
    tmp_path: Path, text: Path, number: signal.Signals
) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service:
        with Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
            command.until_segment(2)
            command.signal(number)
            code, err = command.end()
        assert (code, f"stopped by {number.name}; run the same command again" in err) == (4, True), err
        stopped = fields(command.heard[-1]["result"])
        assert stopped["state"] == "cancelled"
        assert service.jobs()[0]["state"] == "cancelled"
        with Command(task, "narrate", text.name, "-o", "out.wav", "--json") as again:
            assert again.end()[0] == 0
        assert service.hang_up() == 0
    spoken = [line for line in again.heard if line.get("method") == "job/segment"]
    assert len(spoken) == int(str(stopped["segments"])) - int(str(stopped["done"]))
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


def test_who_joins_a_job_only_watches_it(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    words = ("narrate", text.name, "-o", "out.wav", "--json")
    with serving(task) as service:
        with Command(task, *words) as first:
            first.until_segment()
            other = beside(task, "narrate", text.name, "-o", "out.wav", "--seed", "7")
            assert (other.returncode, b"from another request" in other.stderr) == (1, True)
            with Command(task, *words) as second:
                second.until_segment()
                second.signal(signal.SIGINT)
                code, err = second.end()
            assert (code, "the service goes on with it" in err) == (4, True), err
            assert first.end()[0] == 0
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)


def test_forgetting_what_is_finished_speaks_all_of_it_again(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path)
    with serving(task) as service:
        for words, spoken in (((), 12), ((), 0), (("--fresh",), 12)):
            with Command(task, "narrate", text.name, "-o", "out.wav", "--json", *words) as command:
                assert command.end()[0] == 0
            heard = [line for line in command.heard if line.get("method") == "job/segment"]
            assert len(heard) == spoken
        assert service.hang_up() == 0


# ------------------------------------------------------------------ say


@pytest.mark.parametrize("name", ["say.wav", "say.flac"])
@pytest.mark.parametrize("rate", [(), ("--sample-rate", "16000")])
def test_an_utterance_is_the_very_file_of_say_itself(
    tmp_path: Path, name: str, rate: tuple[str, ...]
) -> None:
    said = "Hello there, said the fox. It is late.\n\nIt was."
    task = scripted_task(tmp_path)
    with serving(task) as service:
        done = beside(task, "say", said, "-o", name, "--seed", "3", *rate)
        assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path / name}\n"), done.stderr
        assert service.jobs() == []
        assert service.hang_up() == 0
    other = alone(tmp_path)
    assert run(other, "say", said, "-o", name, "--seed", "3", *rate).returncode == 0
    assert sha256(tmp_path / name) == sha256(other.text.parent / name)


def test_an_utterance_goes_to_standard_output_and_ahead_of_books(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service, Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
        command.until_segment()
        spoken = beside(task, "say", "-", "-o", "-", stdin=b"One more thing.")
        assert (spoken.returncode, spoken.stdout[:4]) == (0, b"RIFF"), spoken.stderr
        told = beside(task, "say", "One more thing.", "-o", "b.wav", "--json")
        result = fields(fields(json.loads(told.stdout))["result"])
        assert (result["state"], result["outputs"]) == ("done", [str(tmp_path / "b.wav")])
        assert (tmp_path / "b.wav").read_bytes() == spoken.stdout
        assert service.jobs()[0]["state"] == "running"
        command.signal(signal.SIGINT)
        assert command.end()[0] == 4


def test_what_cannot_be_said_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **POISON)
    with serving(task) as service:
        for words, code, said in (
            (("Here is xyzzy.",), 1, "says the service"),
            (("Hello.", "--voice", "nobody"), 1, "nobody"),
            (("x" * 20_001,), 1, "jobs/submit"),
            (("Hello.", "--reference", "a.wav", "--reference-text", "Hm."), 2, "voices add"),
        ):
            done = beside(task, "say", *words, "-o", "out.wav")
            assert (done.returncode, said in done.stderr.decode()) == (code, True), (words, done.stderr)
        assert [path.name for path in tmp_path.glob("*.wav*")] == []
        assert service.hang_up() == 0


# ------------------------------------------------------------------ jobs


def test_a_job_that_is_spoken_is_cancelled_and_retried_beside_the_service(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with serving(task) as service:
        with Command(task, "narrate", text.name, "-o", "out.wav", "--json") as command:
            command.until_segment(2)
            done = beside(task, "jobs", "cancel", "out.wav", "--json")
            assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "cancelled")
            code, err = command.end()
            assert (code, "was cancelled" in err) == (1, True), err
        assert beside(task, "jobs", "cancel", "out.wav").returncode == 1
        with Command(task, "jobs", "retry", "out.wav", "--json") as again:
            code, err = again.end()
        assert code == 0, err
        spoken = [line for line in again.heard if line.get("method") == "job/segment"]
        assert 0 < len(spoken) < 12
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path)
