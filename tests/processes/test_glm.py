"""GLM-TTS through the whole product: a small checkpoint in the released layout, real processes and kills."""

import hashlib
import json
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.processes.chaos import Chaos
from tests.processes.narration import Task, ask, narrate, tell

# Each run starts an interpreter with torch in it, and speaks for a while.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

SENTENCES = (
    "The ferry leaves at ten.",
    "It was late, and nobody had come.",
    "我最爱吃人参果，你喜欢吃吗？",
    "One by one the lamps went out.",
    "老街的房屋参差错落。",
)

DISTURBED = {
    "child.stall_s": "8",
    "child.term_grace_s": "0.3",
    "child.attempts": "1000",
    "child.max_segments": "4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A small model and two recordings."""

    checkpoint: Path
    configs: Path
    voices: tuple[Path, Path]
    cache: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path, text_cache: Path) -> Files:
    from tests.tts_core.small_checkpoint import (  # noqa: PLC0415 -- torch takes seconds
        make_small_checkpoint,
        make_small_configs,
        write_recording,
    )

    assert text_cache.is_relative_to(engine_cache)
    folder = tmp_path_factory.mktemp("glm")
    return Files(
        checkpoint=make_small_checkpoint(folder / "ckpt", seed=0),
        configs=make_small_configs(folder / "configs"),
        voices=(
            write_recording(folder / "ada.wav", seed=0),
            write_recording(folder / "bob.wav", seed=1),
        ),
        cache=engine_cache,
    )


def task_in(folder: Path, files: Files, *, lines: int, sentences: int, sets: dict[str, str]) -> Task:
    """A JSONL in GLM-TTS's own form: each line another voice, every second pair at the other rate."""
    folder.mkdir()
    text = folder / "lines.jsonl"
    with text.open("w", encoding="utf-8") as out:
        for number in range(lines):
            spoken = [f"{SENTENCES[(number + at) % len(SENTENCES)]}" for at in range(sentences)]
            line = {
                "uttid": f"line{number:03}",
                "prompt_text": "Hello there.",
                "prompt_speech": str(files.voices[number % 2]),
                "syn_text": " ".join([f"Number {number}.", *spoken]),
                "sample_rate": 32_000 if number // 2 % 2 else 24_000,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    glm = {
        "engine.name": '"glm"',
        "engine.glm.checkpoint": f'"{files.checkpoint}"',
        "engine.glm.configs": f'"{files.configs}"',
        "child.device": '"cpu"',
        "narration.segment_chars": "40",
    }
    env = {"XDG_CACHE_HOME": str(files.cache)}
    return Task(text=text, output=folder / "out/", state=folder / "state", sets=glm | sets, env=env)


def digests(task: Task) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(task.output.glob("*.wav"))
    }


def job_of(task: Task) -> dict[str, object]:
    (job,) = json.loads(ask(task, "jobs", "list", "--json").stdout)
    return job


def calm_and_wild(  # noqa: PLR0913 -- what differs between the short and the long form
    tmp_path: Path, files: Files, *, lines: int, sentences: int, strikes: int, sets: dict[str, str]
) -> None:
    calm = task_in(tmp_path / "calm", files, lines=lines, sentences=sentences, sets=sets)
    calm = replace(calm, output=folder_of(calm))
    narrate(calm, limit_s=1800.0)
    wild = task_in(tmp_path / "wild", files, lines=lines, sentences=sentences, sets=sets | DISTURBED)
    wild = replace(wild, output=folder_of(wild))
    tally = Chaos(wild, seed=strikes, strikes=strikes, kills=2).run()
    assert len(digests(calm)) == lines
    assert digests(wild) == digests(calm)
    job = job_of(wild)
    tell(f"{job['segments']} segments, strikes {dict(tally.signals())}, {tally.lives} lives: the same bytes")
    assert (job["state"], job["failed"]) == ("done", 0)
    assert sum(tally.child.values()) == strikes


def folder_of(task: Task) -> Path:
    """The output folder, made: a path has no slash at its end to say that it is one."""
    task.output.mkdir(parents=True, exist_ok=True)
    return task.output


def rates(task: Task) -> list[int]:
    found: list[int] = []
    for path in sorted(task.output.glob("*.wav")):
        with wave.open(str(path)) as file:
            found.append(file.getframerate())
    return found


def test_two_voices_at_two_rates_and_a_child_that_is_struck_give_the_same_bytes(
    tmp_path: Path, files: Files
) -> None:
    calm_and_wild(tmp_path, files, lines=8, sentences=3, strikes=6, sets={})


def test_with_a_history_too(tmp_path: Path, files: Files) -> None:
    sets = {"engine.glm.history": "true"}
    calm_and_wild(tmp_path, files, lines=10, sentences=4, strikes=5, sets=sets)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("history", ["false", "true"])
def test_three_hundred_segments_and_thirty_kills(tmp_path: Path, files: Files, history: str) -> None:
    sets = {"engine.glm.history": history}
    calm_and_wild(tmp_path, files, lines=60, sentences=6, strikes=30, sets=sets)


def test_each_line_has_the_rate_that_it_asks_for(tmp_path: Path, files: Files) -> None:
    task = task_in(tmp_path / "rates", files, lines=4, sentences=1, sets={})
    task = replace(task, output=folder_of(task))
    narrate(task, limit_s=200.0)
    assert rates(task) == [24_000, 24_000, 32_000, 32_000]
