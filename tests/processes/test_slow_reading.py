"""One who reads a byte now and then of what would be heard for an hour, beside others who read."""

import asyncio
from pathlib import Path

import pytest

from tests.processes.asking import Answers, ask, connected, request
from tests.processes.everydoor import MIB, EveryDoor, every_door
from tests.processes.narration import tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

RATE_HZ = 24_000
SPEECH = "/v1/audio/speech"

#: What a service of this size may grow by while somebody does not read, in memory.
NOISE_BYTES = 6 * MIB

#: Blocks of the file that are begun and not full, and what was spoken meanwhile for others.
SLACK_BYTES = 2 * MIB


def long_text(chars: int) -> str:
    """So many characters, a second each."""
    sentence = "Somebody speaks of the ferry for a long time here. "
    return (sentence * (chars // len(sentence) + 1))[: chars - 1] + "."


async def read_now_and_then(service: EveryDoor, chars: int, most: list[int]) -> None:
    """Ask for much, read a byte now and then, and see what the disk holds; others are served meanwhile."""
    body = {"input": long_text(chars), "response_format": "pcm"}
    quick = await ask(service.port, "POST", SPEECH, {"input": "Quick.", "response_format": "mp3"})
    async with connected(service.port, ahead_bytes=1) as (reader, writer):
        writer.write(request("POST", SPEECH, body))
        assert (await reader.readexactly(12)).endswith(b" 200")
        spoken = 0
        while spoken < 10 or (await _is_speaking(service)):
            again = await ask(service.port, "POST", SPEECH, {"input": "Quick.", "response_format": "mp3"})
            assert again.body == quick.body
            assert len(await reader.read(1)) == 1
            most.append(service.unnamed_bytes())
            spoken += 1
        most.append(service.unnamed_bytes())


async def _is_speaking(service: EveryDoor) -> bool:
    return (await asyncio.to_thread(service.stdio.ask, "status"))["state"] == "speaking"


def stand(folder: Path, chars: int) -> None:
    sets = {"engine.scripted.seconds_per_char": "1.0", "http.text_chars": "20000", "queue.max_running": "2"}
    audio_bytes = chars * RATE_HZ * 2
    with every_door(folder, **sets) as service:
        most: list[int] = []
        asyncio.run(alone(service))
        before, weight = service.held_idle(), service.bytes_of("VmRSS")
        asyncio.run(read_now_and_then(service, chars, most))
        figures = (weight, service.bytes_of("VmRSS"), service.bytes_of("VmHWM"))
        tell(
            f"{chars} s of audio unread: on disk {max(most) / MIB:.0f} of {audio_bytes / MIB:.0f} MiB; "
            "VmRSS before, then, VmHWM: " + ", ".join(f"{one / MIB:.1f}" for one in figures)
        )
        assert audio_bytes / 2 < max(most) < audio_bytes + SLACK_BYTES
        assert service.bytes_of("VmHWM") - weight < NOISE_BYTES
        assert service.held_again(before) == before, "the file is closed once nobody waits for it"
        assert service.faults() == []


async def alone(service: EveryDoor) -> None:
    for form in ("pcm", "mp3"):
        await ask(service.port, "POST", SPEECH, {"input": "A first sentence.", "response_format": form})


def test_what_one_does_not_read_is_on_disk_and_no_more_of_it_than_was_spoken(tmp_path: Path) -> None:
    stand(tmp_path, 200)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_and_so_is_an_hour_of_it(tmp_path: Path) -> None:
    stand(tmp_path, 3600)


def test_one_who_reads_slowly_hears_all_of_it(tmp_path: Path) -> None:
    sets = {"engine.scripted.seconds_per_char": "0.2"}
    text = long_text(150)

    async def run() -> None:
        async with connected(service.port, ahead_bytes=1) as (reader, writer):
            whole = await ask(service.port, "POST", SPEECH, {"input": text, "response_format": "wav"})
            writer.write(request("POST", SPEECH, {"input": text, "response_format": "wav"}))
            slow = await Answers(reader, piece_bytes=64 * 1024, rest_s=0.01).next("POST")
            assert slow.body[44:] == whole.body[44:]

    with every_door(tmp_path, **sets) as service:
        asyncio.run(run())
        assert service.unnamed_bytes() == 0
