import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError


@pytest.mark.parametrize("action", ["install", "show", "remove"])
def test_a_unit_is_ones_own_or_the_machines(action: str) -> None:
    args = parse(["service", action])
    assert (args.command, args.action, args.scope, args.json) == ("service", action, None, False)
    assert parse(["service", action, "--user", "--json"]).scope == "user"
    assert parse(["service", action, "--system"]).scope == "system"


@pytest.mark.parametrize("words", [[], ["start"], ["show", "--user", "--system"]])
def test_what_is_neither_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(["service", *words])


@pytest.mark.parametrize("action", ["install", "show"])
def test_a_unit_that_is_written_or_shown_may_have_doors(action: str) -> None:
    assert (parse(["service", action]).http, parse(["service", action]).wyoming) == (None, [])
    args = parse(["service", action, "--http", "[::1]:8000", "--wyoming", "tcp://", "--wyoming", "unix:///a"])
    assert (args.http, args.wyoming) == ("[::1]:8000", ["tcp://", "unix:///a"])
    with pytest.raises(UsageError):
        parse(["service", "remove", "--http", "[::1]:8000"])
