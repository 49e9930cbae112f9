import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError


def test_a_file_may_be_named_to_be_looked_at() -> None:
    args = parse(["config", "check", "a.toml", "--json"])
    assert (args.command, args.looking, str(args.file), args.json) == ("config", "check", "a.toml", True)
    assert parse(["config", "check"]).file is None


def test_what_holds_is_asked_for_without_a_file() -> None:
    assert parse(["config", "show"]).looking == "show"
    for words in (["config", "show", "a.toml"], ["config"]):
        with pytest.raises(UsageError):
            parse(words)
