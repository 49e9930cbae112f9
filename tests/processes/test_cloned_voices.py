"""GLM-TTS's own lines through the whole product, with an engine that clones: which recording speaks what.

The engine (tests/engines/tone_cloner) sings at a pitch that is a function of the recording's content and
text, knows a GLM line's settings, and writes down what it was told.
"""

import hashlib
import json
import os
import signal
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.processes.narration import Narration, Task, ask
from tests.tree import ROOT

# A process for each file that is delivered, and several runs: minutes where all cores are busy.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TABLE = "engine.tone_cloner"
ADA, BOB = 1, 2


def record(path: Path, who: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(16_000)
        audio.writeframes(who.to_bytes(2, "little") * 16_000)
    return path


def line(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"


def task_in(folder: Path, *lines: str, sets: dict[str, str] | None = None, output: str = "out/") -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "lines.jsonl"
    text.write_text("".join(lines), "utf-8")
    engine = {"engine.name": '"tone-cloner"', f"{TABLE}.diary": f'"{folder}/diary"'}
    env = {"PYTHONPATH": str(ROOT / "tests" / "engines")}
    return Task(
        text=text,
        output=folder / output,
        state=folder / "state",
        sets=engine | (sets or {}),
        env=env,
    )


def narrate(task: Task, *more: str, output: str = "out/") -> tuple[int, str]:
    """Run it to its end; its exit code and what it said."""
    done = ask(task, "narrate", "lines.jsonl", "-o", output, *more)
    return done.returncode, done.stderr


def spoken(task: Task) -> list[Any]:
    """What the engine was told to speak since the last look: text and settings, without canaries."""
    diary = task.text.parent / "diary"
    noted = [json.loads(one) for one in diary.read_text("utf-8").splitlines()] if diary.exists() else []
    diary.unlink(missing_ok=True)
    return [one[1:] for one in noted if one[0] == "spoken" and one[1] != "ready"]


def sha256s(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.wav"))}


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in (folder / "results.jsonl").read_text("utf-8").splitlines()]


GLM = {"prompt_text": "Ada says.", "prompt_speech": "prompt/ada.wav"}
BATCH = (
    line(uttid="u1", syn_text="One. 你好。", **GLM),
    "\n",
    line(uttid="u2", syn_text="Two.", prompt_text="Bob says.", prompt_speech="prompt/bob.wav"),
    line(prompt_text="Ada says.", prompt_audio="prompt/ada.wav", input_text="Three.", output_name="w3.wav"),
    line(uttid="u4", syn_text="Four.", sample_rate=32_000, use_kv_cache=False, phonemes=True, **GLM),
)


def batch(folder: Path, *more: str, sets: dict[str, str] | None = None) -> Task:
    for name, who in (("ada", ADA), ("bob", BOB)):
        record(folder / "prompt" / f"{name}.wav", who)
    return task_in(folder, *BATCH, *more, sets=sets)


def test_glms_lines_and_the_web_tools_run_as_they_are(tmp_path: Path) -> None:
    task = batch(tmp_path, sets={f"{TABLE}.sample_rate": "24000"})
    code, said = narrate(task)
    assert code == 0, said
    assert spoken(task) == [
        ["One. 你好。", {}],
        ["Two.", {}],
        ["Three.", {}],
        ["Four.", {"kv_cache": False, "phonemes": True, "sample_rate": 32_000}],
    ]
    there = sha256s(task.output)
    assert list(there) == ["u1.wav", "u2.wav", "u4.wav", "w3.wav"]
    rates_hz = {}
    for name in there:
        with wave.open(str(task.output / name)) as audio:
            rates_hz[name] = audio.getframerate()
    assert rates_hz == {"u1.wav": 24_000, "u2.wav": 24_000, "u4.wav": 32_000, "w3.wav": 24_000}
    assert [(one["id"], one["state"], one["sha256"]) for one in results(task.output)] == [
        (name, "done", there[f"{name.removesuffix('.wav')}.wav"]) for name in ("u1", "u2", "w3.wav", "u4")
    ]


def test_a_line_whose_recording_cannot_be_had_costs_only_itself(tmp_path: Path) -> None:
    short = tmp_path / "prompt" / "short.wav"
    task = batch(
        tmp_path,
        line(uttid="gone", syn_text="Five.", prompt_text="x", prompt_speech="prompt/gone.wav"),
        line(uttid="short", syn_text="Six.", prompt_text="x", prompt_speech=str(short)),
    )
    short.write_bytes(b"RIFF")
    code, said = narrate(task)
    assert code == 3
    assert "line 6: the recording" in said
    assert "prompt/gone.wav cannot be read (No such file or directory)" in said
    assert "is too short: 4 bytes" in said
    states = {one["id"]: (one["state"], one["error"] or "") for one in results(task.output)}
    assert {name for name, (state, _) in states.items() if state == "done"} == {"u1", "u2", "w3.wav", "u4"}
    assert "cannot be read" in states["gone"][1]
    assert states["short"][1].startswith("bad_input: ")


def test_a_voice_is_its_content_not_its_path(tmp_path: Path) -> None:
    task = batch(tmp_path)
    assert narrate(task)[0] == 0
    before = sha256s(task.output)
    assert len(spoken(task)) == 4
    # The same bytes elsewhere are the same voice: nothing is spoken again.
    (tmp_path / "prompt" / "ada.wav").rename(tmp_path / "moved.wav")
    moved = task.text.read_text("utf-8").replace("prompt/ada.wav", "moved.wav")
    task.text.write_text(moved, "utf-8")
    assert narrate(task)[0] == 0
    assert (spoken(task), sha256s(task.output)) == ([], before)
    # Other bytes under the same name are another voice.
    record(tmp_path / "moved.wav", BOB)
    assert narrate(task)[0] == 0
    assert [text for text, _ in spoken(task)] == ["One. 你好。", "Three.", "Four."]
    after = sha256s(task.output)
    assert {name for name in before if before[name] != after[name]} == {"u1.wav", "w3.wav", "u4.wav"}


def test_a_run_that_goes_on_has_its_recordings_although_they_are_gone(tmp_path: Path) -> None:
    calm = batch(tmp_path / "calm")
    assert narrate(calm)[0] == 0
    task = batch(
        tmp_path / "other", sets={"engine.faults.poison": '{ "Three" = "exit" }', "child.attempts": "1"}
    )
    assert narrate(task)[0] == 3
    for path in (tmp_path / "other" / "prompt").iterdir():
        path.unlink()
    again = task_in(tmp_path / "other", *BATCH)
    spoken(again)
    code, said = narrate(again)
    assert code == 0, said
    assert "the copy that this job has" in said
    assert [text for text, _ in spoken(again)] == ["Three."]
    assert sha256s(again.output) == sha256s(calm.output)


def test_a_job_by_a_cloned_voices_name_outlives_crashes_and_the_voice(tmp_path: Path) -> None:
    recording = record(tmp_path / "ada.wav", ADA)
    texts = [line(text=f"Number {number}.") for number in range(6)]
    calm = task_in(tmp_path / "calm", *texts)
    code, said = narrate(
        calm, "--reference", str(recording), "--reference-text", "Ada says.", output="all.wav"
    )
    assert code == 0, said
    crash = {"engine.faults.faults": '["crash@3"]', "engine.faults.poison": '{ "Number 4" = "exit" }'}
    task = task_in(tmp_path / "other", *texts, sets=crash | {"child.attempts": "2"})
    added = ask(task, "voices", "add", "ada", "--reference", str(recording), "--text", "Ada says.")
    assert added.returncode == 0, added.stderr
    assert narrate(task, "--voice", "ada", output="all.wav")[0] == 3
    assert ask(task, "voices", "remove", "ada").returncode == 0
    again = task_in(tmp_path / "other", *texts)
    spoken(again)
    code, said = narrate(again, "--voice", "ada", output="all.wav")
    assert code == 0, said
    assert "the voice ada is gone" in said
    assert [text for text, _ in spoken(again)] == ["Number 4."]
    assert sha256s(again.text.parent) == sha256s(calm.text.parent)


def test_every_life_has_the_recording_before_it_is_ready(tmp_path: Path) -> None:
    recording = record(tmp_path / "ada.wav", ADA)
    texts = [line(text=f"Number {number}.") for number in range(4)]
    task = task_in(tmp_path, *texts, sets={"engine.faults.faults": '["exit@2"]'})
    assert (
        narrate(task, "--reference", str(recording), "--reference-text", "Ada says.", output="all.wav")[0]
        == 0
    )
    noted = [json.loads(one) for one in (tmp_path / "diary").read_text("utf-8").splitlines()]
    lives = [one for one in noted if one[0] == "prepared"]
    assert len(lives) == 4  # each ends with its second segment
    copy = tmp_path / "state" / "recordings" / f"{hashlib.sha256(recording.read_bytes()).hexdigest()}.wav"
    assert {tuple(one[1:]) for one in lives} == {(str(copy), "Ada says.")}


def test_retry_speaks_with_what_was_found_and_remove_leaves_no_recording(tmp_path: Path) -> None:
    task = batch(tmp_path)
    assert narrate(task)[0] == 0
    before = sha256s(task.output)
    record(tmp_path / "prompt" / "ada.wav", BOB)
    output = f"{task.output}/"
    (tmp_path / "elsewhere").mkdir()
    elsewhere = replace(task, text=tmp_path / "elsewhere" / "any.txt")  # it runs in the folder of its text
    spoken(task)
    assert ask(elsewhere, "jobs", "retry", output).returncode == 0
    assert (spoken(task), sha256s(task.output)) == ([], before)
    kept = tmp_path / "state" / "recordings"
    assert len(list(kept.iterdir())) == 2
    assert ask(task, "jobs", "remove", output).returncode == 0
    assert list(kept.iterdir()) == []


def test_the_jobs_own_recording_that_cannot_be_used_ends_it_at_once(tmp_path: Path) -> None:
    task = task_in(tmp_path, line(text="One."))
    (tmp_path / "short.wav").write_bytes(b"RIFF")
    os.mkfifo(tmp_path / "pipe.wav")
    for recording, code, expected in (
        ("none.wav", 1, "none.wav: cannot be read"),
        ("prompt", 1, "cannot be read"),
        ("pipe.wav", 1, "pipe.wav: is no regular file"),
        ("short.wav", 2, f"tts-supervisor: {tmp_path}/short.wav is too short: 4 bytes"),
    ):
        (tmp_path / "prompt").mkdir(exist_ok=True)
        ended, said = narrate(task, "--reference", recording, "--reference-text", "x")
        assert (ended, expected in said) == (code, True), said
        assert not sha256s(task.output)


def test_two_lines_of_one_name_are_one_too_many_for_a_folder_and_none_for_a_file(tmp_path: Path) -> None:
    record(tmp_path / "prompt" / "ada.wav", ADA)
    twice = [line(uttid="u", syn_text=text, **GLM) for text in ("One.", "Two.")]
    task = task_in(tmp_path, *twice)
    code, said = narrate(task)
    assert (code, "line 2: the file name 'u' is taken by line 1" in said) == (3, True)
    assert [one["state"] for one in results(task.output)] == ["done", "failed"]
    assert narrate(task, output="all.wav")[0] == 0
    assert [text for text, _ in spoken(task)] == ["One.", "One.", "Two."]
    assert not (tmp_path / "results.jsonl").exists()


def test_results_are_written_of_a_run_that_was_stopped(tmp_path: Path) -> None:
    texts = [line(text=f"Number {number}.") for number in range(60)]
    task = task_in(tmp_path, *texts, sets={"engine.faults.slowdown": "0.0"})
    task.output.mkdir()
    with Narration(task) as run:
        assert run.until(lambda event: event.event == "segment.done") is not None
        run.signal(signal.SIGINT)
        assert run.exit_code() == 4
    states = [one["state"] for one in results(task.output)]
    assert len(states) == 60
    assert states == sorted(states)  # done, then waiting
    assert {"done", "waiting"} == set(states)


def test_a_results_file_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    task = task_in(tmp_path, line(text="One."))
    task.output.mkdir()
    (task.output / "results.jsonl").write_text('{"mine": true}\n')
    code, said = narrate(task)
    assert (code, "was not made by this program: it is left as it is" in said) == (0, True)
    assert (task.output / "results.jsonl").read_text() == '{"mine": true}\n'
