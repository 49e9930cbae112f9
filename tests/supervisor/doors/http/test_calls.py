import asyncio
from pathlib import Path

import pytest

from supervisor.doors.http.calls import cleaned
from supervisor.loop.service import CannotAsk, GivenBack, NothingToAsk
from tests.supervisor.doors.http.visit import request, until, visiting


def test_a_method_is_asked_and_answered_as_at_every_door(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            assert (await visit.call("ping"))["result"] == {}
            made = (await visit.call("synthesize", text="Hm."))["result"]
            assert isinstance(made, dict)
            assert made["sample_rate"] == 24_000
            answer = await visit.call("sing")
            assert isinstance(error := answer["error"], dict)
            assert error["code"] == -32601
            wrong = await visit.call("synthesize", text=7)
            assert "params.text" in str(wrong["error"])

    asyncio.run(run())


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"7", b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', b"", b"\xff"]
)
def test_what_is_no_request_is_answered_as_json_rpc_has_it(tmp_path: Path, body: bytes) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.ask("POST", "/rpc", body)
            assert (answer.status, "error" in answer.json) == (200, True)

    asyncio.run(run())


def test_a_notification_is_taken_and_not_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            for method in ("notifications/cancelled", "status", "sing"):
                answer = await visit.ask("POST", "/rpc", {"jsonrpc": "2.0", "method": method})
                assert (answer.status, answer.body) == (202, b"")

    asyncio.run(run())


def test_a_form_of_another_page_is_no_request(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            kind = {"content-type": "text/plain"}
            answer = await visit.ask("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": "shutdown"}, kind)
            assert answer.status == 415
            assert visit.service.asked == []

    asyncio.run(run())


def test_one_who_leaves_takes_back_what_can_be_and_nothing_else(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.may_go.clear()
            reader, writer = await visit.connect()
            body = {"jsonrpc": "2.0", "id": 1, "method": "synthesize", "params": {"text": "Hm."}}
            writer.write(request("POST", "/rpc", body))
            await until(lambda: visit.service.now)
            writer.close()
            await until(lambda: not visit.service.now)
            del reader

    asyncio.run(run())


def test_what_waits_when_the_door_closes_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.may_go.clear()
            calling = asyncio.create_task(visit.call("child/recycle"))
            await until(lambda: "recycle" in visit.service.asked)
            await visit.door.close()
            assert "shutting_down" in str((await calling)["error"])

    asyncio.run(run())


def test_the_end_of_the_service_is_asked_for_and_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            assert (await visit.call("shutdown"))["result"] == {}
            assert "shutdown" in visit.service.asked

    asyncio.run(run())


def test_the_broom_says_what_came_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.ask("POST", "/api/cleanup")
            assert answer.status == 200
            assert answer.json == {
                "status": "success",
                "message": answer.json["message"],
                "before_bytes": 9,
                "after_bytes": 4,
                "took_s": 0.25,
            }
            visit.service.broken = NothingToAsk("no child runs now")
            answer = await visit.ask("POST", "/api/cleanup")
            assert (answer.status, answer.code) == (429, "busy")
            visit.service.broken = CannotAsk("the service ends", kind="shutting_down", retryable=True)
            assert (await visit.ask("POST", "/api/cleanup")).status == 503

    asyncio.run(run())


def test_what_came_back_is_said_in_words() -> None:
    mib = 2**20
    some = cleaned(GivenBack(before_bytes=9 * mib, after_bytes=4 * mib, took_s=0.1, of="device"))
    assert "5.0 MiB of the GPU's memory" in some.message
    none = cleaned(GivenBack(before_bytes=4 * mib, after_bytes=4 * mib, took_s=0.1))
    assert none.message == "caches released: there was nothing in them"
    nobody = cleaned(GivenBack(before_bytes=0, after_bytes=0, took_s=0.0))
    assert "no child" in nobody.message
