"""A hundred who send faster than they are answered fill nobody's memory."""

import asyncio
from pathlib import Path

import pytest

from tests.processes.asking import ask, connected, request
from tests.processes.everydoor import MIB, EveryDoor, every_door
from tests.processes.narration import tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

#: A connection that was answered once has 30 KiB; a hundred that wait, and the first of it all, are 8 MiB.
MOST_GROWN_BYTES = 14 * MIB

SPEECH = request("POST", "/v1/audio/speech", {"input": "A sentence that is spoken slowly."})
HEALTH = request("GET", "/health")

#: A megabyte and more each.
SENT = {
    "requests ahead of answers": SPEECH + HEALTH * 20_000,
    "a body that nobody reads": request("GET", "/openapi.json", b"x" * 2 * MIB),
    "a body that nearly comes": request("POST", "/rpc", b"[" * 1_000_000)[:-1],
    "a body beyond the bound": request("POST", "/rpc", b"[" * 4 * MIB),
}


async def send_and_stay(service: EveryDoor, sent: bytes, all_sent: "asyncio.Event") -> None:
    async with connected(service.port, ahead_bytes=1) as (_, writer):
        writer.write(sent)
        await all_sent.wait()
        writer.transport.abort()


async def hundred(service: EveryDoor, sent: bytes) -> None:
    """Send as much as is taken, on a hundred connections, until nothing more is."""
    all_sent = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(99):
            group.create_task(send_and_stay(service, sent, all_sent))
        await asyncio.sleep(2)  # time itself: whoever would take more has taken it
        all_sent.set()
    assert (await ask(service.port, "GET", "/openapi.json")).status == 200


@pytest.mark.parametrize("name", SENT)
def test_a_hundred_who_send_a_megabyte_at_once_do_not_fill_the_parent(tmp_path: Path, name: str) -> None:
    with every_door(tmp_path, **{"engine.scripted.wall_per_char_s": "0.1"}) as service:
        before_bytes = service.bytes_of("VmHWM")
        asyncio.run(hundred(service, SENT[name]))
        most_bytes = service.bytes_of("VmHWM")
        tell(f"{name}: {before_bytes / MIB:.1f} to {most_bytes / MIB:.1f} MiB")
        assert service.faults() == []
    assert most_bytes - before_bytes < MOST_GROWN_BYTES
