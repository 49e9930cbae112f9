"""What is asked by many is done once, and every failure becomes the error that the contract has for it."""

import asyncio
from pathlib import Path

import pytest

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.methods import Method, Methods, Once
from supervisor.errors import DiskFull
from supervisor.log import Log
from supervisor.loop.service import CannotAsk, GivenBack

SILENT = Log(format="text", level="error", write=lambda _: None)
GIVEN = GivenBack(before_bytes=9, after_bytes=4, took_s=0.25)


def methods(log: Log = SILENT) -> Methods:
    table = {"one": Method(begin=lambda _, __: b"1")}
    return Methods(table, log, folder=Path(), listen=lambda _: lambda: None, once=())


def test_a_method_is_found_by_its_name_or_the_names_are_told() -> None:
    assert methods().of("one").waits is False
    with pytest.raises(rpc.Fault, match="no method 'two'; there are one") as raised:
        methods().of("two")
    assert raised.value.error.code == rpc.METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (CannotAsk("try again", kind="busy", retryable=True), 9, "try again"),
        (rpc.invalid_params("params.x: no"), -32602, "params.x: no"),
        (asyncio.CancelledError(), 10, "the work is over"),
        (DiskFull("the disk is full"), -32603, "one failed: the disk is full"),
        (KeyError("x"), -32603, "one failed: KeyError: 'x'"),
    ],
)
def test_each_failure_has_its_error(failure: BaseException, code: int, words: str) -> None:
    error = methods().error_of("one", failure)
    assert (error.code, error.message) == (code, words)
    # Who waits when the service ends may ask the next one, whatever was asked for.
    assert error.data is None or error.data.retryable


def test_only_what_should_not_be_is_logged_as_a_bug() -> None:
    lines: list[str] = []
    loud = methods(Log(format="text", level="debug", write=lines.append))
    loud.error_of("one", CannotAsk("no", kind="oom", retryable=True))
    assert lines == []
    loud.error_of("one", KeyError("x"))
    assert "bug" in lines[0]


def test_a_thing_is_done_once_for_all_who_ask_meanwhile_and_again_for_who_asks_later() -> None:
    async def ask() -> tuple[list[bytes], int]:
        begun, go = 0, asyncio.Event()

        async def do() -> GivenBack:
            nonlocal begun
            begun += 1
            await go.wait()
            return GIVEN

        once = Once(do, "memory/clean", SILENT)
        tasks = [asyncio.create_task(once.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        go.set()
        answers = await asyncio.gather(*tasks[1:])
        await once.ask()
        return answers, begun

    answers, begun = asyncio.run(ask())
    assert (len(answers), begun) == (2, 2)
    assert b'"before_bytes":9' in answers[0]


def test_who_waits_when_it_is_closed_is_let_go() -> None:
    async def ask() -> None:
        once = Once(asyncio.Event().wait, "child/recycle", SILENT)  # pyright: ignore[reportArgumentType] - never ends
        waiting = asyncio.create_task(once.ask())
        await asyncio.sleep(0)
        await once.close()
        await once.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(ask())
