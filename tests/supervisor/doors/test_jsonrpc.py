"""Every line is a request or is refused with the code of its fault, and ids come back as they were."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors import jsonrpc as rpc

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
#: JSON that is nearly a request: right and wrong values under the right names.
nearly = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0", 2, None]),
        "id": values,
        "method": st.sampled_from(["status", "memory/clean", "", 7, None, ["status"]]) | st.text(),
        "params": values,
        "extra": values,
    },
)


def error_of(line: bytes) -> tuple[bytes, int]:
    refused = rpc.read_request(line)
    assert isinstance(refused, rpc.Refused), refused
    return refused.id, refused.error.code


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(line: bytes) -> None:
    assert isinstance(rpc.read_request(line), rpc.Request | rpc.Refused)


@given(nearly | values)
def test_json_is_never_refused_as_no_json(value: object) -> None:
    read = rpc.read_request(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    assert isinstance(read, rpc.Request) or read.error.code == rpc.INVALID_REQUEST


@given(st.text(max_size=40) | st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_an_id_comes_back_as_it_was(identity: str | float | None) -> None:
    text = json.dumps(identity)
    line = f'{{"jsonrpc":"2.0","id":{text},"method":"status"}}'.encode()
    request = rpc.read_request(line)
    assert isinstance(request, rpc.Request)
    assert request.id is not None
    answer = rpc.error_line(request.id, rpc.RpcError(code=1, message="no"))
    assert f'"id":{text},'.encode() in answer


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"   ",
        b"{",
        b"status",
        b'{"jsonrpc":"2.0","id":1,"method":"status"} x',
        b'{"id": NaN}',
        b'{"id": "\xff"}',
        b'{"other": "\xff"}',
        b"[" * 100_000,
        b'{"params":' + b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"status"}',
        b'{"jsonrpc":"2.0","id":true,"method":"\\ud800"}',
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800","params":NaN}',
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"',
        b'{"jsonrpc":"2.0","id":"%s","method":"\\ud800"}' % (b"a" * 300),
        b'{"method":"\\ud800"}',
        b'"\\ud800"',
    ],
)
def test_what_is_no_json_is_a_parse_error_without_an_id(line: bytes) -> None:
    assert error_of(line) == (b"null", -32700)


@pytest.mark.parametrize("half", ["\ud800", "\ud800 is half of a pair", "caf\udce9.txt"])
def test_half_a_character_is_refused_under_the_id_of_who_waits(half: str) -> None:
    for identity in (1, "seven"):
        asked = {"jsonrpc": "2.0", "id": identity, "method": "jobs/submit", "params": {"inputs": [half]}}
        line = json.dumps(asked).encode()
        assert error_of(line) == (json.dumps(identity).encode(), -32602)


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b"[]", b"null"),
        (b'[{"jsonrpc":"2.0","id":1,"method":"status"}]', b"null"),
        (b"7", b"null"),
        (b"{}", b"null"),
        (b'{"id":1,"method":"status"}', b"1"),
        (b'{"jsonrpc":"1.0","id":1,"method":"status"}', b"1"),
        (b'{"jsonrpc":2.0,"id":"a","method":"status"}', b'"a"'),
        (b'{"jsonrpc":"2.0","id":1}', b"1"),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', b"1"),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":7}', b"1"),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":null}', b"1"),
        (b'{"jsonrpc":"2.0","id":{},"method":"status"}', b"null"),
        (b'{"jsonrpc":"2.0","id":true,"method":"status"}', b"null"),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"status"}', b"null"),
    ],
)
def test_json_that_is_no_request_is_invalid_with_its_id_where_it_has_one(
    line: bytes, identity: bytes
) -> None:
    assert error_of(line) == (identity, -32600)


def test_a_request_without_an_id_is_a_notification_and_one_with_null_is_not() -> None:
    plain = rpc.read_request(b'{"jsonrpc":"2.0","method":"status"}')
    null = rpc.read_request(b'{"jsonrpc":"2.0","id":null,"method":"status"}')
    assert isinstance(plain, rpc.Request)
    assert isinstance(null, rpc.Request)
    assert (plain.id, null.id) == (None, b"null")


def test_a_method_is_read_as_text_whatever_its_escapes() -> None:
    request = rpc.read_request(b' {"method": "\\u0073tatus", "jsonrpc": "2.0", "x": 1, "id": -1.5e3}\r')
    assert request == rpc.Request(id=b"-1.5e3", method="status", params=b"")


def test_a_method_that_is_none_is_named_with_those_that_are() -> None:
    error = rpc.unknown_method("stat", ("status", "memory/clean"))
    assert (error.code, error.message) == (-32601, "no method 'stat'; there are status, memory/clean")
    assert len(rpc.unknown_method("x" * 10_000, ()).message) < 200


def test_the_projects_own_errors_are_positive_and_say_their_kind() -> None:
    line = rpc.error_line(b"7", rpc.own_error("busy", "try again", retryable=True))
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": 9, "message": "try again", "data": {"kind": "busy", "retryable": True}},
    }
    assert sorted(rpc.CODES.values()) == list(range(1, 11))


def test_what_we_ask_is_what_we_read() -> None:
    request = rpc.read_request(rpc.request_line(3, "status").rstrip(b"\n"))
    assert request == rpc.Request(id=b"3", method="status", params=b"{}")


def test_an_answer_is_one_line_that_a_client_reads() -> None:
    line = rpc.result_line(b"3", b'{"kind":"oom","retryable":true}')
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    answer = msgspec.json.decode(line, type=rpc.Answer)
    assert (bytes(answer.id), bytes(answer.result)) == (b"3", b'{"kind":"oom","retryable":true}')


def test_a_notification_is_one_line_and_its_bytes_are_base64() -> None:
    line = rpc.notification_line("audio/chunk", {"pcm_s16le": b"\x00\x01", "id": msgspec.Raw(b'"a"')})
    assert line == b'{"jsonrpc":"2.0","method":"audio/chunk","params":{"pcm_s16le":"AAE=","id":"a"}}\n'
