"""`voices`, with a real child each time: the engine's own, and those cloned by an engine that can."""

import hashlib
import json
import os
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.edge.statefolder import StateFolder
from tests.supervisor.cli.driver import SCRIPTED, Done, Home
from tests.tree import ROOT

pytestmark = pytest.mark.processes

#: A package beside this one that brings an engine: tests/engines/tone_cloner.
PACKAGES = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "engines")))}

Cloner = Callable[..., Done]


@pytest.fixture
def cloner(home: Home) -> Cloner:
    """Run a command with an engine that clones."""

    def run(*words: str, diary: Path | None = None) -> Done:
        sets = ["engine.name=tone-cloner"]
        if diary is not None:
            sets.append(f'engine.tone_cloner.diary="{diary}"')
        given = [word for one in sets for word in ("--set", one)]
        return home.run(*given, "--state", "state", *words, env=PACKAGES)

    return run


def record(home: Home, name: str, *, seconds: float = 1.0, level: int = 1) -> str:
    with wave.open(str(home.path / name), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(16_000)
        audio.writeframes(level.to_bytes(2, "little") * round(16_000 * seconds))
    return name


def add(cloner: Cloner, name: str, recording: str, *more: str) -> Done:
    return cloner("voices", "add", name, "--reference", recording, "--text", "It is  late, she said.", *more)


def names(done: Done) -> list[str]:
    return [voice["name"] for voice in json.loads(done.out)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_voices_come_from_a_real_child(home: Home) -> None:
    voices = json.loads(home.run("voices", "--json").out)
    assert {"en-us", "cmn"} <= {voice["name"] for voice in voices}
    keys = {"name", "language", "sample_rate", "description", "cloned"}
    assert all(voice.keys() == keys and voice["cloned"] is False for voice in voices)
    table = home.run("voices").out.splitlines()
    assert len(table) == len(voices) + 1


def test_a_voice_is_added_listed_spoken_with_and_removed(home: Home, cloner: Cloner) -> None:
    recording = record(home, "ada.wav", seconds=2.5)
    added = add(cloner, "ada", recording, "--json")
    assert added.code == 0, added.err
    (home.path / recording).unlink()
    *_, ada = json.loads(cloner("voices", "--json").out)
    assert ada == json.loads(added.out)
    assert (ada["name"], ada["cloned"], ada["seconds"], ada["sample_rate"]) == ("ada", True, 2.5, 24_000)
    assert "cloned, 2.5 s: It is late, she said." in cloner("voices").out
    for voice, output in (("ada", "ada.flac"), ("plain", "plain.flac")):
        assert cloner("say", "Hello.", "--voice", voice, "-o", output).code == 0
    assert sha256(home.path / "ada.flac") != sha256(home.path / "plain.flac")
    assert cloner("voices", "remove", "ada").code == 0
    assert names(cloner("voices", "--json")) == ["plain"]
    gone = cloner("say", "Hello.", "--voice", "ada", "-o", "b.flac")
    assert (gone.code, "no voice 'ada'" in gone.err) == (2, True)


def test_the_engine_takes_of_a_recording_what_it_needs_before_it_is_added(
    home: Home, cloner: Cloner, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    recording = record(home, "ada.wav")
    assert cloner("voices", "add", "ada", "--reference", recording, "--text", "Late.", diary=diary).code == 0
    prepared, canary = (json.loads(line) for line in diary.read_text("utf-8").splitlines())
    content = sha256(home.path / recording)
    assert prepared == ["prepared", str(tmp_path / "state" / "voices" / "ada" / f"{content}.wav"), "Late."]
    assert canary[0] == "spoken"


def test_a_recording_that_the_engine_cannot_use_is_no_voice_and_leaves_what_was_there(
    home: Home, cloner: Cloner
) -> None:
    short = record(home, "short.wav", seconds=0.001)
    refused = add(cloner, "ada", short)
    assert (refused.code, refused.out) == (1, "")
    assert "the voice ada was not added: short.wav is too short" in refused.err
    assert not list((home.path / "state" / "voices").iterdir())
    assert add(cloner, "ada", record(home, "long.wav")).code == 0
    before = cloner("voices", "--json").out
    assert add(cloner, "ada", short, "--replace").code == 1
    assert cloner("voices", "--json").out == before
    assert add(cloner, "ada", record(home, "longer.wav", seconds=2), "--replace").code == 0
    assert json.loads(cloner("voices", "--json").out)[-1]["seconds"] == 2


def test_what_cannot_be_added_says_why(home: Home, cloner: Cloner) -> None:
    recording = record(home, "ada.wav")
    assert add(cloner, "ada", recording).code == 0
    for done, code, said in (
        (add(cloner, "ada", recording), 2, "'ada' already"),
        (add(cloner, "a/b", recording), 2, "is no name for a voice"),
        (add(cloner, "plain", recording), 2, "has a voice 'plain' of its own"),
        (add(cloner, "bob", "none.wav"), 1, "none.wav cannot be read (No such file or directory)"),
        (cloner("voices", "remove", "bob"), 2, "no cloned voice 'bob'; those there are: ada"),
        (
            cloner("voices", "add", "bob", "--reference", recording, "--text", "!!!"),
            2,
            "--text '!!!': has no letter",
        ),
        (add(cloner, "bob", recording, "--engine", "espeak"), 2, "cannot clone a voice; choose one that can"),
    ):
        assert (done.code, done.out) == (code, "")
        assert said in done.err
        assert "Traceback" not in done.err
    assert names(cloner("voices", "--json")) == ["plain", "ada"]


def test_an_engine_that_clones_nothing_lists_none_and_says_where_they_are(home: Home, cloner: Cloner) -> None:
    assert add(cloner, "ada", record(home, "ada.wav")).code == 0
    listed = home.run(*SCRIPTED, "--state", "state", "voices", "--json")
    assert "ada" not in names(listed)
    assert "glm, glm-upstream): ada" in listed.err
    said = home.run(*SCRIPTED, "--state", "state", "say", "Hello.", "--voice", "ada", "-o", "a.wav")
    assert (said.code, "'ada' is a cloned voice, which --engine glm or" in said.err) == (2, True), said.err


def test_voices_come_and_go_beside_a_run(home: Home, cloner: Cloner) -> None:
    with StateFolder(home.path / "state").lock():
        assert add(cloner, "ada", record(home, "ada.wav")).code == 0
        assert names(cloner("voices", "--json")) == ["plain", "ada"]
        assert cloner("voices", "remove", "ada").code == 0
