"""Where Wyoming is spoken: what a URI names, and what names nothing."""

import pytest

from supervisor.doors.wyoming.uri import Place, StdioPlace, TcpPlace, UnixPlace, place_of, places_of, written
from supervisor.errors import UsageError


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("tcp://127.0.0.1:10200", TcpPlace(host="127.0.0.1", port=10200)),
        ("tcp://0.0.0.0:0", TcpPlace(host="0.0.0.0", port=0)),
        ("tcp://[::1]:99", TcpPlace(host="::1", port=99)),
        ("tcp://tts.lan:10200/", TcpPlace(host="tts.lan", port=10200)),
        ("tcp://:10300", TcpPlace(host="127.0.0.1", port=10300)),
        ("tcp://", TcpPlace(host="127.0.0.1", port=10200)),
        ("unix:///run/tts/wyoming.sock", UnixPlace(path="/run/tts/wyoming.sock")),
        ("stdio://", StdioPlace()),
    ],
)
def test_a_uri_names_a_place(uri: str, place: Place) -> None:
    assert place_of(uri) == place


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "127.0.0.1:10200",
        "http://127.0.0.1:1",
        "tcp://127.0.0.1:66000",
        "tcp://127.0.0.1:ten",
        "tcp://[::1",
        "tcp://me@127.0.0.1:1",
        "tcp://127.0.0.1:1/path",
        "tcp://127.0.0.1:1?x=1",
        "unix://relative.sock",
        "unix://",
        "unix:///",
        "stdio://1",
        "stdio:///x",
    ],
)
def test_what_names_nothing_is_refused_with_what_would(uri: str) -> None:
    with pytest.raises(UsageError, match="need tcp://HOST:PORT"):
        place_of(uri)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("tts.lan", False),
    ],
)
def test_only_loopback_is_local(host: str, is_local: bool) -> None:
    assert TcpPlace(host=host, port=1).is_local == is_local


def test_a_place_is_said_as_it_is_given() -> None:
    uris = ["tcp://127.0.0.1:10200", "tcp://[::1]:99", "unix:///run/w.sock", "stdio://"]
    assert [str(place) for place in places_of(uris)] == uris
    assert written("::", 5) == "tcp://[::]:5"


def test_a_place_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        places_of(["tcp://:10200", "tcp://127.0.0.1"])
