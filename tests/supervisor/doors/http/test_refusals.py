import json
from typing import get_args

import pytest

from supervisor.doors.http.refusals import STATUSES, Refusal, bad, refusal_of, type_of
from supervisor.loop.service import CannotAsk, ErrorKind


@pytest.mark.parametrize("kind", get_args(ErrorKind))
def test_every_failure_of_a_service_has_a_status_and_its_kind_as_code(kind: ErrorKind) -> None:
    refusal = refusal_of(CannotAsk("what was seen", kind=kind, retryable=False))
    assert (refusal.status, refusal.code) == (STATUSES[kind], kind)
    error = json.loads(refusal.body)["error"]
    assert error == {"message": "what was seen", "type": type_of(refusal.status), "param": None, "code": kind}


def test_whether_to_ask_again_is_said() -> None:
    again = refusal_of(CannotAsk("wait", kind="busy", retryable=True)).headers
    assert (again["x-should-retry"], int(again["retry-after"]) > 0) == ("true", True)
    never = bad("no").headers
    assert (never["x-should-retry"], "retry-after" in never) == ("false", False)


def test_the_type_says_whose_fault_it_is() -> None:
    assert [type_of(status) for status in (400, 401, 403, 404, 413, 429, 500, 507)] == [
        "invalid_request_error", "authentication_error", "permission_error", "invalid_request_error",
        "invalid_request_error", "rate_limit_error", "server_error", "server_error",
    ]  # fmt: skip


def test_headers_of_its_own_are_told_too() -> None:
    refusal = Refusal(405, "no", code="x", headers={"allow": "GET"})
    assert refusal.headers["allow"] == "GET"
    assert refusal.headers["content-type"] == "application/json"
