"""One request while it is spoken: what waits for it hears of each segment in order, or why not."""

import asyncio
from pathlib import Path

import pytest

from supervisor.loop.cutting import cut_text
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from supervisor.loop.utterance import FOLDER_NAME, Spoken, Utterance
from tests.supervisor.loop.floors import config, speak_on

THREE = "One is here. Two is there. Three is gone."


def utterance(state: Path, text: str = THREE) -> Utterance:
    cut = cut_text(config(narration__segment_chars=20), state, "r7", SpeechRequest(text=text))
    return Utterance("r7", cut.segments, state)


async def heard(said: Utterance) -> list[Spoken]:
    return [spoken async for spoken in said.pieces()]


def test_its_segments_wait_until_they_are_spoken_and_lie_in_its_own_folder(tmp_path: Path) -> None:
    async def run() -> None:
        said = utterance(tmp_path)
        assert (said.job, said.size().segments, said.size().over) == ("r7", 3, 0)
        first, second, third = said.waiting(-1, 9)
        assert said.waiting(0, 1) == [second]
        speak_on(said, first)
        assert said.waiting(-1, 9) == [second, third]
        size = said.size()
        assert (size.over, size.chars_left) == (1, len(second.text) + len(third.text))
        assert [path.name for path in (tmp_path / FOLDER_NAME).iterdir()] == ["r7-0.wav"]
        said.remove_files()
        assert list((tmp_path / FOLDER_NAME).iterdir()) == []

    asyncio.run(run())


def test_pieces_come_in_order_however_they_are_spoken(tmp_path: Path) -> None:
    async def run() -> list[Spoken]:
        said = utterance(tmp_path)
        hearing = asyncio.ensure_future(heard(said))
        for segment in reversed(said.waiting(-1, 9)):
            await asyncio.sleep(0)
            assert not hearing.done()
            speak_on(said, segment)
        return await hearing

    assert [spoken.audio.key for spoken in asyncio.run(run())] == ["0", "1", "2"]


def test_hand_outs_are_counted_and_what_was_killed_from_outside_is_given_back(tmp_path: Path) -> None:
    async def run() -> int:
        said = utterance(tmp_path, "One.")
        (segment,) = said.waiting(-1, 9)
        said.claim(segment.key)
        said.charge(segment.key)
        said.claim(segment.key)
        said.unclaim(segment.key, killed=True)
        (left,) = said.waiting(-1, 9)
        assert (left.attempts, left.killed) == (1, 1)
        speak_on(said, left)
        return (await heard(said))[0].attempts

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(
    ("kind", "told", "retryable"),
    [
        ("oom", "oom", True),
        ("child_hung", "child_hung", True),
        ("quality", "quality_failed", False),
        ("bad_input", "bad_input", False),
        ("voice_not_found", "voice_not_found", False),
        ("engine", "child_crashed", True),
    ],
)
def test_what_a_segment_fails_of_is_what_the_client_is_told(
    tmp_path: Path, kind: str, told: str, retryable: bool
) -> None:
    async def run() -> None:
        said = utterance(tmp_path)
        first, second, _ = said.waiting(-1, 9)
        hearing = asyncio.ensure_future(heard(said))
        await asyncio.sleep(0)
        speak_on(said, first)
        said.set_aside(second.key, kind, "it was so")
        said.fail(CannotAsk("later", kind="shutting_down", retryable=True))
        with pytest.raises(CannotAsk, match="it was so") as caught:
            await hearing
        assert (caught.value.kind, caught.value.retryable) == (told, retryable)

    asyncio.run(run())


def test_what_is_spoken_is_given_even_when_the_rest_will_not_be(tmp_path: Path) -> None:
    async def run() -> list[str]:
        said = utterance(tmp_path)
        for segment in said.waiting(-1, 2):
            speak_on(said, segment)
        said.fail(CannotAsk("the service ends", kind="shutting_down", retryable=True))
        pieces = said.pieces()
        given = [(await anext(pieces)).audio.key for _ in range(2)]
        with pytest.raises(CannotAsk, match="the service ends"):
            await anext(pieces)
        return given

    assert asyncio.run(run()) == ["0", "1"]


def test_a_request_is_never_cut_otherwise_nor_noted_as_paused(tmp_path: Path) -> None:
    async def run() -> None:
        said = utterance(tmp_path)
        said.set_paused("no room")
        recut = await said.recut(0, "no room")
        assert (recut.step, "as it was asked for" in recut.why) == (None, True)
        assert said.size().over == 0

    asyncio.run(run())


def test_why_a_segment_failed_is_told_in_the_words_of_whoever_made_it(tmp_path: Path) -> None:
    async def run() -> None:
        cut = cut_text(config(), tmp_path, "r7", SpeechRequest(text="One."))
        said = Utterance("r7", cut.segments, tmp_path, worded=lambda text: f"{text}, says the engine")
        said.set_aside("0", "voice_not_found", "no such voice")
        with pytest.raises(CannotAsk, match="no such voice, says the engine") as caught:
            await heard(said)
        assert caught.value.kind == "voice_not_found"

    asyncio.run(run())
