"""What a command was told and a service does otherwise is named; the rest is the service's business."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from supervisor.cli.agreement import differences, must_agree, with_their_engine
from supervisor.config import Given, Loaded, load, read, shipped_file
from supervisor.config.reload import values_of
from supervisor.errors import UsageError


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is found that nobody named."""
    monkeypatch.chdir(tmp_path)


def loaded(
    *sets: str, file: str = "", options: tuple[Given, ...] = (), folder: Path | None = None, **env: str
) -> Loaded:
    path = None
    if folder is not None:
        path = folder / "own.toml"
        path.write_text(file, "utf-8")
    return load(read(file=path, sets=sets, options=options, environ=env))


def theirs(*sets: str) -> Mapping[str, str]:
    return values_of(loaded(*sets).config)


def test_who_says_nothing_agrees_with_everything() -> None:
    assert list(differences(loaded(), theirs("engine.name=scripted", "narration.segment_chars=50"))) == []


def test_what_is_said_and_is_so_agrees() -> None:
    said = loaded("engine.name=scripted", "child.attempts=5", TTS_SUPERVISOR_MEMORY__POLL_S="0.2")
    held = theirs("engine.name=scripted", "child.attempts=5", "memory.poll_s=0.2")
    assert list(differences(said, held)) == []


def test_each_key_that_is_otherwise_is_named_with_both_values() -> None:
    said = loaded("child.attempts=5", TTS_SUPERVISOR_MEMORY__POLL_S="0.2")
    assert sorted(differences(said, theirs())) == [
        "child.attempts is 5 by --set child.attempts=5, there 3",
        "memory.poll_s is 0.2 by the environment variable TTS_SUPERVISOR_MEMORY__POLL_S, there 0.5",
    ]


def test_of_another_engine_its_name_says_enough() -> None:
    engine = Given(key="engine.name", value="scripted", origin="--engine")
    said = loaded("engine.scripted.load_s=1", options=(engine,))
    assert list(differences(said, theirs())) == ['engine.name is "scripted" by --engine, there "espeak"']
    unsaid = loaded("engine.espeak.pitch=60")
    assert [one.split(" is ")[0] for one in differences(unsaid, theirs("engine.name=scripted"))] == [
        "engine.espeak.pitch"
    ]


def test_of_a_file_what_is_heard_counts_and_the_log_is_ones_own(tmp_path: Path) -> None:
    file = '[memory]\npoll_s = 0.2\n[log]\nlevel = "debug"\n[narration]\nsegment_chars = 50\n'
    said = loaded("log.format=json", file=file, folder=tmp_path)
    assert list(differences(said, theirs())) == [
        f"narration.segment_chars is 50 by {tmp_path}/own.toml:6, there 200"
    ]


def test_what_doors_and_pipers_voices_are_is_no_matter_of_speech() -> None:
    said = loaded('piper.voices={ "a" = "b" }', "wyoming.connections=3", TTS_SUPERVISOR_HTTP__API_KEY="key")
    assert list(differences(said, theirs())) == []


def test_a_file_with_every_default_says_nothing(tmp_path: Path) -> None:
    said = loaded(file=shipped_file().read_text("utf-8"), folder=tmp_path)
    assert list(differences(said, theirs("engine.name=scripted", "narration.segment_chars=50"))) == []


def test_the_refusal_names_who_and_the_mend() -> None:
    with pytest.raises(UsageError, match=r"the service .*process 7\) does the work.*child.attempts.*--state"):
        must_agree(loaded("child.attempts=5"), theirs(), "the service (process 7)")
    must_agree(loaded(), theirs(), "the service (process 7)")


def test_what_an_engine_can_do_is_asked_of_theirs() -> None:
    assert with_their_engine(loaded().config, theirs("engine.name=scripted")).engine.name == "scripted"
    assert with_their_engine(loaded().config, {}).engine.name == "espeak"
