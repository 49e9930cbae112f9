import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError


@pytest.mark.parametrize("action", ["show", "cancel", "retry", "verify", "remove"])
def test_what_is_done_with_a_job_needs_one(action: str) -> None:
    args = parse(["jobs", action, "j12345", "--json"])
    assert (args.command, args.action, args.job, args.json) == ("jobs", action, "j12345", True)
    with pytest.raises(UsageError, match="ID"):
        parse(["jobs", action])


def test_the_list_is_of_all_jobs() -> None:
    assert parse(["jobs", "list"]).action == "list"
    with pytest.raises(UsageError):
        parse(["jobs", "list", "j12345"])


def test_a_retry_alone_listens_for_who_asks() -> None:
    assert str(parse(["jobs", "retry", "j12345", "--socket", "s"]).socket) == "s"
    with pytest.raises(UsageError):
        parse(["jobs", "verify", "j12345", "--socket", "s"])
