import socket

import pytest

from supervisor.doors.http.address import listening, parts_of, url_of
from supervisor.errors import ConfigError, TryLater, UsageError
from tests.supervisor.doors.http.visit import terms_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_host_and_port_are_read(text: str, parts: tuple[str, int]) -> None:
    assert parts_of(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "8000",
        "127.0.0.1",
        ":8000",
        "::1:8000",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "a:b",
        "[]:1",
        "a:٣",
    ],
)
def test_what_is_no_address_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:8000"):
        parts_of(text)


def test_a_port_of_nobodys_choice_is_told_by_the_url() -> None:
    (sock,) = listening("127.0.0.1:0", terms_of())
    with sock:
        host, port = sock.getsockname()
        assert url_of(sock) == f"http://{host}:{port}"
        with socket.create_connection((host, port)):
            pass


def test_all_addresses_of_a_name_are_listened_on_at_one_port() -> None:
    found = listening("localhost:0", terms_of())
    try:
        assert len({sock.getsockname()[1] for sock in found}) == 1
    finally:
        for sock in found:
            sock.close()


@pytest.mark.parametrize("text", ["0.0.0.0:0", "[::]:0"])
def test_another_address_than_loopback_wants_a_key(text: str) -> None:
    with pytest.raises(ConfigError, match=r"http\.api_key.*TTS_SUPERVISOR_HTTP__API_KEY") as caught:
        listening(text, terms_of())
    assert caught.value.exit_code == 2


def test_with_a_key_it_is_listened_on() -> None:
    (sock,) = listening("0.0.0.0:0", terms_of(api_key="s3cret"))
    sock.close()


def test_a_port_that_is_taken_may_be_free_later() -> None:
    (first,) = listening("127.0.0.1:0", terms_of())
    with first, pytest.raises(TryLater, match="cannot listen there") as caught:
        listening(f"127.0.0.1:{first.getsockname()[1]}", terms_of())
    assert caught.value.exit_code == 75


def test_a_name_that_nobody_knows_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no known name"):
        listening("no-such-host.invalid:0", terms_of())
