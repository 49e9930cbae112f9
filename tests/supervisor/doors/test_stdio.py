"""The stdio door over real pipes: every method and error, rude input, slow readers, and each of its ends."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.core.notes import Progress, SegmentSpoken
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.methods import UNREAD_ROOM_BYTES
from tests.supervisor.doors.memory_service import POISON, RATE_HZ, audio_of, samples_of
from tests.supervisor.doors.pipes import (
    PATIENCE_S,
    Caller,
    Json,
    error_of,
    open_pipes,
    pcm_of,
    request,
    result_of,
    until,
)

R = TypeVar("R")

TEXT = "Call me Ishmael. Some years ago."


def run(folder: Path, do: Callable[[Caller], Coroutine[object, object, R]]) -> R:
    async def within() -> R:
        async with open_pipes(folder) as caller:
            return await asyncio.wait_for(do(caller), PATIENCE_S)

    return asyncio.run(within())


# ------------------------------------------------------------------ every method


def test_an_utterance_is_answered_with_its_file(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> Json:
        return await caller.result("synthesize", "a", text=TEXT, voice="bob", seed=3, output_file="a.wav")

    result = run(tmp_path, ask)
    assert result.keys() == {"path", "seconds", "sample_rate", "sha256", "attempts", "checks"}
    assert Path(str(result["path"])).read_bytes() == audio_of(TEXT, seed=3)


def test_inline_audio_comes_in_pieces_before_the_answer(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[list[Json], Json]:
        result = await caller.result("synthesize", 7, text=TEXT, audio="inline")
        return caller.said("audio/chunk"), result

    chunks, result = run(tmp_path, ask)
    assert pcm_of(chunks) == audio_of(TEXT)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.keys() == {"id", "seq", "pcm_s16le", "sample_rate"} for chunk in chunks)
    assert {(chunk["id"], chunk["sample_rate"]) for chunk in chunks} == {(7, RATE_HZ)}
    assert "path" not in result


def test_a_job_is_driven_from_its_submission_to_its_end(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[list[Json], str, list[Json], list[Json]]:
        submitted = [await caller.result("jobs/submit", text=TEXT, output="a.wav", key="k") for _ in range(2)]
        views: list[Json] = []
        while not views or views[-1]["state"] != "done":
            views.append(await caller.result("jobs/get", job=submitted[0]["job"]))
        views.append(cast("list[Json]", await caller.result("jobs/list"))[0])
        views.append(await caller.result("jobs/cancel", job=submitted[0]["job"]))
        views.append(await caller.result("jobs/retry", job=submitted[0]["job"]))
        return views, str(submitted[0]["job"]), submitted, [*caller.lines]

    views, job, submitted, lines = run(tmp_path, ask)
    assert submitted == [{"job": job}, {"job": job}]
    assert all(
        view.keys() >= {"job", "state", "segments", "done", "failed", "seconds", "outputs"} for view in views
    )
    assert [view["state"] for view in views[-4:]] == ["done", "done", "done", "queued"]
    told = [line for line in lines if "method" in line]
    progress = [cast("Json", line["params"]) for line in told if line["method"] == "progress"]
    assert progress[-1]["segment"] == progress[-1]["segments"] == 2
    assert progress[0].keys() == {
        "job",
        "segment",
        "segments",
        "audio_seconds",
        "wall_seconds",
        "eta_seconds",
    }
    spoken = [cast("Json", line["params"]) for line in told if line["method"] == "job/segment"]
    assert all(each.keys() == {"job", "segment", "seconds", "sha256", "attempts"} for each in spoken)
    assert spoken[0]["seconds"] == len(samples_of("Call me Ishmael")) / 2 / RATE_HZ


def test_the_child_is_steered_and_its_states_are_told(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[Json, Json, Json, list[Json]]:
        clean = await caller.result("memory/clean")
        recycled = await caller.result("child/recycle")
        return await caller.result("status"), clean, recycled, caller.said("child/state")

    status, clean, recycled, (state,) = run(tmp_path, ask)
    assert status.keys() >= {"state", "child", "queue", "lives", "totals"}
    assert clean.keys() == recycled.keys() >= {"before_bytes", "after_bytes", "took_s"}
    assert state == {"life": 2, "state": "ready", "why": "asked for", "memory": {"host_private": 4}}


def test_shutdown_is_answered_and_then_the_end(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[Json, list[Json], str]:
        caller.service.may_go.clear()
        caller.ask("synthesize", 1, text=TEXT)
        caller.ask("status", 2)
        await caller.answer(2)
        caller.ask("shutdown", 3)
        answer = await caller.answer(3)
        return answer, caller.lines, await caller.door.ended()

    answer, lines, ending = run(tmp_path, ask)
    assert (answer["result"], ending) == ({}, "shut down")
    (spoken,) = [line for line in lines if line["id"] == 1]
    assert error_of(spoken)["data"] == {"kind": "shutting_down", "retryable": True}


# ------------------------------------------------------------------ every error


@pytest.mark.parametrize(("word", "kind"), [(word, kind) for word, (kind, _) in POISON.items()])
def test_what_cannot_be_spoken_is_said_with_its_kind(tmp_path: Path, word: str, kind: str) -> None:
    error = run(tmp_path, lambda caller: caller.error("synthesize", text=f"Fine. Now {word}."))
    codes = {"oom": 1, "child_crashed": 2, "child_hung": 3, "quality_failed": 6, "disk_full": 7}
    told = {"kind": kind, "retryable": kind != "quality_failed"}
    assert (error["code"], error["data"]) == (codes[kind], told)
    assert word in str(error["message"])


@pytest.mark.parametrize(
    ("method", "params", "code", "data"),
    [
        ("synthesize", {"text": "a", "voice": "eve"}, 5, {"kind": "voice_not_found", "retryable": False}),
        ("jobs/get", {"job": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/list", {"after": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/cancel", {"job": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/retry", {"job": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/pause", {"job": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/resume", {"job": "x"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/submit", {"inputs": ["none"], "output": "a"}, 4, {"kind": "bad_input", "retryable": False}),
        ("jobs/submit", {"output": "a"}, -32602, None),
        ("jobs/get", {}, -32602, None),
        ("jobs/list", {"job": 7}, -32602, None),
        ("synthesize", {"text": ""}, -32602, None),
        ("status", {"verbose": True}, -32602, None),
        ("memory/clean", {"now": 1}, -32602, None),
        ("shutdown", {"now": 1}, -32602, None),
        ("server/discover", {"x": 1}, -32602, None),
        ("sing", {}, -32601, None),
        ("", {}, -32601, None),
        ("notifications/cancelled", {"requestId": 1}, -32601, None),
    ],
)
def test_each_wrong_request_has_its_error(
    tmp_path: Path, method: str, params: Json, code: int, data: Json | None
) -> None:
    error = run(tmp_path, lambda caller: caller.error(method, **params))
    assert (error["code"], error.get("data")) == (code, data)


def test_a_deadline_that_passes_is_a_cancellation(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> Json:
        caller.service.may_go.clear()
        return await caller.error("synthesize", text=TEXT, deadline_s=0.01)

    assert run(tmp_path, ask)["data"] == {"kind": "cancelled", "retryable": True}


def test_more_than_the_service_takes_is_busy(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> list[Json]:
        caller.service.max_waiting = 2
        caller.service.may_go.clear()
        for number in range(5):
            caller.ask("synthesize", number, text=TEXT)
        refused = [await caller.line(), await caller.line()]
        caller.service.may_go.set()
        return refused + [await caller.line() for _ in range(3)]

    refused, late, *answers = run(tmp_path, ask)
    assert [(line["id"], error_of(line)["data"]) for line in (refused, late)] == [
        (number, {"kind": "busy", "retryable": True}) for number in (3, 4)
    ]
    assert [line["id"] for line in answers] == [0, 1, 2]


def test_a_request_that_is_taken_back_says_so_and_the_next_has_its_turn(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> list[Json]:
        caller.service.may_go.clear()
        caller.ask("synthesize", 1, text=TEXT)
        caller.ask("synthesize", 2, text=TEXT)
        caller.send(
            b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"late"}}'
        )
        lines = [await caller.line()]
        caller.service.may_go.set()
        return [*lines, await caller.line()]

    first, second = run(tmp_path, ask)
    assert (first["id"], error_of(first)["data"]) == (1, {"kind": "cancelled", "retryable": True})
    assert (second["id"], "result" in second) == (2, True)


# ------------------------------------------------------------------ rude input

STATUS = request("status", "alive")
LONG = b'{"jsonrpc":"2.0","id":1,"method":"synthesize","params":{"text":"'
DEEP = (
    b'{"jsonrpc":"2.0","id":1,"method":"synthesize","params":{"text":' + b"[" * 90_000 + b"]" * 90_000 + b"}}"
)

CORPUS: list[tuple[str, bytes, tuple[int, ...]]] = [
    ("a line of 1 MiB", LONG + b"a" * (LONGEST_LINE_BYTES - len(LONG) - 3) + b'"}}', (4,)),
    ("a line of 1 MiB and a byte", LONG + b"a" * (LONGEST_LINE_BYTES - len(LONG) - 2) + b'"}}', (-32700,)),
    ("3 MiB without sense", b"x" * (3 * LONGEST_LINE_BYTES), (-32700,)),
    ("half of a character", LONG + "好".encode()[:2] + b'"}}', (-32700,)),
    ("bytes of no UTF-8", b"\xff\xfe\x00\x01", (-32700,)),
    ("a NUL byte", LONG + b"a\0b" + b'"}}', (-32700,)),
    ("NUL bytes alone", b"\0" * 100, (-32700,)),
    ("an escaped NUL in a path", request("synthesize", 1, text="a", output_file="\0"), (-32602,)),
    ("half of a pair", LONG + b"\\ud800" + b'"}}', (-32700, -32602)),
    ("deep nesting in params", DEEP, (-32700, -32602)),
    ("deep nesting alone", b"[" * 500_000, (-32700,)),
    ("nothing", b"", (-32700,)),
    ("blanks", b" \t\r", (-32700,)),
    ("a batch", b"[" + request("status") + b"," + request("status") + b"]", (-32600,)),
    ("an empty batch", b"[]", (-32600,)),
    ("no object", b'"status"', (-32600,)),
    ("two objects", request("status") * 2, (-32700,)),
    ("another version", b'{"jsonrpc":"1.0","id":1,"method":"status"}', (-32600,)),
    ("no method", b'{"jsonrpc":"2.0","id":1}', (-32600,)),
    ("an answer", b'{"jsonrpc":"2.0","id":1,"result":{}}', (-32600,)),
    ("a method that is a number", b'{"jsonrpc":"2.0","id":1,"method":1}', (-32600,)),
    ("an id that is an object", b'{"jsonrpc":"2.0","id":{},"method":"status"}', (-32600,)),
    ("params that are text", b'{"jsonrpc":"2.0","id":1,"method":"status","params":"x"}', (-32600,)),
    ("params that are a list", b'{"jsonrpc":"2.0","id":1,"method":"synthesize","params":["x"]}', (-32602,)),
    ("a number beyond all", LONG + b'a","deadline_s":1e999}}', (-32602,)),
    ("an integer without end", LONG + b'a","seed":' + b"9" * 100_000 + b"}}", (-32602,)),
    ("not a number", b'{"jsonrpc":"2.0","id":NaN,"method":"status"}', (-32700,)),
]  # fmt: skip


@pytest.mark.parametrize(("line", "codes"), [case[1:] for case in CORPUS], ids=[case[0] for case in CORPUS])
def test_each_rude_line_costs_itself_alone(tmp_path: Path, line: bytes, codes: tuple[int, ...]) -> None:
    async def ask(caller: Caller) -> tuple[Json, Json]:
        caller.send(line)
        rude = await caller.line()
        caller.send(STATUS)
        return rude, await caller.line()

    rude, alive = run(tmp_path, ask)
    assert "result" in alive
    assert error_of(rude)["code"] in codes
    if error_of(rude)["code"] == -32700:
        assert rude["id"] is None


def test_the_same_id_again_while_the_first_is_in_flight_is_refused_by_name(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> list[Json]:
        caller.service.may_go.clear()
        caller.ask("synthesize", "x", text=TEXT)
        caller.ask("synthesize", "x", text=TEXT)
        refused = await caller.line()
        caller.service.may_go.set()
        return [refused, await caller.line()]

    refused, answer = run(tmp_path, ask)
    assert error_of(refused)["code"] == -32600
    assert '"x"' in str(error_of(refused)["message"])
    assert (answer["id"], "result" in answer) == ("x", True)


def as_request(method: str, identity: object, params: Json) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}).encode()


pieces = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([line for _, line, _ in CORPUS if len(line) < 2000]),
    st.builds(
        as_request,
        st.sampled_from(
            ["status", "synthesize", "jobs/get", "jobs/list", "tools/call", "initialize", "memory/clean"]
        ),
        st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
        st.dictionaries(
            st.sampled_from(["text", "job", "seed", "audio", "name", "arguments", "_meta"]),
            st.none()
            | st.integers()
            | st.text(max_size=9)
            | st.lists(st.integers(), max_size=2)
            | st.just({"a": 1}),
            max_size=3,
        ),
    ),
)


@given(sent=st.lists(pieces, max_size=12), cuts=st.lists(st.integers(1, 400), max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_however_it_is_cut_each_line_has_one_answer_and_the_door_is_alive(
    tmp_path: Path, sent: list[bytes], cuts: list[int]
) -> None:
    async def ask(caller: Caller) -> list[Json]:
        stream = b"".join(line + b"\n" for line in sent) + request("status", "the last of all") + b"\n"
        for cut in cuts:
            caller.into.write(stream[:cut])
            await caller.into.drain()
            await asyncio.sleep(0)
            stream = stream[cut:]
        caller.into.write(stream)
        return [line for line in await caller.rest() if "method" not in line]

    answers = run(tmp_path, ask)
    lines = b"\n".join(sent).split(b"\n") if sent else []
    assert len(answers) == len(lines) + 1 - sum(_is_notification(line) for line in lines)
    assert all(("result" in line) != ("error" in line) for line in answers)
    assert [("result" in line) for line in answers if line["id"] == "the last of all"] == [True]


def _is_notification(line: bytes) -> bool:
    try:
        found: object = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and "id" not in found and isinstance(found.get("method"), str)  # pyright: ignore[reportUnknownMemberType] - JSON of any kind


# ------------------------------------------------------------------ slow readers, and bursts


def test_a_burst_is_answered_in_full_and_leaves_the_loop_to_others(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[int, float]:
        for number in range(3000):
            caller.ask("ping", number)
        reading = asyncio.ensure_future(_read(caller, 3000))
        longest_s = 0.0
        while not reading.done():
            at_s = time.monotonic()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.monotonic() - at_s)
        return await reading, longest_s

    count, longest_s = run(tmp_path, ask)
    assert count == 3000
    assert longest_s < 0.25  # a turn is a millisecond; the rest is for a busy machine


async def _read(caller: Caller, count: int) -> int:
    return len({(await caller.line())["id"] for _ in range(count)})


def test_who_reads_nothing_loses_progress_and_nothing_else(tmp_path: Path) -> None:
    def progress(number: int) -> Progress:
        return Progress(
            job="j", segment=number, segments=9999, chapter=1, chapters=1, title="", audio_seconds=1.0,
            wall_seconds=1.0, speed=None, eta_seconds=None, recycles=0, deaths=0,
        )  # fmt: skip

    async def ask(caller: Caller) -> list[Json]:
        caller.out._transport.pause_reading()  # pyright: ignore - there is no other way to read nothing
        for number in range(4000):
            caller.service.tell(progress(number))
            caller.service.tell(
                SegmentSpoken(job="j", segment=number, seconds=1.0, sha256="0" * 64, attempts=1)
            )
            if number % 200 == 0:
                await asyncio.sleep(0)
        caller.ask("synthesize", 1, text=TEXT, audio="inline")
        caller.ask("status", 2)
        await until(lambda: len(caller.service.asked) == 2)
        caller.out._transport.resume_reading()  # pyright: ignore - see above
        await caller.rest()
        return caller.lines

    lines = run(tmp_path, ask)
    assert {line["id"] for line in lines if "result" in line} == {1, 2}
    chunks = [cast("Json", line["params"]) for line in lines if line.get("method") == "audio/chunk"]
    assert pcm_of(chunks) == audio_of(TEXT)
    told = [cast("Json", line["params"])["segment"] for line in lines if line.get("method") == "progress"]
    assert told[-1] == 3999
    assert len(told) < 1500


def test_audio_that_nobody_reads_waits_whole_and_the_memory_for_it_is_bounded(tmp_path: Path) -> None:
    text = "A sentence of fifty characters, or a few more. " * 20

    async def ask(caller: Caller) -> tuple[list[Json], int]:
        caller.out._transport.pause_reading()  # pyright: ignore - there is no other way to read nothing
        for number in range(8):
            caller.ask("synthesize", number, text=text, audio="inline", seed=number)
        await until(lambda: caller.service.asked.count("synthesize") == 8 and not caller.service.now)
        room = caller.door._client._outbox._room  # pyright: ignore[reportPrivateUsage] - what it costs is not to be seen elsewhere
        left_bytes = room.left_bytes
        caller.out._transport.resume_reading()  # pyright: ignore - see above
        await caller.rest()
        assert room.left_bytes == UNREAD_ROOM_BYTES
        return caller.lines, left_bytes

    lines, left_bytes = run(tmp_path, ask)
    assert left_bytes >= 0
    for number in range(8):
        chunks = [cast("Json", line["params"]) for line in lines if line.get("method") == "audio/chunk"]
        assert pcm_of(chunk for chunk in chunks if chunk["id"] == number) == audio_of(text, seed=number)
    ended = [line["id"] for line in lines if "result" in line]
    assert sorted(cast("list[int]", ended)) == list(range(8))
    assert list(tmp_path.glob(".spill*")) == []


# ------------------------------------------------------------------ ends


def test_what_is_in_flight_at_the_end_of_input_is_finished(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> list[Json]:
        caller.service.may_go.clear()
        caller.ask("synthesize", 1, text=TEXT)
        caller.ask("jobs/submit", 2, text=TEXT, output="a.wav")
        caller.into.write(request("status", 3))  # a last line without its end
        caller.into.write_eof()
        await until(lambda: "status" in caller.service.asked)
        assert not caller.door._ending.done()  # pyright: ignore[reportPrivateUsage] - that it waits is the point
        caller.service.may_go.set()
        assert await caller.door.ended() == "input ended"
        await caller.door.close()
        return [json.loads(line) for line in (await caller.out.read()).splitlines()]

    lines = run(tmp_path, ask)
    assert {line["id"]: "result" in line for line in lines if "id" in line} == {1: True, 2: True, 3: True}


def test_a_reader_that_leaves_ends_it_and_what_it_asked_is_taken_back(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[str, int]:
        caller.service.may_go.clear()
        caller.ask("synthesize", 1, text=TEXT)
        caller.ask("status", 2)
        await caller.answer(2)
        caller.out._transport.close()  # pyright: ignore - the end that the client reads
        caller.into.write_eof()
        ending = await caller.door.ended()
        await until(lambda: not caller.service.now)
        return ending, caller.service.listeners

    assert run(tmp_path, ask) == ("client gone", 0)


def test_who_waits_when_the_door_is_closed_is_told(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> list[Json]:
        caller.service.may_go.clear()
        caller.ask("synthesize", 1, text=TEXT)
        caller.ask("status", 2)
        await caller.answer(2)
        await caller.door.close()
        await caller.door.close()
        return [await caller.line()]

    (line,) = run(tmp_path, ask)
    assert error_of(line)["data"] == {"kind": "shutting_down", "retryable": True}


def test_nothing_is_left_of_hundreds_of_requests(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> tuple[int, int]:
        for number in range(300):
            caller.ask("synthesize", number, text="One.", audio="inline" if number % 2 else "file")
            result_of(await caller.answer(number))
            caller.lines.clear()
        conversation = caller.door._client._conversation  # pyright: ignore[reportPrivateUsage] - what is left is not to be seen elsewhere
        left = len(conversation._asked) + len(conversation._named)  # pyright: ignore[reportPrivateUsage] - likewise
        return left, len(asyncio.all_tasks())

    assert run(tmp_path, ask) == (0, 2)
