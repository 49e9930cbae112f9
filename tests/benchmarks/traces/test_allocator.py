"""The modelled allocator keeps the laws of the real one: what it says is what its blocks are."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.traces.allocator import MIB, Allocator, OutOfMemory, Part

ROOM = 400 * MIB

SIZES = st.one_of(
    st.integers(1, MIB),  # of small blocks
    st.integers(MIB + 1, 10 * MIB - 1),  # of large ones
    st.integers(10 * MIB, 120 * MIB),  # blocks of their own
)
STEPS = st.lists(st.one_of(SIZES, st.just("free"), st.just("empty")), max_size=60)


class Driver:
    """A card that this allocator has alone."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.given = 0
        self.returns: list[int] = []

    def take(self, size: int) -> bool:
        if self.given + size > self.room:
            return False
        self.given += size
        return True

    def give_back(self, size: int) -> None:
        self.given -= size
        self.returns.append(size)


def allocator(room: int = ROOM) -> tuple[Allocator, Driver]:
    driver = Driver(room)
    return Allocator(driver.take, driver.give_back), driver


def block_of(part: Part) -> list[Part]:
    """Return the parts of the block that a part lies in, from its start."""
    while part.before is not None:
        part = part.before
    found: list[Part] = []
    walking: Part | None = part
    while walking is not None:
        found.append(walking)
        walking = walking.after
    return found


def blocks(held: list[Part], model: Allocator) -> list[list[Part]]:
    found = {id(block[0]): block for part in (*held, *model.free_parts()) for block in [block_of(part)]}
    return list(found.values())


def carry_out(steps: list[int | str], check: Callable[[list[Part], Allocator, Driver], None]) -> Allocator:
    model, driver = allocator()
    held: list[Part] = []
    for at, step in enumerate(steps):
        if step == "empty":
            model.empty()
        elif step == "free":
            if held:
                model.free(held.pop(at * 7 % len(held)))
        else:
            try:
                held.append(model.take(int(step)))
            except OutOfMemory:
                assert not any(part.is_whole for part in model.free_parts())
        check(held, model, driver)
    return model


@given(STEPS)
def test_what_is_said_is_what_the_blocks_hold(steps: list[int | str]) -> None:
    def check(held: list[Part], model: Allocator, driver: Driver) -> None:
        assert model.live == sum(part.size for part in held)
        assert model.reserved == driver.given
        assert model.reserved == sum(part.size for block in blocks(held, model) for part in block)
        assert model.live <= model.reserved <= ROOM
        assert model.live <= model.peak

    carry_out(steps, check)


@given(STEPS)
def test_no_part_lies_over_another(steps: list[int | str]) -> None:
    def check(held: list[Part], model: Allocator, _driver: Driver) -> None:
        for block in blocks(held, model):
            at = 0
            for part in block:
                assert part.offset == at
                at += part.size
            assert sum(block[0] is part for part in (*held, *model.free_parts())) == 1

    carry_out(steps, check)


@given(STEPS)
def test_free_neighbours_are_one_part(steps: list[int | str]) -> None:
    def check(held: list[Part], model: Allocator, _driver: Driver) -> None:
        for block in blocks(held, model):
            assert not any(one.is_free and other.is_free for one, other in pairwise(block))

    carry_out(steps, check)


@given(STEPS)
def test_a_release_gives_back_wholly_free_blocks_and_no_others(steps: list[int | str]) -> None:
    def check(held: list[Part], model: Allocator, _driver: Driver) -> None:
        whole = sum(part.size for part in model.free_parts() if part.is_whole)
        split = sum(part.size for part in model.free_parts() if not part.is_whole)
        assert model.inactive_split == split
        assert model.reserved == sum(part.size for part in held) + whole + split

    model = carry_out(steps, check)
    whole = sum(part.size for part in model.free_parts() if part.is_whole)
    split, live = model.inactive_split, model.live
    assert model.empty() == whole
    assert (model.live, model.inactive_split, model.reserved) == (live, split, live + split)


@given(SIZES)
@settings(max_examples=50)
def test_a_block_has_the_size_that_torch_gives_it(size: int) -> None:
    model, driver = allocator()
    part = model.take(size)
    rounded = -(-size // 512) * 512
    if size <= MIB:
        assert driver.given == 2 * MIB
    elif rounded < 10 * MIB:  # torch rounds first
        assert driver.given == 20 * MIB
    else:
        assert driver.given == -(-size // (2 * MIB)) * 2 * MIB
    assert size <= part.size
    assert part.offset == 0


def test_the_smallest_part_that_fits_is_taken() -> None:
    model, _ = allocator()
    large, guard, small = model.take(60 * MIB), model.take(5 * MIB), model.take(30 * MIB)
    model.free(large)
    model.free(small)
    assert model.take(29 * MIB) is small
    assert guard.size == 5 * MIB


def test_a_leak_among_working_parts_pins_what_they_lay_in() -> None:
    model, _ = allocator()
    working = model.take(100 * MIB)
    model.free(working)
    leaked = model.take(2 * MIB)  # of the block that the work leaves behind
    assert model.empty() == 0
    assert model.inactive_split == 98 * MIB
    model.free(leaked)
    assert model.empty() == 100 * MIB


def test_where_there_is_no_room_all_that_is_free_goes_back_and_it_is_tried_once_more() -> None:
    model, driver = allocator(room=100 * MIB)
    model.free(model.take(80 * MIB))
    part = model.take(90 * MIB)
    assert (model.retries, driver.returns, model.live) == (1, [80 * MIB], part.size)


def test_out_of_memory_leaves_everything_as_it_was() -> None:
    model, driver = allocator(room=100 * MIB)
    part = model.take(50 * MIB)
    with pytest.raises(OutOfMemory, match="no room for a block of 62914560 bytes beside 52428800 reserved"):
        model.take(60 * MIB)
    assert (model.live, model.reserved, driver.given) == (part.size, 50 * MIB, 50 * MIB)


def test_a_block_that_nobody_owns_any_more_is_given_back_by_no_release() -> None:
    model, driver = allocator()
    assert model.orphan(8 * MIB)
    assert (model.empty(), model.reserved, model.live, model.inactive_split) == (0, 8 * MIB, 0, 0)
    assert driver.given == 8 * MIB


def test_where_there_is_no_room_nothing_is_orphaned() -> None:
    model = Allocator(lambda _: False, lambda _: None)
    assert not model.orphan(8 * MIB)
    assert model.reserved == 0
