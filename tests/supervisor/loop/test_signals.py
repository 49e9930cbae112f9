import asyncio
import os
import signal

import pytest

from supervisor.loop.signals import STOPS, signals_told, stops_told


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


def test_each_signal_has_its_own_taker_and_any_number_of_times() -> None:
    told: list[tuple[str, int]] = []

    async def run() -> None:
        def stop(number: int) -> None:
            told.append(("stop", number))

        def reload(number: int) -> None:
            told.append(("reload", number))

        with signals_told({signal.SIGTERM: stop, signal.SIGHUP: reload}):
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
                heard = len(told)
                os.kill(os.getpid(), number)
                while len(told) == heard:  # noqa: ASYNC110 - the loop takes it at its next turn
                    await asyncio.sleep(0)

    before = [signal.getsignal(number) for number in STOPS]
    asyncio.run(run())
    assert told == [("reload", signal.SIGHUP), ("stop", signal.SIGTERM), ("reload", signal.SIGHUP)]
    assert [signal.getsignal(number) for number in STOPS] == before


def test_what_was_ignored_when_it_started_ends_no_job() -> None:
    async def run() -> None:
        with stops_told(lambda _: None):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asyncio.run(run())
    finally:
        signal.signal(signal.SIGHUP, before)
