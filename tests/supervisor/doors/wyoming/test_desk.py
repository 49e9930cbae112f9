"""What clients share: voices are told once they are known, and anew when they are others."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from wyoming.info import Info

from supervisor.core.notes import ChildState
from supervisor.doors.wyoming.desk import MOST_KEPT_BYTES
from tests.supervisor.doors.wyoming.doors import PATIENCE_S, memory_desk, until

READY = ChildState(life=1, state="ready", why="", signal=None, memory={})


def test_the_answer_is_one_event_for_all_who_ask(tmp_path: Path) -> None:
    async def run() -> None:
        async with memory_desk(tmp_path) as (desk, _):
            first, second = await asyncio.gather(desk.info(), desk.info())
            assert first is second
            assert [voice.name for voice in Info.from_event(first).tts[0].voices] == ["ada", "bob"]
            assert [voice.name for voice in desk.voices] == ["ada", "bob"]

    asyncio.run(run())


def test_who_asks_before_the_first_child_is_ready_waits_for_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with memory_desk(tmp_path, voices=[]) as (desk, service):
            asking = asyncio.ensure_future(desk.info())
            service.tell(READY)  # of an engine that tells no voices: no answer yet
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not asking.done()
            assert desk.voices == []
            service.voices = ["ada"]
            service.tell(READY)
            info = Info.from_event(await asyncio.wait_for(asking, PATIENCE_S))
            assert [voice.name for voice in info.tts[0].voices] == ["ada"]

    asyncio.run(run())


def test_a_reload_brings_other_voices(tmp_path: Path) -> None:
    async def run() -> None:
        async with memory_desk(tmp_path) as (desk, service):
            service.voices = []
            service.tell(READY)
            await asyncio.sleep(0)
            assert [voice.name for voice in desk.voices] == ["ada", "bob"], (
                "none is not known yet, and no news"
            )
            service.voices = ["cy"]
            service.tell(READY)
            await until(lambda: [voice.name for voice in desk.voices] == ["cy"])
            assert [voice.name for voice in Info.from_event(await desk.info()).tts[0].voices] == ["cy"]

    asyncio.run(run())


@dataclass(slots=True)
class Talker:
    kept_bytes: int

    def let_go(self) -> None:
        self.kept_bytes = 0


def test_who_has_said_most_in_part_is_let_go_until_it_is_little_enough(tmp_path: Path) -> None:
    async def run() -> None:
        async with memory_desk(tmp_path) as (desk, _):
            share = MOST_KEPT_BYTES // 4
            talkers = [Talker(share), Talker(2 * share), Talker(share)]
            desk.keepers = lambda: talkers
            desk.relieve()
            assert [talker.kept_bytes for talker in talkers] == [share, 2 * share, share]
            talkers.append(Talker(10))
            desk.relieve()
            assert [talker.kept_bytes for talker in talkers] == [share, 0, share, 10]
            talkers += [Talker(share + 5), Talker(share + 3), Talker(2 * share)]
            desk.relieve()
            assert [talker.kept_bytes for talker in talkers] == [share, 0, share, 10, 0, share + 3, 0]

    asyncio.run(run())
