"""When a process with pipes stands still, and when it only waits."""

from dataclasses import replace

import pytest

from supervisor.loop.stillness import LOOKS, Flow, Stillness

WORK = Flow(unread_bytes=100, untaken_bytes=0, input_ended=False, moved_bytes=7)
LAST_WORK = Flow(unread_bytes=0, untaken_bytes=0, input_ended=True, moved_bytes=7)
NO_WORK = Flow(unread_bytes=0, untaken_bytes=0, input_ended=False, moved_bytes=7)
NO_ROOM = Flow(unread_bytes=100, untaken_bytes=1, input_ended=False, moved_bytes=7)


@pytest.mark.parametrize("flow", [WORK, LAST_WORK])
def test_work_room_and_no_byte_moved_for_long_is_standing_still(flow: Flow) -> None:
    stillness = Stillness()
    assert [stillness.look(flow) for _ in range(LOOKS + 1)] == [False] * LOOKS + [True]


@pytest.mark.parametrize("flow", [NO_WORK, NO_ROOM])
def test_a_process_without_work_or_without_a_reader_waits_as_long_as_it_likes(flow: Flow) -> None:
    stillness = Stillness()
    assert not any(stillness.look(flow) for _ in range(10 * LOOKS))


@pytest.mark.parametrize(
    "moved",
    [replace(WORK, unread_bytes=99), replace(WORK, moved_bytes=8), replace(WORK, input_ended=True), NO_ROOM],
)
def test_whatever_moves_begins_the_count_anew(moved: Flow) -> None:
    stillness = Stillness()
    for _ in range(LOOKS):
        assert not stillness.look(WORK)
    assert not stillness.look(moved)
    assert not any(stillness.look(WORK) for _ in range(LOOKS))
