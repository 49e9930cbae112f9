"""Whether a job must be planned before its first child is told whom it speaks with."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from supervisor.config import Config, load_config
from supervisor.edge.ledger import Ledger
from supervisor.edge.voices import VoiceShelf
from supervisor.loop.requests import JobRequest
from supervisor.loop.voicing import in_the_users_words, is_cloned, told_of, with_a_word_on_cloning
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.messages import Reference
from tests.standin.jobs import plan_of, spec_for

ADA = VoiceSpec(reference_path="recordings/ab.wav", reference_text="Hi.", reference_sha256="ab", origin="ada")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as opened:
        yield opened


def config(engine: str = "tone-cloner") -> Config:
    return load_config(sets=[f"engine.name={engine}"], environ={})


def request(**voice: str) -> JobRequest:
    return JobRequest(
        output="/out/a.wav", format="wav", sample_rate_hz=None, voice=VoiceSpec(**voice), seed=0, inputs=[]
    )


def test_a_recording_and_a_cloned_voice_are_cloned_and_a_voice_of_the_engines_is_not(
    ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_text("somebody")
    shelf = VoiceShelf(tmp_path)
    with shelf.adding("ada", str(tmp_path / "a.wav"), "Hi.") as voice:
        shelf.put(voice, replace=False)
    assert is_cloned(config(), ledger, request(name="ada"))
    assert is_cloned(config(), ledger, request(reference_path="/a.wav", reference_text="Hi."))
    assert not is_cloned(config(), ledger, request(name="plain"))
    assert not is_cloned(config(), ledger, request())
    assert not is_cloned(config("scripted"), ledger, request(name="ada"))


def test_a_voice_that_an_earlier_run_cloned_is_cloned_although_it_is_gone(ledger: Ledger) -> None:
    spec = msgspec.structs.replace(spec_for("/out/a.wav"), voice=ADA)
    ledger.save_plan(spec, plan_of(["One."]))
    assert is_cloned(config(), ledger, request(name="ada"))
    assert not is_cloned(config(), ledger, request(name="bob"))


def test_a_child_is_told_of_a_recording_only_once_it_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    asked = request(reference_path="/a.wav", reference_text="Hi.")
    assert told_of(ledger, asked, is_planned=False) == (None, None)
    assert told_of(ledger, request(name="plain"), is_planned=False) == ("plain", None)
    ledger.save_plan(msgspec.structs.replace(spec_for("/out/a.wav"), voice=ADA), plan_of(["One."]))
    kept = Reference(path=f"{tmp_path}/recordings/ab.wav", text="Hi.", called="ada")
    assert told_of(ledger, asked, is_planned=True) == (None, kept)


def test_what_is_said_of_a_copy_is_said_of_what_the_user_named(ledger: Ledger, tmp_path: Path) -> None:
    spec = msgspec.structs.replace(spec_for("/out/a.wav"), voice=ADA)
    said = f"{tmp_path}/recordings/ab.wav: 0.2 s are too short"
    assert in_the_users_words(ledger, spec.job, said) == said
    ledger.save_plan(spec, plan_of(["One."]))
    assert in_the_users_words(ledger, spec.job, said) == "ada: 0.2 s are too short"
    ledger.save_plan(spec_for("/out/a.wav"), plan_of(["One."]))
    assert in_the_users_words(ledger, spec.job, said) == said


def test_a_plain_engine_that_lacks_a_cloned_voice_is_told_who_speaks_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("somebody")
    shelf = VoiceShelf(tmp_path)
    with shelf.adding("ada", str(tmp_path / "a.wav"), "Hi.") as voice:
        shelf.put(voice, replace=False)
    said = "eSpeak has no voice 'ada'; `tts-supervisor voices` lists them"
    told = with_a_word_on_cloning("espeak", tmp_path, said)
    assert told == f"{said}; 'ada' is a cloned voice, which --engine glm or glm-upstream speaks"
    for other, text in (
        ("espeak", "eSpeak has no voice 'bob'"),
        ("espeak", "the disk is full"),
        ("tone-cloner", said),
    ):
        assert with_a_word_on_cloning(other, tmp_path, text) == text
