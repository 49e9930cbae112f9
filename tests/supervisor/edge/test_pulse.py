"""A short-lived process says that its work gets on: often enough, and never in the way of its answer."""

import os

import pytest

from supervisor.edge import pulse
from supervisor.edge.pulse import Pulse


def test_a_sign_is_an_empty_line_and_the_next_one_comes_no_sooner_than_a_second_later() -> None:
    reading, writing = os.pipe()
    beating = Pulse(writing)
    for _ in range(1000):
        beating.beat()
    os.close(writing)
    with os.fdopen(reading, "rb") as heard:
        assert heard.read() in (b"\n", b"\n\n")  # two, if the machine slept between two beats


def test_each_beat_is_told_that_comes_late_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_EVERY_S", 0.0)
    reading, writing = os.pipe()
    beating = Pulse(writing)
    for _ in range(3):
        beating.beat()
    os.close(writing)
    with os.fdopen(reading, "rb") as heard:
        assert heard.read() == b"\n\n\n"


def test_nobody_who_listens_is_no_reason_to_end() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Pulse(writing).beat()
    os.close(writing)
