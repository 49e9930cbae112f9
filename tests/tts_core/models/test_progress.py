"""Progress: a bar that is redrawn on a terminal, a line every ten seconds otherwise."""

import io

import pytest

from tts_core.models.progress import Gauge, size


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def run(out: io.StringIO, seconds: int, rate: int = 1 << 20) -> str:
    clock = Clock()
    gauge = Gauge(out, 100 << 20, clock)
    gauge.begin("flow/flow.pt")
    for _ in range(seconds * 8):
        clock.at_s += 0.125  # eighths: sums of them are exact
        gauge.advance(rate // 8)
    gauge.close()
    return out.getvalue()


def test_without_a_terminal_there_is_a_line_every_ten_seconds() -> None:
    lines = run(io.StringIO(), 35).splitlines()
    assert len(lines) == 3
    assert lines[0].split() == [
        *("10%", "10.0", "MiB", "of", "100.0", "MiB", "1.0", "MiB/s", "1:30", "left", "flow/flow.pt")
    ]


def test_on_a_terminal_a_bar_is_redrawn_and_leaves_nothing() -> None:
    shown = run(Screen(), 50)
    assert "\n" not in shown
    assert "[############            ]  50%" in shown
    assert shown.endswith("\r\x1b[K")


def test_what_was_here_before_counts_and_is_not_taken_for_speed() -> None:
    clock, out = Clock(), io.StringIO()
    gauge = Gauge(out, 100 << 20, clock)
    gauge.skip(50 << 20)
    clock.at_s = 10.0
    gauge.advance(10 << 20)
    assert "60%" in out.getvalue()
    assert "1.0 MiB/s" in out.getvalue()


def test_a_total_that_was_guessed_is_corrected() -> None:
    clock, out = Clock(), io.StringIO()
    gauge = Gauge(out, 100 << 20, clock)
    gauge.advance(10 << 20)
    gauge.correct(-(80 << 20))
    clock.at_s = 11.0
    gauge.begin("next")
    assert "50%  10.0 MiB of 20.0 MiB" in out.getvalue()


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB"), (9 << 30, "9.00 GiB")],
)
def test_sizes_are_said_as_people_read_them(count: int, words: str) -> None:
    assert size(count) == words
