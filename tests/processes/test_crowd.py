"""Two hundred at every door at once, some of them rude, while children and encoders die and are replaced."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.crowd import COME_AGAIN, Crowd, alone
from tests.processes.everydoor import MIB, EveryDoor, every_door
from tests.processes.narration import paragraphs, tell
from tests.processes.serving import fields

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

#: A child leaks, and is replaced after some ten segments: by need, beside those that are killed.
LEAKY = {
    "engine.scripted.seconds_per_char": "0.02",
    "engine.scripted.wall_per_char_s": "0.0002",
    "engine.faults.leak_bytes": '"10MiB"',
    "memory.host.soft": '"150MiB"',
    "memory.host.hard": '"300MiB"',
    "memory.poll_s": "0.1",
}
MOST_BYTES = 60 * MIB


async def kill_at_random(service: EveryDoor, chance: random.Random, kills: Counter[str]) -> None:
    """Kill the child every second or so, and an encoder now and then; until cancelled."""
    while True:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        encoders = service.encoders()
        if encoders and chance.random() < 0.3:
            victim, what = chance.choice(encoders), "encoders"
        else:
            child = (await asyncio.to_thread(service.stdio.ask, "status"))["child"]
            victim, what = (0, "") if child is None else (int(str(fields(child)["pid"])), "children")
        with contextlib.suppress(ProcessLookupError):
            if victim:
                os.kill(victim, signal.SIGKILL)
                kills[what] += 1


async def disturbed(service: EveryDoor, crowd: Crowd, count: int, for_s: float) -> Counter[str]:
    kills: Counter[str] = Counter()
    killing = asyncio.create_task(kill_at_random(service, random.Random(7), kills))
    try:
        await crowd.stay(count, for_s)
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
    return kills


def narrated(service: EveryDoor, name: str) -> str:
    """Have a job done beside all others; its number."""
    service.task.text.write_text(paragraphs(20), "utf-8")
    return str(service.stdio.ask("jobs/submit", inputs=[service.task.text.name], output=name)["job"])


def stand(service: EveryDoor, count: int, for_s: float) -> Counter[str]:
    """Have a crowd there for a while; nothing of it stays. Returns how it was answered."""
    right = asyncio.run(alone(service))
    service.stdio.wait_for(narrated(service, "alone.wav"), "done")
    before, weight = service.held_idle(), [service.bytes_of("VmRSS")]
    crowd = Crowd(service, right, seed=1)
    job = narrated(service, "among.wav")
    kills = asyncio.run(disturbed(service, crowd, count, for_s))
    service.stdio.wait_for(job, "done")
    weight += [service.bytes_of("VmRSS"), service.bytes_of("VmHWM")]
    tell(
        f"{count} clients for {for_s:g} s, killed: {dict(kills)}, lives: {dict(service.lives())}",
        *(f"  {number:5} {end}" for end, number in sorted(crowd.ends.items())),
        "VmRSS before, after, VmHWM in MiB: " + ", ".join(f"{one / MIB:.1f}" for one in weight),
    )
    assert crowd.wrong == []
    assert service.faults() == []
    assert service.held_again(before) == before
    folder = service.task.text.parent
    assert (folder / "among.wav").read_bytes() == (folder / "alone.wav").read_bytes()
    assert service.bytes_of("VmHWM") < MOST_BYTES
    assert service.unnamed_bytes() == 0
    assert service.stdio.hang_up() == 0
    return crowd.ends


def unavoidable(ends: Counter[str]) -> list[str]:
    """Answers that are neither right, nor a cut that is seen as one, nor tell to come again."""
    good = {"right", "cut", "not ready", *COME_AGAIN}
    answers = [end for end in ends if not end.startswith("rude: ")]
    return [end for end in answers if end.partition(": ")[2] not in good]


@pytest.mark.timeout(60)
def test_two_hundred_at_every_door_are_served_right_or_told_and_leave_nothing(tmp_path: Path) -> None:
    with every_door(tmp_path, **LEAKY) as service:
        ends = stand(service, 200, 2)
    assert unavoidable(ends) == []
    assert sum(number for end, number in ends.items() if end.endswith(": right")) > 50


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "room", [{}, {"http.connections": "400", "queue.max_waiting": "400"}], ids=["as shipped", "room for all"]
)
def test_and_so_they_are_for_minutes(tmp_path: Path, room: dict[str, str]) -> None:
    with every_door(tmp_path, **LEAKY, **room) as service:
        ends = stand(service, 200, 150)
    assert unavoidable(ends) == []
