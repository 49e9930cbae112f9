"""Requests of all clients: turns in order, within bounds, and none lost whoever leaves when."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.errors import DiskFull
from supervisor.loop import requestqueue
from supervisor.loop.requestqueue import RequestQueue
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Speech, SpeechRequest
from supervisor.loop.utterance import FOLDER_NAME
from tests.supervisor.loop.floors import MUTE, OwnFloor, config, settled

if TYPE_CHECKING:
    from supervisor.config import Config


class Desk:
    """A queue in a folder of its own, with a floor that speaks when it is told to."""

    def __init__(self, folder: Path, *, is_open: bool = True, **sets: object) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.config: Config = config(**sets)
        self.floor = OwnFloor(is_open=is_open)
        self.queue = RequestQueue(lambda: self.config, self.state, self.floor, folder)

    def ask(self, text: str = "Hello there.", **asked: object) -> "asyncio.Task[Speech]":
        request = SpeechRequest(text=text, **asked)  # type: ignore[arg-type] -- each test names fields of it
        return asyncio.ensure_future(self.queue.speak(request, None))

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.state / FOLDER_NAME).iterdir())


def in_desk(
    folder: Path, do: Callable[[Desk], Awaitable[None]], *, is_open: bool = True, **sets: object
) -> None:
    async def run() -> None:
        desk = Desk(folder, is_open=is_open, **sets)
        await do(desk)
        desk.queue.close()

    asyncio.run(run())


async def refused(task: "asyncio.Task[Speech]") -> CannotAsk:
    with pytest.raises(CannotAsk) as caught:
        await task
    return caught.value


# ------------------------------------------------------------------ turns


def test_turns_come_in_order_and_no_more_run_than_may(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        tasks = [desk.ask(f"Number {number}.") for number in range(6)]
        most = 0
        while not all(task.done() for task in tasks):
            await settled()
            most = max(most, len(desk.floor.here))
            desk.floor.step()
        assert desk.floor.heard == [(f"r{number + 1}", f"Number {number}.") for number in range(6)]
        assert (most, desk.queue.waiting) == (2, 0)

    in_desk(tmp_path, do, is_open=False, queue__max_running=2)


def test_one_more_than_may_wait_is_busy_and_waits_for_nobody(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        tasks = [desk.ask() for _ in range(3)]
        await settled()
        assert desk.queue.waiting == 2
        error = await refused(desk.ask())
        assert (error.kind, error.retryable) == ("busy", True)
        desk.floor.open_up()
        await asyncio.gather(*tasks)

    in_desk(tmp_path, do, is_open=False, queue__max_waiting=2)


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "cancel", "speak", "turn"]), st.integers(0, 9)), min_size=5, max_size=60
)


@settings(max_examples=80)
@given(steps=STEPS, running=st.integers(1, 3), last=st.sampled_from(["speak", "close"]))
def test_whoever_leaves_when_everybody_else_is_served_and_no_turn_is_lost(
    steps: list[tuple[str, int]], running: int, last: str
) -> None:
    async def do(desk: Desk) -> None:
        tasks: list[asyncio.Task[Speech]] = []
        left: set[asyncio.Task[Speech]] = set()
        for step, number in steps:
            match step:
                case "ask":
                    tasks.append(desk.ask(f"Number {len(tasks)}."))
                case "cancel" if tasks:
                    task = tasks[number % len(tasks)]
                    if not task.done():
                        left.add(task)
                        task.cancel()
                case "speak":
                    desk.floor.step()
                case _:
                    await settled(number)
            assert len(desk.floor.here) <= running
        if last == "close":
            desk.queue.close()
        else:
            desk.floor.open_up()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        errors = [task.exception() for task in tasks if not (task in left and task.cancelled())]
        assert {error.kind if isinstance(error, CannotAsk) else error for error in errors} <= (
            {None} if last == "speak" else {None, "shutting_down"}
        )
        assert (desk.queue.waiting, desk.queue.running, desk.floor.here) == (0, 0, [])
        if last == "speak":  # and the next is served
            await asyncio.wait_for(desk.ask(), 20)

    with tempfile.TemporaryDirectory() as folder:
        in_desk(Path(folder), do, is_open=False, queue__max_running=running, queue__max_waiting=1000)


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("turns", range(14))
def test_who_leaves_just_when_it_is_called_gives_its_turn_on(tmp_path: Path, turns: int, ends: bool) -> None:
    async def do(desk: Desk) -> None:
        first, second, third = (desk.ask(f"Number {number}.") for number in range(3))
        await settled()
        desk.floor.step()
        await settled(turns)
        if ends:
            desk.queue.close()
        else:
            desk.floor.open = True  # whoever is taken in from now on is spoken at once
        second.cancel()
        desk.floor.open_up()
        await asyncio.wait_for(asyncio.gather(first, second, third, return_exceptions=True), 5)
        assert ends or third.exception() is None
        assert (desk.queue.running, desk.queue.waiting) == (0, 0)

    in_desk(tmp_path, do, is_open=False, queue__max_running=1)


@pytest.mark.parametrize("turns", range(14))
def test_who_is_called_just_when_it_ends_is_told_so(tmp_path: Path, turns: int) -> None:
    async def do(desk: Desk) -> None:
        first, second = (desk.ask(f"Number {number}.") for number in range(2))
        await settled()
        desk.floor.step()
        await settled(turns)
        desk.queue.close()
        error = await asyncio.wait_for(refused(second), 5)
        assert error.kind == "shutting_down"
        assert (await asyncio.gather(first, return_exceptions=True)) is not None
        assert desk.queue.running == 0

    in_desk(tmp_path, do, is_open=False, queue__max_running=1)


def test_served_are_those_that_stayed_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        tasks = [desk.ask(f"Number {number}.") for number in range(8)]
        await settled()
        for number in (0, 1, 4, 5):
            tasks[number].cancel()
        desk.floor.open_up()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [text for _, text in desk.floor.heard] == [f"Number {number}." for number in (2, 3, 6, 7)]

    in_desk(tmp_path, do, is_open=False)


def test_more_may_run_after_a_reload(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        tasks = [desk.ask(f"Number {number}.") for number in range(5)]
        await settled()
        assert len(desk.floor.here) == 1
        desk.config = config(queue__max_running=3)
        desk.floor.step()
        await settled()
        assert len(desk.floor.here) == 3
        desk.floor.open_up()
        await asyncio.gather(*tasks)

    in_desk(tmp_path, do, is_open=False, queue__max_running=1)


def test_the_next_is_spoken_while_a_file_is_made(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        first = desk.ask("First.", output_file="first.flac")
        second = desk.ask("Second.")
        await second
        assert not first.done()
        assert (await first).path == str(tmp_path / "first.flac")

    in_desk(tmp_path, do, queue__max_running=1)


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"output_file": "a.mp3"}, r"\.wav or \.flac"),
        ({"output_file": ""}, r"\.wav or \.flac"),
        ({"output_file": "a\0.wav"}, r"\.wav or \.flac"),
        ({"output_file": "/proc/a.wav"}, "cannot write in /proc"),
        ({"sample_rate": 7999}, "sample_rate"),
        ({"sample_rate": 192_001}, "sample_rate"),
        ({"text": "…"}, "nothing to speak"),
        ({"text": f"This is {MUTE}."}, "silent"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_costs_no_turn(
    tmp_path: Path, asked: dict[str, object], words: str
) -> None:
    async def do(desk: Desk) -> None:
        text = str(asked.get("text", "Hello."))
        rest = {key: value for key, value in asked.items() if key != "text"}
        with pytest.raises(CannotAsk, match=words):
            await desk.ask(text, **rest)
        assert desk.queue.running == 0
        assert MUTE in text or desk.floor.taken == []
        await desk.ask()

    in_desk(tmp_path, do, queue__max_running=1)


def test_a_deadline_takes_a_request_back_and_its_place_is_free(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        error = await refused(desk.ask("Too late.", deadline_s=0.02))
        assert (error.kind, error.retryable) == ("cancelled", True)
        assert desk.floor.withdrawn == ["r1"]
        desk.floor.open_up()
        await desk.ask("In time.", deadline_s=60.0)

    in_desk(tmp_path, do, is_open=False, queue__max_running=1)


def test_a_full_disk_is_told_to_who_asks_and_the_next_is_spoken(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        desk.floor.refuses = DiskFull("the disk is full")
        error = await refused(desk.ask())
        assert (error.kind, error.retryable) == ("disk_full", True)
        desk.floor.refuses = None
        await desk.ask()

    in_desk(tmp_path, do)


def test_whoever_waits_or_is_spoken_or_comes_when_it_ends_is_told(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        before = [desk.ask() for _ in range(3)]
        await settled()
        desk.floor.step()
        just_called = desk.ask()
        desk.queue.close()
        after = desk.ask()
        for task in (*before[1:], just_called, after):
            error = await refused(task)
            assert (error.kind, error.retryable) == ("shutting_down", True)
        assert (await before[0]).seconds > 0
        assert desk.queue.running == 0

    in_desk(tmp_path, do, is_open=False, queue__max_running=1)


# ------------------------------------------------------------------ files


def test_the_files_of_a_request_go_when_it_is_over_or_given_up(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        said = "One is here. Two is there. Three is gone."
        speech = await desk.ask(said)
        assert (speech.path, desk.files) == (str(desk.state / FOLDER_NAME / "r1.wav"), ["r1.wav"])
        await desk.ask(said, output_file="deep/own.wav")
        await desk.ask(said, audio="inline")
        assert desk.files == ["r1.wav"]
        assert (tmp_path / "deep" / "own.wav").is_file()
        desk.floor.open = False
        given_up = desk.ask(said)
        await settled()
        desk.floor.step()
        assert desk.files == ["r1.wav", "r4-0.wav"]
        given_up.cancel()
        await settled()
        assert desk.files == ["r1.wav"]
        failing = desk.ask(f"One is here. Two is {MUTE}.")
        await settled()
        desk.floor.open_up()
        await refused(failing)
        await settled()
        assert desk.files == ["r1.wav"]

    in_desk(tmp_path, do, narration__segment_chars=20)


@pytest.mark.parametrize("name", [".r1.wav.part", "r1.wav"])
def test_a_passing_file_is_not_kept_for_who_left_while_it_was_made(tmp_path: Path, name: str) -> None:
    async def do(desk: Desk) -> None:
        making = desk.ask("Hello there.", sample_rate=16_000)
        while name not in desk.files and not making.done():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        assert desk.files == ([] if making.cancelled() else ["r1.wav"])

    in_desk(tmp_path, do)


def test_files_that_are_kept_are_so_many_and_so_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requestqueue, "MOST_KEPT", 3)
    monkeypatch.setattr(requestqueue, "KEPT_S", 0.3)

    async def do(desk: Desk) -> None:
        for number in range(5):
            await desk.ask(f"Number {number}.")
        assert desk.files == ["r3.wav", "r4.wav", "r5.wav"]
        while desk.files:  # noqa: ASYNC110 - a timer of its own takes them away
            await asyncio.sleep(0.01)
        await desk.ask("And it begins anew.")
        while desk.files:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)

    in_desk(tmp_path, do)


def test_what_a_service_before_left_is_taken_away(tmp_path: Path) -> None:
    left = tmp_path / "state" / FOLDER_NAME / "r1-0.wav.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    async def do(desk: Desk) -> None:
        assert desk.files == []
        await settled(0)

    in_desk(tmp_path, do)


def test_two_requests_never_write_one_file_at_once(tmp_path: Path) -> None:
    async def do(desk: Desk) -> None:
        tasks = [desk.ask(f"Number {number}.", output_file="same.flac") for number in range(3)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, CannotAsk)]
        assert [error.kind for error in errors] == ["busy", "busy"]
        assert all("same.flac" in str(error) for error in errors)
        await desk.ask("Now.", output_file="same.flac")

    in_desk(tmp_path, do, queue__max_running=3)
