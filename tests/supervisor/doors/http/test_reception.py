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
