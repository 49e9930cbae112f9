from supervisor.doors.http.refusals import bad
from supervisor.doors.http.replies import json_reply, raw_reply, refusal_reply


def test_nothing_between_keeps_an_answer() -> None:
    for reply in (json_reply({"a": 1}), raw_reply(b"{}"), refusal_reply(bad("no"))):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["content-type"] == "application/json"


def test_what_is_given_is_what_is_sent() -> None:
    assert json_reply({"a": 1}, status=503, headers={"x": "y"}).body == b'{"a":1}'
    assert raw_reply(b"a 1\n", media="text/plain").headers["content-type"].startswith("text/plain")
    refused = refusal_reply(bad("no", param="x"))
    assert (refused.status_code, refused.headers["x-should-retry"]) == (400, "false")
