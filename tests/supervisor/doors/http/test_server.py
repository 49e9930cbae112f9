import asyncio
import logging
import socket
from pathlib import Path

import pytest

from tests.supervisor.doors.http.visit import request, until, visiting


def test_a_door_that_is_closed_answers_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            reader, writer = await visit.connect()
            writer.write(request("GET", "/health", headers={"connection": ""}))
            assert b"200 OK" in await reader.readuntil(b"\r\n")
            await visit.door.close()
            await visit.door.close()
            await reader.read()  # the end
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await visit.connect()
            assert visit.service.listeners == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_speech_in_hand_is_told_that_the_service_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.may_go.clear()
            asking = asyncio.create_task(visit.speak("Hm."))
            await until(lambda: visit.service.now)
            await visit.service.shutdown()
            answer = await asking
            assert (answer.status, answer.code) == (503, "shutting_down")

    asyncio.run(run())


def test_whoever_does_not_read_his_last_answer_holds_up_no_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", visit.port))
                deaf.sendall(
                    request("POST", "/v1/audio/speech", {"input": "Hm. " * 800, "response_format": "wav"})
                )
                await until(lambda: visit.service.now)
                async with asyncio.timeout(8):
                    await visit.door.close()

    asyncio.run(run())


def test_where_it_listens_is_logged_and_uvicorn_says_nothing(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with visiting(tmp_path) as visit:
            await visit.raw(b"nonsense\r\n\r\n")
            return [line for line in visit.logged if f"http://127.0.0.1:{visit.port}" in line]

    assert len(asyncio.run(run())) == 1
    assert not logging.getLogger("uvicorn").propagate
