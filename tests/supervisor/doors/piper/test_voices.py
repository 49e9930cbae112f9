"""Whom the name of a Piper model stands for."""

import pytest

from supervisor.doors.piper.voices import candidates, stem


def names(model: str | None, speaker: str | None = None, **table: str) -> list[str | None]:
    return [one.name for one in candidates(model, speaker, table)]


@pytest.mark.parametrize(
    "model",
    [
        "en_US-lessac-medium",
        "/voices/en_US-lessac-medium.onnx",
        "en_US-lessac-medium.onnx",
        "./v/en_US-lessac-medium.onnx.json",
    ],
)
def test_a_file_is_the_model_it_is_named_after(model: str) -> None:
    assert stem(model) == "en_US-lessac-medium"


def test_without_a_model_the_engine_chooses() -> None:
    assert names(None) == [None]


def test_a_model_is_a_voice_of_its_name_of_its_region_of_its_language_or_the_engines_own() -> None:
    assert names("/v/pt_BR-faber-medium.onnx") == ["pt_BR-faber-medium", "pt-br", "pt", None]
    assert names("zh_CN-huayan-x_low") == ["zh_CN-huayan-x_low", "zh-cn", "zh", None]
    assert names("mine.onnx") == ["mine", None]


@pytest.mark.parametrize("voice", ["ada", "en-us", "my-voice"])
def test_what_is_no_models_name_is_a_voice_or_nothing(voice: str) -> None:
    assert names(voice) == [voice]


def test_a_stand_in_says_why_it_is_one_and_a_voice_of_that_name_is_none() -> None:
    first, *others = candidates("en_US-lessac-medium", None, {})
    assert first.why == ""
    assert all("'en_US-lessac-medium'" in one.why for one in others)


def test_the_table_decides_before_anything_else() -> None:
    table = {"en_US-lessac-medium": "ada"}
    (only,) = candidates("/v/en_US-lessac-medium.onnx", None, table)
    assert (only.name, only.why) == ("ada", "")


def test_an_empty_voice_of_the_table_is_the_engines_own() -> None:
    assert [one.name for one in candidates("m", None, {"m": ""})] == [None]


def test_a_speaker_is_looked_up_with_its_model_then_alone_then_as_a_voice() -> None:
    both, alone = {"m#7": "ada", "7": "bob"}, {"7": "bob", "m": "eve"}
    assert [one.name for one in candidates("m", "7", both)] == ["ada", "m"]
    assert [one.name for one in candidates("m", "7", alone)] == ["bob", "eve"]
    assert names("m", "alice") == ["alice", "m"]


def test_a_number_is_no_voice_and_the_first_speaker_is_the_model_itself() -> None:
    (zero,) = candidates("m", "0", {})
    assert (zero.name, zero.why) == ("m", "")
    (other,) = candidates("m", "12", {})
    assert other.name == "m"
    assert "'12'" in other.why
