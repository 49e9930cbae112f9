import pytest

from supervisor.cli.parser import Arguments, parse
from supervisor.errors import UsageError


def said(*words: str) -> Arguments:
    return parse(words)


def test_what_is_not_said_is_not_there() -> None:
    for words in (("voices",), ("voices", "remove", "ada"), ("say", "Hi."), ("status",)):
        args = said(*words)
        assert (args.json, args.engine, args.device, args.cpu) == (False, None, None, False)


def test_an_option_before_an_action_counts_as_one_behind_it() -> None:
    for words in (
        ("voices", "--json", "--engine", "e", "--cpu", "add", "ada", "--reference", "a", "--text", "t"),
        ("voices", "add", "ada", "--reference", "a", "--text", "t", "--json", "--engine", "e", "--cpu"),
    ):
        args = said(*words)
        assert (args.change, args.name, args.reference, args.text) == ("add", "ada", "a", "t")
        assert (args.json, args.engine, args.cpu, args.replace) == (True, "e", True, False)
    assert said("voices").change is None


@pytest.mark.parametrize(
    "words",
    [
        ("voices", "--cpu", "--device", "cpu"),
        ("voices", "add", "ada", "--reference", "a"),
        ("voices", "add", "ada", "--text", "a"),
        ("voices", "add", "--reference", "a", "--text", "t"),
        ("voices", "remove"),
        ("say", "Hi.", "--device", "cpu", "--cpu"),
    ],
)
def test_what_contradicts_itself_or_lacks_a_half_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        said(*words)
