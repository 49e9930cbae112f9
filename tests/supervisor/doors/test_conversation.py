"""Each request is answered once, under its own id, whatever the client does meanwhile."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from supervisor.doors.conversation import Conversation
from supervisor.doors.lines import Unkept
from supervisor.doors.offer import service_methods
from supervisor.doors.outbox import Outbox
from supervisor.log import Log
from tests.supervisor.doors.memory_service import MemoryService, memory_service
from tests.supervisor.doors.pipes import Json, error_of, request, result_of, until

R = TypeVar("R")


@dataclass(slots=True)
class Talk:
    """A conversation without a wire."""

    service: MemoryService
    conversation: Conversation
    outbox: Outbox
    log: list[str]
    answered: asyncio.Event
    lines: list[Json] = field(default_factory=list[Json])

    def ask(self, method: str, identity: object = 1, **params: object) -> None:
        self.conversation.take(request(method, identity, **params))

    def take_back(self, identity: object) -> None:
        line = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identity}}
        self.conversation.take(json.dumps(line).encode())

    def heard(self) -> list[Json]:
        """Read what there is."""
        new = [json.loads(line) for line in self.outbox.pull(1 << 30).splitlines()]
        self.lines += new
        return new

    async def quiet(self) -> list[Json]:
        """Wait until nothing is in flight and read all there is."""
        while self.conversation.waits:
            self.answered.clear()
            await self.answered.wait()
        return self.heard()


@asynccontextmanager
async def talk(folder: Path, most_waiting: int = 8) -> AsyncGenerator[Talk]:
    log: list[str] = []
    sink = Log(format="text", level="debug", write=log.append)
    async with memory_service(folder) as service:
        methods = service_methods(service, sink, folder=folder)
        outbox = Outbox(methods.room, lambda: None)
        answered = asyncio.Event()
        conversation = Conversation(methods, outbox, answered.set, most_waiting=most_waiting)
        yield Talk(service, conversation, outbox, log, answered)
        await conversation.close()
        outbox.close()
        await methods.close()


def run(folder: Path, do: Callable[[Talk], Coroutine[object, object, R]], most_waiting: int = 8) -> R:
    async def within() -> R:
        async with talk(folder, most_waiting) as each:
            return await asyncio.wait_for(do(each), 10)

    return asyncio.run(within())


def test_the_requests_of_one_client_are_one_callers_and_another_client_is_another(tmp_path: Path) -> None:
    async def two(folder: Path) -> list[str]:
        async with talk(folder) as one, talk(folder) as other:
            for each in (one, other):
                each.service.may_go.set()
                for identity in (1, 2):
                    each.ask("synthesize", identity, text="One.")
                await each.quiet()
            return [*one.service.callers, *other.service.callers]

    first, also_first, second, also_second = asyncio.run(two(tmp_path))
    assert first == also_first != second == also_second


def test_an_id_that_is_in_flight_is_refused_and_its_first_request_is_answered(tmp_path: Path) -> None:
    async def twice(talk: Talk) -> tuple[list[Json], list[Json]]:
        talk.service.may_go.clear()
        for identity in (1, 1.0, "1", 1):
            talk.ask("synthesize", identity, text="One.")
        talk.ask("status", 1)
        refused = talk.heard()
        talk.service.may_go.set()
        return refused, await talk.quiet()

    refused, answers = run(tmp_path, twice)
    assert [(line["id"], error_of(line)["code"]) for line in refused] == [
        (1.0, -32600),
        (1, -32600),
        (1, -32600),
    ]
    assert "id 1 is that of a request" in str(error_of(refused[1])["message"])
    assert [(line["id"], "result" in line) for line in answers] == [(1, True), ("1", True)]


def test_an_id_may_be_used_again_once_it_was_answered(tmp_path: Path) -> None:
    async def again(talk: Talk) -> list[Json]:
        for _ in range(3):
            talk.ask("synthesize", None, text="One.")
            await talk.quiet()
        return talk.lines

    assert [(line["id"], "result" in line) for line in run(tmp_path, again)] == [(None, True)] * 3


def test_what_is_taken_back_is_answered_so_and_nothing_more_is_heard_of_it(tmp_path: Path) -> None:
    async def back(talk: Talk) -> tuple[list[Json], list[str]]:
        talk.service.may_go.clear()
        talk.ask("synthesize", "a", text="One. Two.", audio="inline")
        talk.ask("memory/clean", 2)
        await asyncio.sleep(0)
        for identity in ("a", 2.0, 77, None, {"odd": 1}):
            talk.take_back(identity)
        lines = await talk.quiet()
        talk.service.may_go.set()
        talk.ask("synthesize", "a", text="Two.")
        return lines + await talk.quiet(), talk.service.asked

    (first, second, third), asked = run(tmp_path, back)
    for line, identity in ((first, "a"), (second, 2)):
        assert line["id"] == identity
        assert (error_of(line)["code"], error_of(line)["data"]) == (
            8,
            {"kind": "cancelled", "retryable": True},
        )
    assert third["id"] == "a"
    assert "result" in third
    assert asked == ["synthesize", "clean", "synthesize"]


def test_what_the_ledger_is_to_hold_is_not_taken_back_half_way(tmp_path: Path) -> None:
    async def back(talk: Talk) -> Json:
        talk.ask("jobs/submit", 1, text="One.", output="a.wav")
        talk.ask("tools/call", 2, name="submit_job", arguments={"text": "One.", "output": "b.wav"})
        talk.take_back(1)
        talk.take_back(2)
        await talk.quiet()
        return {str(line.get("id")): line for line in talk.lines}

    answers = run(tmp_path, back)
    assert "job" in result_of(cast("Json", answers["1"]))
    assert result_of(cast("Json", answers["2"]))["isError"] is False


def test_audio_that_waits_is_dropped_with_a_request_that_is_taken_back(tmp_path: Path) -> None:
    async def back(talk: Talk) -> list[Json]:
        talk.ask("synthesize", 1, text="One. " * 50, audio="inline")
        await until(lambda: talk.outbox.audio_bytes > 0)
        talk.take_back(1)
        return await talk.quiet()

    (answer,) = run(tmp_path, back)
    assert error_of(answer)["code"] == 8


def test_more_than_may_be_waited_for_are_told_that_it_is_busy_and_quick_ones_are_answered(
    tmp_path: Path,
) -> None:
    async def many(talk: Talk) -> tuple[list[Json], list[Json]]:
        talk.service.may_go.clear()
        for number in range(10):
            talk.ask("synthesize", number, text="One.")
        talk.ask("ping", "quick")
        refused = talk.heard()
        talk.service.may_go.set()
        return refused, await talk.quiet()

    (first, second, quick), answers = run(tmp_path, many)
    for line, identity in ((first, 8), (second, 9)):
        assert (line["id"], error_of(line)["data"]) == (identity, {"kind": "busy", "retryable": True})
    assert quick["id"] == "quick"
    assert [line["id"] for line in answers] == list(range(8))


def test_notifications_are_not_answered_whatever_they_hold(tmp_path: Path) -> None:
    async def silent(talk: Talk) -> tuple[list[Json], list[str]]:
        for line in (
            b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
            b'{"jsonrpc":"2.0","method":"notifications/cancelled"}',
            b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[1]}',
            b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":true}}',
            b'{"jsonrpc":"2.0","method":"no/such"}',
            b'{"jsonrpc":"2.0","method":"synthesize","params":{"text":7}}',
            b'{"jsonrpc":"2.0","method":"synthesize","params":{"text":"One.","audio":"inline"}}',
            b'{"jsonrpc":"2.0","method":"status"}',
        ):
            talk.conversation.take(line)
        return await talk.quiet(), talk.service.asked

    lines, asked = run(tmp_path, silent)
    assert lines == []
    assert asked == ["status", "synthesize"]


def test_a_line_that_was_not_kept_is_an_error_without_an_id(tmp_path: Path) -> None:
    async def long(talk: Talk) -> list[Json]:
        talk.conversation.take(Unkept.TOO_LONG)
        return talk.heard()

    (line,) = run(tmp_path, long)
    assert (line["id"], error_of(line)["code"]) == (None, -32700)


def test_a_bug_is_the_answer_and_in_the_log(tmp_path: Path) -> None:
    async def broken(talk: Talk) -> tuple[list[Json], list[str]]:
        talk.service.broken = ZeroDivisionError("a bug")
        for number, method in enumerate(("status", "memory/clean", "jobs/list", "server/discover")):
            talk.ask(method, number)
        talk.ask("synthesize", 4, text="One.")
        return await talk.quiet(), talk.log

    lines, log = run(tmp_path, broken)
    assert sorted(str(line["id"]) for line in lines) == list("01234")
    assert {error_of(line)["code"] for line in lines} == {-32603}
    assert all("ZeroDivisionError: a bug" in str(error_of(line)["message"]) for line in lines)
    assert sum(" ERROR bug " in line for line in log) == 5


def test_who_hangs_up_has_its_utterances_taken_back_and_what_is_durable_is_done(tmp_path: Path) -> None:
    async def gone(talk: Talk) -> tuple[int, int, list[str], bool]:
        talk.service.may_go.clear()
        talk.conversation.listen()
        talk.ask("synthesize", 1, text="One.", audio="inline")
        talk.ask("jobs/submit", 2, text="One.", output="a.wav")
        await asyncio.sleep(0)
        talk.conversation.hang_up()
        await talk.quiet()
        jobs = [view.job for view in talk.service.jobs()]
        return talk.service.now, talk.service.listeners, jobs, talk.outbox.is_empty

    now, listeners, jobs, is_empty = run(tmp_path, gone)
    assert (now, listeners, len(jobs), is_empty) == (0, 0, 1, True)


def test_when_the_service_ends_all_is_answered_and_shutdown_with_success(tmp_path: Path) -> None:
    async def end(talk: Talk) -> list[Json]:
        talk.service.may_go.clear()
        talk.ask("synthesize", 1, text="One.")
        talk.ask("memory/clean", 2)
        await asyncio.sleep(0)
        talk.ask("shutdown", 3)
        await talk.conversation.close()
        return talk.heard()

    answers = {line["id"]: line for line in run(tmp_path, end)}
    assert [error_of(answers[number])["code"] for number in (1, 2)] == [10, 10]
    assert answers[3]["result"] == {}


def test_audio_that_finds_no_room_ends_its_request_and_says_so(tmp_path: Path) -> None:
    async def full(talk: Talk) -> list[Json]:
        talk.outbox._room.spill._folder = tmp_path / "nowhere"  # pyright: ignore[reportPrivateUsage] - a disk that is gone
        talk.ask("synthesize", 1, text="a very long sentence of many words " * 100, audio="inline")
        return await talk.quiet()

    (answer,) = run(tmp_path, full)
    assert error_of(answer)["data"] == {"kind": "disk_full", "retryable": True}


def test_progress_is_told_before_the_answer_where_it_is_asked_for(tmp_path: Path) -> None:
    async def progress(talk: Talk) -> list[Json]:
        talk.ask("synthesize", 1, text="One. Four.", _meta={"progressToken": "t"})
        while not talk.outbox.is_empty or talk.conversation.waits:
            talk.heard()
            await asyncio.sleep(0)
        return talk.lines

    *told, answer = run(tmp_path, progress)
    assert [line["params"] for line in told] == [
        {"progressToken": "t", "progress": 0.15, "message": "seconds of speech"},
        {"progressToken": "t", "progress": 0.35, "message": "seconds of speech"},
    ]
    assert result_of(answer)["seconds"] == 0.35


def test_who_has_asked_for_too_much_may_still_end_it_all(tmp_path: Path) -> None:
    async def end(talk: Talk) -> list[Json]:
        talk.service.may_go.clear()
        for number in range(10):
            talk.ask("synthesize", number, text="One.")
        talk.ask("shutdown", "the end")
        return [*talk.heard(), *await talk.quiet()]

    answers = {line["id"]: line for line in run(tmp_path, end)}
    assert answers["the end"]["result"] == {}
    assert answers.keys() == {*range(10), "the end"}
