"""Whatever a client sends to a real service: each line has the answer it deserves, and the service goes on.

One service takes it all, from the first line to the last: what one line leaves behind would be seen by those
after it. After each piece of rudeness `status` is asked, which must be answered, with nothing but whole
messages on standard output.
"""

import itertools
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processes.serving import scripted_task
from tests.processes.wire import Json, Wire, fields, request

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

PARSE, INVALID, NO_METHOD, PARAMS = -32700, -32600, -32601, -32602
BAD_INPUT, BUSY = 4, 9
MIB = 1 << 20


@dataclass(slots=True)
class Victim:
    """The service, and how much of what it said was looked at already."""

    wire: Wire
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def answers_to(self, pieces: Sequence[bytes], *, owed: int = 1) -> list[Json]:
        """Send pieces as they are, wait for so many answers, then ask for the status; no more may come."""
        before = len(self.wire.heard)

        def answers(heard: list[Json]) -> list[Json]:
            return [line for line in heard[before:] if "method" not in line]

        for piece in pieces:
            self.wire.say(piece)
        self.wire.seen(lambda heard: len(answers(heard)) >= owed or None)
        alive = f"alive {next(self.numbers)}"
        self.wire.say(request("status", alive) + b"\n")
        status = fields(self.wire.answer(alive)["result"])
        assert {"state", "child", "queue"} <= status.keys()
        assert self.wire.stray == []
        *found, last = answers(self.wire.heard)
        assert (last["id"], len(found)) == (alive, owed), found
        return found


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Victim]:
    """The one that takes it all; it must end as well as it began."""
    with Wire(scripted_task(tmp_path_factory.mktemp("victim"))) as wire:
        wire.ready()
        yield Victim(wire)
        assert wire.hang_up() == 0
        assert wire.stray == []


# ------------------------------------------------------------------ the corpus

BEGIN = b'{"jsonrpc":"2.0","id":"c","method":"synthesize","params":{"text":"'
END = b'"}}'


def spoken(text: bytes, more: bytes = b"") -> bytes:
    return BEGIN + text + b'"' + more + b"}}"


def padded(line_bytes: int) -> bytes:
    return BEGIN + b"a" * (line_bytes - len(BEGIN) - len(END)) + END


CORPUS: dict[str, tuple[bytes, int]] = {
    "a line of 1 MiB": (padded(MIB), BAD_INPUT),
    "a line of 1 MiB and a byte": (padded(MIB + 1), PARSE),
    "3 MiB without sense": (b"x" * (3 * MIB), PARSE),
    "5 MiB of blanks": (b" " * (5 * MIB), PARSE),
    "half of a character": (spoken("好".encode()[:2]), PARSE),
    "a character in too many bytes": (spoken(b"\xc0\xaf"), PARSE),
    "half of a pair as UTF-8": (spoken(b"\xed\xa0\x80"), PARSE),
    "bytes of no UTF-8": (b"\xff\xfe\x00\x01", PARSE),
    "a mark of byte order": (b"\xef\xbb\xbf" + request("status", 1), PARSE),
    "UTF-16": (request("status", 1).decode().encode("utf-16-le"), PARSE),
    "a NUL byte": (spoken(b"a\0b"), PARSE),
    "NUL bytes alone": (b"\0" * 100, PARSE),
    "a NUL after the object": (request("status", 1) + b"\0", PARSE),
    "control characters": (spoken(b"a\x01\x1b[2Jb"), PARSE),
    "an escaped NUL in a path": (spoken(b"a", b',"output_file":"\\u0000"'), PARAMS),
    "half of a pair": (spoken(b"\\ud800"), PARAMS),
    "the other half of a pair": (spoken(b"\\udc00 and more"), PARAMS),
    "half of a pair in an id": (b'{"jsonrpc":"2.0","id":"\\ud800","method":"status"}', PARSE),
    "half of a pair in a method": (b'{"jsonrpc":"2.0","id":"c","method":"\\udfff"}', PARAMS),
    "deep nesting in params": (
        b'{"jsonrpc":"2.0","id":"c","method":"synthesize","params":{"text":'
        + b"[" * 90_000
        + b"]" * 90_000
        + b"}}",
        PARSE,
    ),
    "deep nesting alone": (b"[" * 500_000, PARSE),
    "deep objects": (b'{"a":' * 150_000 + b"1" + b"}" * 150_000, PARSE),
    "nothing": (b"", PARSE),
    "blanks": (b" \t\r", PARSE),
    "a batch": (b"[" + request("status", 1) + b"," + request("status", 2) + b"]", INVALID),
    "an empty batch": (b"[]", INVALID),
    "no object": (b'"status"', INVALID),
    "null": (b"null", INVALID),
    "two objects": (request("status", 1) * 2, PARSE),
    "half of an object": (request("status", 1)[:-1], PARSE),
    "another version": (b'{"jsonrpc":"1.0","id":"c","method":"status"}', INVALID),
    "no version": (b'{"id":"c","method":"status"}', INVALID),
    "no method": (b'{"jsonrpc":"2.0","id":"c"}', INVALID),
    "an answer": (b'{"jsonrpc":"2.0","id":"c","result":{}}', INVALID),
    "a method that is a number": (b'{"jsonrpc":"2.0","id":"c","method":1}', INVALID),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{},"method":"status"}', INVALID),
    "an id that is true": (b'{"jsonrpc":"2.0","id":true,"method":"status"}', INVALID),
    "an id of a kilobyte": (request("status", "i" * 1000), INVALID),
    "params that are text": (b'{"jsonrpc":"2.0","id":"c","method":"status","params":"x"}', INVALID),
    "params that are null": (b'{"jsonrpc":"2.0","id":"c","method":"status","params":null}', INVALID),
    "params that are a list": (
        b'{"jsonrpc":"2.0","id":"c","method":"synthesize","params":["x"]}',
        PARAMS,
    ),
    "a method of a kilobyte": (request("m" * 1000, "c"), NO_METHOD),
    "a method with a NUL": (request("status\0", "c"), NO_METHOD),
    "a number beyond all": (spoken(b"a", b',"deadline_s":1e999'), PARAMS),
    "a number below all": (spoken(b"a", b',"deadline_s":1e-999'), PARAMS),
    "a deadline before now": (spoken(b"a", b',"deadline_s":-1'), PARAMS),
    "an integer without end": (spoken(b"a", b',"seed":' + b"9" * 100_000), PARAMS),
    "an integer of 64 bits and one": (spoken(b"a", b',"seed":18446744073709551616'), PARAMS),
    "a seed below zero": (spoken(b"a", b',"seed":-1'), PARAMS),
    "a seed that is no whole number": (spoken(b"a", b',"seed":1.5'), PARAMS),
    "not a number": (b'{"jsonrpc":"2.0","id":NaN,"method":"status"}', PARSE),
    "not a number in params": (spoken(b"a", b',"deadline_s":NaN'), PARSE),
    "an infinite number": (spoken(b"a", b',"deadline_s":Infinity'), PARSE),
    "an unknown field": (spoken(b"a", b',"volume":11'), PARAMS),
    "a text that is a list": (request("synthesize", "c", text=["a"]), PARAMS),
    "a job that is a number": (request("jobs/get", "c", job=7), PARAMS),
    "a text of blanks": (request("synthesize", "c", text=" \n\t"), PARAMS),
    "a job with nothing in it": (request("jobs/submit", "c", output="a.wav", inputs=[]), PARAMS),
    "a path of a kilobyte in a folder that is none": (
        request("synthesize", "c", text="a", output_file="none/" + "p" * 1000 + ".wav"),
        BAD_INPUT,
    ),
    "a device for a file": (request("synthesize", "c", text="a", output_file="/dev/null"), BAD_INPUT),
}


@pytest.mark.parametrize(("line", "code"), CORPUS.values(), ids=list(CORPUS))
def test_each_rude_line_is_answered_once_with_its_error(victim: Victim, line: bytes, code: int) -> None:
    (answer,) = victim.answers_to([line + b"\n"])
    assert fields(answer["error"])["code"] == code, answer
    if code == PARSE:
        assert answer["id"] is None
    assert len(json.dumps(answer)) < 2000, "an error does not repeat what was sent"


def test_a_character_that_is_cut_between_two_writes_is_whole_again(victim: Victim) -> None:
    line = request("jobs/get", "split", job="渡轮🚢") + b"\n"
    line = line.decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16").encode()
    assert "渡轮🚢".encode() in line
    (answer,) = victim.answers_to([line[at : at + 1] for at in range(len(line))])
    assert "渡轮🚢" in str(fields(answer["error"])["message"])


def test_an_id_that_is_in_flight_is_refused_and_its_first_request_answered(victim: Victim) -> None:
    line = request("synthesize", "twice", text="The first of the two.") + b"\n"
    *refused, answer = victim.answers_to([line * 3], owed=3)
    assert {str(one["id"]) for one in (*refused, answer)} == {"twice"}
    assert [fields(one["error"])["code"] for one in refused] == [INVALID, INVALID]
    assert "result" in answer


def test_a_line_over_the_bound_in_pieces_costs_itself_alone(victim: Victim) -> None:
    pieces = [b"y" * 100_000] * 30 + [b"\n" + request("ping", "after") + b"\n"]
    long, after = victim.answers_to(pieces, owed=2)
    assert (fields(long["error"])["code"], after["result"]) == (PARSE, {})


def test_ten_thousand_rude_lines_at_once_have_ten_thousand_answers(victim: Victim) -> None:
    lines = [b"rude", b"{}", b"[]", request("sing", 1), request("status", 2, x=1)] * 2000
    answers = victim.answers_to([b"\n".join(lines) + b"\n"], owed=len(lines))
    codes = [fields(answer["error"])["code"] for answer in answers]
    assert codes == [PARSE, INVALID, INVALID, NO_METHOD, PARAMS] * 2000


def test_an_end_in_the_middle_of_a_line_is_an_end_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Wire(scripted_task(tmp_path_factory.mktemp("torn"))) as wire:
        wire.say(request("ping", 1) + b"\n" + padded(1000)[:500])
        assert wire.hang_up() == 0
        answers = {str(line["id"]): line for line in wire.heard if "method" not in line}
        assert (answers["1"]["result"], fields(answers["None"]["error"])["code"]) == ({}, PARSE)
        assert wire.stray == []


# ------------------------------------------------------------------ whatever comes to mind

METHODS = ["status", "jobs/get", "jobs/list", "jobs/cancel", "jobs/retry", "tools/call", "initialize", "ping"]
NAMES = ["text", "job", "after", "seed", "name", "arguments", "_meta", "protocolVersion"]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.text(st.characters(codec=None), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def as_line(envelope: Mapping[str, object]) -> bytes:
    """An object as JSON text: halves of pairs as escapes, and what is no number as Python writes it."""
    return json.dumps(envelope).encode()


requests = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": json_values,
        "method": st.sampled_from(METHODS) | st.text(max_size=6),
        "params": st.dictionaries(st.sampled_from(NAMES), json_values, max_size=3) | json_values,
    }
).map(as_line)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | json_values,
        "id": json_values,
        "method": st.sampled_from(["status", "notifications/cancelled"]) | json_values,
        "params": json_values,
        "result": json_values,
    },
).map(as_line)
corpus = st.sampled_from([line for line, code in CORPUS.values() if code != BAD_INPUT and len(line) < 2000])
rude_lines = st.one_of(st.binary(max_size=80), corpus, requests, envelopes)


def is_notification(line: bytes) -> bool:
    """Whether a line is JSON-RPC without an id: nothing else is let be without an answer."""
    try:
        found: object = json.loads(line, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()  # halves of pairs are no text
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    envelope = cast("Json", found)
    return (
        "id" not in envelope
        and envelope.get("jsonrpc") == "2.0"
        and isinstance(envelope.get("method"), str)
        and isinstance(envelope.get("params", {}), dict | list)
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@given(lines=st.lists(rude_lines, max_size=10), cuts=st.lists(st.integers(1, 300), max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_however_it_is_cut_each_line_has_one_answer_and_the_service_goes_on(
    victim: Victim, lines: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    pieces: list[bytes] = []
    for cut in cuts:
        pieces.append(stream[:cut])
        stream = stream[cut:]
    sent = b"\n".join(lines).split(b"\n") if lines else []
    owed = sum(not is_notification(line) for line in sent)
    answers = victim.answers_to([*pieces, stream], owed=owed)
    assert all(fields(answer["error"])["code"] != -32603 for answer in answers if "error" in answer)
