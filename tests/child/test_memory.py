"""Touched memory is there, and closed memory is gone."""

import pytest

from child.engine import OutOfMemory
from child.memory import touched
from child.vitals import private_bytes

SIZE_BYTES = 32 * 1024 * 1024
SLACK_BYTES = 4 * 1024 * 1024  # what the interpreter and the test's own plumbing move meanwhile


def test_every_page_is_really_there_and_really_goes_back() -> None:
    before_bytes = private_bytes()
    block = touched(SIZE_BYTES)
    held_bytes = private_bytes() - before_bytes
    block.close()
    left_bytes = private_bytes() - before_bytes
    assert held_bytes == pytest.approx(SIZE_BYTES, abs=SLACK_BYTES)
    assert left_bytes < SLACK_BYTES


def test_a_size_that_is_no_multiple_of_a_page_is_touched_to_its_end() -> None:
    block = touched(4096 * 3 + 1)
    assert [block[at] for at in (0, 4096, 8192, 12288)] == [1, 1, 1, 1]
    block.close()


def test_memory_that_the_system_refuses_is_an_out_of_memory() -> None:
    with pytest.raises(OutOfMemory, match="refused"):
        touched(2**62)
