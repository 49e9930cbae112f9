from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors.http.guard import Guard, is_loopback
from supervisor.doors.http.refusals import Refusal

OPEN = Guard(api_key="", hosts=frozenset({"tts.lan"}))
CLOSED = Guard(api_key="s3cret", hosts=frozenset(), open_paths=frozenset({"/page.css"}))


def headers(**given: str) -> list[tuple[bytes, bytes]]:
    sent = {"host": "localhost:8000"} | {name.replace("_", "-"): value for name, value in given.items()}
    return [(name.encode(), value.encode()) for name, value in sent.items()]


def refused(
    guard: Guard, found: list[tuple[bytes, bytes]], path: str = "/rpc", peer: str = "127.0.0.1"
) -> Refusal:
    with pytest.raises(Refusal) as caught:
        guard.must_pass(path, found, peer)
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]:8000",
        "192.168.1.7",
        "tts.lan:80",
        "Tts.Lan",
    ],
)
def test_an_address_localhost_and_names_that_are_listed_may_be_asked_by(host: str) -> None:
    OPEN.must_pass("/rpc", headers(host=host), "127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "tts.lan.evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", ":80",
        "localhost:x", "user@localhost", "localhost/x", "localhost?x", "[::1", "0x7f000001", "2130706433",
    ],
)  # fmt: skip
def test_a_page_that_points_a_name_of_its_own_here_is_refused(host: str) -> None:
    assert refused(OPEN, headers(host=host)).status == 403


def test_no_name_or_two_is_no_request() -> None:
    assert refused(OPEN, []).status == 400
    assert refused(OPEN, [*headers(), *headers()]).status == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:8001",
        "http://localhost:8000.evil.example",
    ],
)
def test_what_a_page_of_another_site_sends_is_refused(origin: str) -> None:
    assert refused(OPEN, headers(origin=origin)).code == "origin_not_allowed"


def test_what_its_own_page_sends_passes() -> None:
    OPEN.must_pass("/rpc", headers(origin="http://localhost:8000", sec_fetch_site="same-origin"), "127.0.0.1")
    # Behind a proxy that ends TLS.
    OPEN.must_pass("/rpc", headers(host="tts.lan", origin="https://TTS.lan"), "10.0.0.1")


def test_a_picture_on_another_site_is_refused_and_a_link_to_the_page_is_not() -> None:
    assert refused(OPEN, headers(sec_fetch_site="cross-site", sec_fetch_mode="no-cors")).status == 403
    OPEN.must_pass("/", headers(sec_fetch_site="cross-site", sec_fetch_mode="navigate"), "127.0.0.1")


@pytest.mark.parametrize(
    "given",
    [{"authorization": "Bearer s3cret"}, {"authorization": "bearer  s3cret "}, {"x_api_key": "s3cret"}],
)
def test_the_key_opens(given: dict[str, str]) -> None:
    CLOSED.must_pass("/rpc", headers(**given), "10.0.0.1")


@pytest.mark.parametrize(
    "given",
    [
        {"authorization": "Bearer s3cre"}, {"authorization": "Bearer s3crets"}, {"authorization": "Bearer"},
        {"authorization": "Basic s3cret"}, {"authorization": "s3cret"}, {"x_api_key": ""},
        {"x_api_key": "s3cret", "authorization": "Bearer other"}, {"x_api_key": "sécret"}, {},
    ],
)  # fmt: skip
def test_nothing_else_does(given: dict[str, str]) -> None:
    refusal = refused(CLOSED, headers(**given))
    assert refusal.status == 401
    assert "s3cret" not in str(refusal)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=12))
def test_only_the_whole_key_is_the_key(key: str) -> None:
    if key != "s3cret":
        assert refused(CLOSED, headers(authorization=f"Bearer {key}")).status == 401


def test_health_answers_this_machine_without_a_key_and_no_other() -> None:
    CLOSED.must_pass("/health", headers(), "127.0.0.1")
    CLOSED.must_pass("/health", headers(), "::1")
    assert refused(CLOSED, headers(), "/health", "10.0.0.1").status == 401
    assert refused(CLOSED, headers(), "/healthy").status == 401


def test_a_path_that_carries_a_ticket_needs_no_key_and_still_comes_from_here() -> None:
    guard = replace(CLOSED, open_below=("/api/listen/",))
    guard.must_pass("/api/listen/0123/0", headers(), "10.0.0.1")
    for path in ("/api/listen", "/api/jobs/j1/listen", "/api/events", "/x/api/listen/0123/0"):
        assert refused(guard, headers(), path).status == 401
    assert refused(guard, headers(origin="http://evil.example"), "/api/listen/0123/0").status == 403


def test_what_holds_nothing_of_the_services_needs_no_key() -> None:
    CLOSED.must_pass("/page.css", headers(), "10.0.0.1")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_known(peer: str) -> None:
    assert is_loopback(peer)


@pytest.mark.parametrize(
    "peer", ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "", "here", None]
)
def test_anything_else_is_not(peer: str | None) -> None:
    assert not is_loopback(peer)
