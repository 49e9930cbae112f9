"""The signals that stop a job, while its event loop runs."""

import asyncio
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final

#: What ends a job that can go on later (interface §1, exit 4).
STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stops_told(stop: Callable[[int], None]) -> Generator[None]:
    """Have the running loop call `stop` with the number of each signal, and give them back after.

    A loop that closes leaves them to the system, by which they end the process on the spot: until
    it has said what came of the job, whoever took them before takes them again.
    """
    takers: dict[signal.Signals, Callable[[int], None]] = dict.fromkeys(STOPS, stop)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        del takers[signal.SIGHUP]  # nohup: the job outlives its terminal
    with signals_told(takers):
        yield


@contextmanager
def signals_told(takers: Mapping[signal.Signals, Callable[[int], None]]) -> Generator[None]:
    """Have the running loop call the taker of each signal with its number, and give them back after."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in takers}
    for number, taker in takers.items():
        loop.add_signal_handler(number, taker, number)
    try:
        yield
    finally:
        # Between two takers the system has them: none may come to this thread just then.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, takers)
        for number, earlier in before.items():
            loop.remove_signal_handler(number)
            # None: another than Python took it, and cannot be asked back.
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
