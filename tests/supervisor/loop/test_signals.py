import asyncio
import os
import signal

import pytest

from supervisor.loop.signals import STOPS, stops_told


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_is_told_while_the_block_lasts_and_goes_to_its_taker_after(number: int) -> None:
    told: list[int] = []
    taken: list[int] = []

    async def run() -> None:
        came = asyncio.Event()

        def stop(what: int) -> None:
            told.append(what)
            came.set()

        with stops_told(stop):
            os.kill(os.getpid(), number)
            await came.wait()
        # The loop runs still: it is not its end that gives the signal back.
        os.kill(os.getpid(), number)

    before = signal.signal(number, lambda what, _: taken.append(what))
    try:
        asyncio.run(run())
        os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    assert (told, taken) == ([number], [number, number])


def test_signals_are_given_back_from_a_block_that_fails() -> None:
    async def run() -> None:
        with stops_told(lambda _: None):
            raise OSError

    before = [signal.getsignal(number) for number in STOPS]
    with pytest.raises(OSError, match=r"^$"):
        asyncio.run(run())
    assert [signal.getsignal(number) for number in STOPS] == before
