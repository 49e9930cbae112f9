"""The options of `voices`."""

import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError


def test_without_an_action_voices_are_listed() -> None:
    args = parse(["voices", "--engine", "scripted", "--json"])
    assert (args.command, args.change, args.engine, args.json) == ("voices", None, "scripted", True)


@pytest.mark.parametrize("option", ["--text", "--reference-text"])
def test_a_voice_is_added_with_its_recording_and_its_words(option: str) -> None:
    args = parse(["voices", "add", "ada", "--reference", "a.wav", option, "Hello.", "--replace"])
    assert (args.change, args.name, args.reference, args.text) == ("add", "ada", "a.wav", "Hello.")
    assert args.replace is True


def test_a_voice_is_removed_by_its_name() -> None:
    assert (parse(["voices", "remove", "ada"]).change, parse(["voices", "remove", "ada"]).name) == (
        "remove",
        "ada",
    )


@pytest.mark.parametrize(
    "words", [["add", "ada"], ["add", "ada", "--reference", "a.wav"], ["remove"], ["rename"]]
)
def test_half_of_it_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(["voices", *words])
