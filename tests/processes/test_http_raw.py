"""Whatever comes over a connection to the HTTP door, it is answered in the door's words or cut off.

One service takes it all. After each piece of it the next client is served at once; at the end nothing was
logged but what happens in a service's life, and no descriptor is left.
"""

import asyncio
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.processes.asking import Answers, CutOff, ask, request
from tests.processes.http_serving import HttpServing
from tests.processes.serving import scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

#: What is not whole is waited for by the service, for ten seconds and more; these tests go on before.
MOMENT_S = 0.15

NO_SUCH_CODING = 501

HOST = b"Host: localhost\r\n"
JSON_BODY = b"Content-Type: application/json\r\n"
STATUS = b'{"jsonrpc": "2.0", "id": 1, "method": "status"}'


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServing]:
    with HttpServing(scripted_task(tmp_path_factory.mktemp("victim"))) as serving:
        before = open_descriptors(serving)
        yield serving
        assert serving.get("/health")[0] == 200
        assert [one for one in serving.seen if one.get("event") == "bug" or "stray" in one] == []
        assert open_descriptors(serving) <= before + 2  # the connection that asked a moment ago


def open_descriptors(serving: HttpServing) -> int:
    return len(list(Path(f"/proc/{serving.pid}/fd").iterdir()))


async def answers_to(port: int, pieces: list[bytes], *, moment_s: float = MOMENT_S) -> list[int]:
    """Send pieces, and return the status of each answer, up to what is cut or does not come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers, statuses = Answers(reader), list[int]()
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        while True:
            async with asyncio.timeout(moment_s):
                answer = await answers.next()
            if answer.status >= 400 and b"HEAD" not in b"".join(pieces):  # which has no body
                assert answer.code, "it is said as everything is"
            statuses.append(answer.status)
    except (CutOff, TimeoutError, OSError):
        return statuses
    finally:
        writer.transport.abort()


def told(serving: HttpServing, *pieces: bytes) -> list[int]:
    """Send pieces; the next client is served as if nothing had been."""

    async def run() -> list[int]:
        statuses = await answers_to(serving.port, list(pieces))
        assert (await ask(serving.port, "GET", "/health")).status == 200
        return statuses

    return asyncio.run(run())


# ------------------------------------------------------------------ whatever there is

methods = st.sampled_from(
    [b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"get", b"G\0T", b"", b"X" * 300]
)
targets = st.sampled_from(
    [
        *(b"/health", b"/", b"*", b"", b"/rpc", b"/v1/audio/speech", b"/api/cleanup", b"/metrics"),
        *(b"//x/health", b"http://localhost/health", b"http://elsewhere/health", b"localhost:443"),
        *(b"/\0", b"/%00", b"/%0d%0aX:%20y", b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd"),
        *(b"/v1/models/%2f%2e%2e%2fx", b"/\xff", b"/%ff%fe", b"/a b", b"/health?" + b"q=1&" * 500),
        *(b"/" + b"x" * 17_000, b"/health#here", b"/v1/models/\xe2\x80\xae", b"/api/listen/x/y"),
    ]
)
versions = st.sampled_from(
    [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.12", b"http/1.1", b"", b"HTTP/1.1 x"]
)
numbers = st.sampled_from(
    [b"0", b"5", b"-1", b"+5", b"5, 5", b"0x10", b"5 5", b"9" * 30, b"", b"\xb2", b"1048577"]
)
codings = st.sampled_from(
    [b"chunked", b"Chunked", b"identity", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"\x0bchunked"]
)
fields = st.one_of(
    numbers.map(b"Content-Length: ".__add__),
    codings.map(b"Transfer-Encoding: ".__add__),
    st.sampled_from(
        [
            *(b"Host: localhost", b"Host: elsewhere.example", b"Host: ", b"Host: localhost:99999"),
            *(b"Host: [::1", b"Host: a@b", b"Expect: 100-continue", b"Expect: everything"),
            *(b"Upgrade: websocket\r\nConnection: upgrade", b"Upgrade: h2c", b"Connection: close"),
            *(b"Connection: keep-alive, x", b"Content-Type: application/json", b"Content-Type: \xff"),
            *(b"Origin: null", b"Origin: http://[", b"Authorization: Bearer \xff", b"X-API-Key:"),
            *(b"Accept: */*", b" folded: line", b"No colon", b": no name", b"Na me: x", b"Nul: \0"),
            *(b"X: " + b"y" * 17_000, b"X: \x7f", b"Range: bytes=5-1", b"Range: bytes=-"),
            b"\r\n".join(b"X-%d: y" % number for number in range(900)),
        ]
    ),
)
chunks = st.sampled_from(
    [
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"zz\r\n", b"-5\r\nhello\r\n", b"5;a=b\r\nhello\r\n"),
        *(b"5\r\nhel", b"5\r\nhello!!\r\n", b"ffffffffffffffff\r\n", b"f" * 40 + b"\r\n", b"\r\n"),
        *(b"0\r\nTrailer: x\r\n\r\n", b"5 \r\nhello\r\n", b"5\nhello\n", STATUS),
        *(b"%x\r\n%s\r\n" % (len(STATUS), STATUS), b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ]
)
ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])


@st.composite
def connections(draw: st.DrawFn) -> list[bytes]:
    """What comes over one connection, in pieces."""
    sent = b""
    for _ in range(draw(st.integers(1, 3))):
        end = draw(ends)
        line = b" ".join((draw(methods), draw(targets), draw(versions)))
        head = [line, *draw(st.lists(st.just(HOST.strip()), max_size=1)), *draw(st.lists(fields, max_size=5))]
        sent += end.join([*head, b"", b""]) + b"".join(draw(st.lists(chunks, max_size=4)))
    cut = draw(st.integers(0, len(sent)))
    return draw(st.sampled_from([[sent], [sent[:cut], sent[cut:]], [sent[:cut]]]))


@given(pieces=connections() | st.lists(st.binary(max_size=200), max_size=3))
@example(pieces=[b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n" + b"\0" * 1000])
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_comes_is_answered_in_our_words_or_cut_and_the_next_is_served(
    victim: HttpServing, pieces: list[bytes]
) -> None:
    assert [status for status in told(victim, *pieces) if status >= 500 and status != NO_SUCH_CODING] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@given(pieces=connections() | st.lists(st.binary(max_size=2000), max_size=5))
@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_and_so_is_much_more_of_it(victim: HttpServing, pieces: list[bytes]) -> None:
    assert [status for status in told(victim, *pieces) if status >= 500 and status != NO_SUCH_CODING] == []


# ------------------------------------------------------------------ what must be so

HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /rpc HTTP/1.1\r\n" + HOST + JSON_BODY


def health(more: bytes) -> bytes:
    return HEALTH[:-2] + more + b"\r\n\r\n"


def post(more: bytes) -> bytes:
    return POST + more


#: What is sent, and the status of each answer.
ASKED: dict[str, tuple[bytes, list[int]]] = {
    "three in a row": (HEALTH * 3, [200, 200, 200]),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (health(HOST[:-2]), [400]),
    "for a proxy": (b"GET http://elsewhere/health HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "a tunnel": (b"CONNECT localhost:22 HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "options of all": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "NUL in the target": (HEALTH.replace(b"/health", b"/\0"), [400]),
    "NUL, escaped": (HEALTH.replace(b"/health", b"/%00"), [404]),
    "HTTP/2 by its first words": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 400]),
    "upgrade": (health(b"Upgrade: websocket\r\nConnection: upgrade"), [200]),
    "expects for nothing": (health(b"Expect: 100-continue"), [200]),
    "two lengths in one": (post(b"Content-Length: 5, 6\r\n\r\nhello"), [400]),
    "two lengths": (post(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), [400]),
    "a length with a sign": (post(b"Content-Length: +5\r\n\r\nhello"), [400]),
    "a length beyond all": (post(b"Content-Length: " + b"9" * 30 + b"\r\n\r\n"), [400]),
    "a byte too many": (post(b"Content-Length: 1048577\r\n\r\n"), [413]),
    "a coding of theirs": (post(b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), [501]),
    "six thousand headers": (health(b"\r\n".join([b"X: y"] * 6000)), [431]),
    "a length and chunks, and what is hidden behind them": (
        post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HEALTH),
        [400],
    ),
    "chunks over HTTP/1.0, and what is hidden behind them": (
        post(b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").replace(b"/1.1", b"/1.0") + HEALTH,
        [200],
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_wrongly_is_refused_and_nothing_behind_it_is_heard(
    victim: HttpServing, name: str
) -> None:
    sent, statuses = ASKED[name]
    assert told(victim, sent) == statuses


def test_a_body_that_is_announced_and_waited_for_is_asked_for(victim: HttpServing) -> None:
    head = request("POST", "/rpc", STATUS, expect="100-continue")[: -len(STATUS)]
    with socket.create_connection(("127.0.0.1", victim.port), 10) as client:
        client.sendall(head)
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(STATUS)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_too_long_is_not_asked_for(victim: HttpServing) -> None:
    with socket.create_connection(("127.0.0.1", victim.port), 10) as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")
