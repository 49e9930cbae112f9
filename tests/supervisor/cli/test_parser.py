import pytest

from supervisor.cli.argtypes import MAX_SEED
from supervisor.cli.parser import make_parser, parse
from supervisor.errors import UsageError
from supervisor.narration import plan


def test_the_greatest_seed_is_the_plans() -> None:
    assert plan.MAX_SEED == MAX_SEED
    args = parse(["narrate", "a.txt", "-o", "a.wav", "--seed", str(MAX_SEED)])
    assert args.seed == MAX_SEED


def test_global_options_stand_before_the_command() -> None:
    args = parse(["--set", "a.b=1", "--set", "c.d=2", "--state", "s", "-v", "say", "hi"])
    assert (args.sets, str(args.state), args.verbose, args.command) == (["a.b=1", "c.d=2"], "s", True, "say")
    with pytest.raises(UsageError, match="--state"):
        parse(["say", "hi", "--state", "s"])


def test_no_option_may_be_abbreviated_so_that_a_new_one_changes_no_script() -> None:
    with pytest.raises(UsageError, match="tts-supervisor --help"):
        parse(["narrate", "a.txt", "-o", "a.wav", "--fre"])


def test_every_command_of_this_version_is_there() -> None:
    shown = make_parser().format_help()
    for command in ("narrate", "plan", "say", "jobs", "voices", "doctor", "demo"):
        assert f"\n    {command} " in shown


@pytest.mark.parametrize(
    "words",
    [
        ["narrate", "a.txt", "-o", ""],
        ["narrate", "a.txt", "-o", " "],
        ["narrate", "", "-o", "a.wav"],
        ["say", "hi", "-o", ""],
        ["say", "hi", "--voice", ""],
        ["say", "hi", "--engine="],
        ["say", "hi", "--device", ""],
        ["--config", "", "voices"],
        ["--state", "", "voices"],
        ["jobs", "show", ""],
        ["jobs", "remove", ""],
    ],
)
def test_an_empty_word_is_what_an_unset_variable_left(words: list[str]) -> None:
    with pytest.raises(UsageError, match="is empty; give a value"):
        parse(words)
