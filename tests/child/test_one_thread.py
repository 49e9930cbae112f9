"""One thread for all calls, watched from outside. The count is moved by the test, not by time."""

import threading
from collections.abc import Generator

import pytest

from child.one_thread import OneThread


def of(watched: Generator[str, None, int]) -> tuple[list[str], int]:
    signs: list[str] = []
    while True:
        try:
            signs.append(next(watched))
        except StopIteration as end:
            return signs, end.value


def test_every_call_is_made_in_the_same_thread_and_not_in_this_one() -> None:
    one = OneThread("test")
    idents = {one.run(threading.get_ident) for _ in range(3)}
    watched = one.watched(threading.get_ident, lambda: 0, "")
    with pytest.raises(StopIteration) as end:
        next(watched)
    assert {*idents, end.value.value} == {*idents}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_a_count_that_moves_is_a_sign_and_one_that_stands_is_none() -> None:
    counts = [0, 0, 1, 1, 2]  # asked once before, then at each look
    looked = 0
    over = threading.Event()

    def count() -> int:
        nonlocal looked
        looked += 1
        if looked == len(counts):
            over.set()
        return counts[min(looked, len(counts)) - 1]

    def call() -> int:
        over.wait()
        return 7

    signs, answer = of(OneThread("test", look_s=0.01).watched(call, count, "alive"))
    assert signs == ["alive", "alive"]
    assert answer == 7


def test_what_is_raised_there_is_raised_here() -> None:
    def fail() -> int:
        raise IndexError("index out of range in self")

    one = OneThread("test")
    with pytest.raises(IndexError, match="out of range"):
        one.run(fail)
    with pytest.raises(IndexError, match="out of range"):
        of(one.watched(fail, lambda: 0, ""))
    assert one.run(lambda: 5) == 5


def test_given_up_midway_it_waits_for_the_end() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> int:
        begun.set()
        may_end.wait()
        ended.set()
        return 0

    counted = iter(range(10**9))
    watched = OneThread("test", look_s=0.01).watched(call, lambda: next(counted), "alive")
    assert next(watched) == "alive"
    begun.wait()
    closing = threading.Thread(target=watched.close)
    closing.start()
    closing.join(0.1)  # enough for one that would not wait
    waits = closing.is_alive()
    may_end.set()
    closing.join()
    assert waits
    assert ended.is_set()
