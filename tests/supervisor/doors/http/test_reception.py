import asyncio
from pathlib import Path

from tests.supervisor.doors.http.visit import visiting


def test_what_waits_to_be_read_waits_in_the_folder_of_the_state_once_memory_is_full(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            desk = visit.door._reception  # pyright: ignore[reportPrivateUsage] -- it is what is looked at
            one = desk.backlog()
            left = desk.methods.room.left_bytes
            one.put(b"x" * left)
            one.put(b"y")
            assert one.waiting_bytes == left + 1
            assert desk.methods.room.spill.held_bytes > 0
            one.close()
            assert desk.methods.room.left_bytes == left

    asyncio.run(run())


def test_a_program_is_one_caller_however_many_connections_it_has_and_another_is_another(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            for agent in ("book-maker/1", "book-maker/1", "home/2", ""):
                headers = {"user-agent": agent}
                wanted = {"input": "One.", "response_format": "pcm"}
                answer = await visit.ask("POST", "/v1/audio/speech", wanted, headers)
                assert answer.status == 200
            params = {"text": "One.", "output_file": None}
            body = {"jsonrpc": "2.0", "id": 1, "method": "synthesize", "params": params}
            assert (await visit.ask("POST", "/rpc", body, {"user-agent": "home/2"})).status == 200
            assert visit.service.callers == [
                f"http 127.0.0.1 {agent}"
                for agent in ("book-maker/1", "book-maker/1", "home/2", "", "home/2")
            ]

    asyncio.run(run())
