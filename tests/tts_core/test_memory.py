"""Memory is flat: what is held after many segments is what was held after ten; allocations are counted.

The quick form runs with all others; the whole one, asked for by `-m slow -s`, tells its figures.
"""

import ctypes
import gc
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.narration import tell
from tests.tts_core.live import LiveBytes
from tests.tts_core.small_checkpoint import write_recording
from tests.tts_core.speaking import PLAIN, WIDE, parts, said, voice_of
from tts_core.errors import CapReached
from tts_core.synthesizer import Synthesizer
from tts_core.voice.voice import Voice

MIB = 2**20

ENGLISH = "the ferry leaves at ten nobody had come and rain went on one by one lamps along the quay in 1987"
CHINESE = "我最爱吃人参果你喜欢吗重庆的朋友一二三人大小天气很好明天再来看书写字"

#: Words, or characters, of a text; the quick form has short ones alone.
LENGTHS, SHORT = (1, 2, 3, 5, 8, 13), (1, 2, 3)

#: Spoken again and again: each time it must take the same.
SAME = "The rain went on."


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What there was after a segment.

    Attributes:
        live_bytes: Of tensors.
        host_bytes: Anonymous memory of this process, what malloc could give back given back.
    """

    live_bytes: int
    host_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one segment took.

    Attributes:
        made: Storages.
        peak_bytes: Beyond what lived before it.
        seconds: Of audio.
    """

    made: int
    peak_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """A model and what it speaks with: two voices, two sample rates."""

    synthesizer: Synthesizer
    voices: tuple[Voice, Voice]

    def speak(self, live: LiveBytes, turn: int, text: str) -> Taken:
        """One segment; the voice changes with every second, the rate with each."""
        manner = (PLAIN, WIDE)[turn % 2]
        made, before_bytes = live.made, live.now
        live.peak = live.now
        try:
            samples = said(self.synthesizer, text, self.voices[turn // 2 % 2], manner, seed=turn).numel()
        except CapReached:  # a segment that fails is a segment too
            samples = 0
        return Taken(
            made=live.made - made,
            peak_bytes=live.peak - before_bytes,
            seconds=samples / manner.sample_rate_hz,
        )


@pytest.fixture(scope="module")
def studio(
    small_checkpoint: Path,
    small_configs: Path,
    small_reference: Path,
    text_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Studio:
    other = write_recording(tmp_path_factory.mktemp("memory") / "other.wav", seed=1, seconds=3.0)
    return Studio(
        synthesizer=Synthesizer(parts(small_checkpoint, small_configs, text_cache)),
        voices=(
            voice_of(small_checkpoint, small_reference, "Hello there."),
            voice_of(small_checkpoint, other, "你好，朋友。"),
        ),
    )


def text_of(chance: random.Random, turn: int, lengths: Sequence[int]) -> str:
    length = chance.choice(lengths)
    if turn % 3 == 1:
        return "".join(chance.choice(CHINESE) for _ in range(length)) + "。"
    return " ".join(chance.choice(ENGLISH.split()) for _ in range(length)) + "."


def held(live: LiveBytes) -> After:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    anonymous = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    return After(live_bytes=live.now, host_bytes=1024 * anonymous)


def told(after: dict[int, After], taken: Sequence[Taken]) -> str:
    made = sorted(one.made for one in taken)
    seconds = [one.seconds for one in taken]
    peaks = [one.peak_bytes / MIB for one in taken]
    lines = [
        f"after {count}: {one.live_bytes:,} bytes of tensors, {one.host_bytes / MIB:.1f} MiB of the process"
        for count, one in after.items()
    ]
    lines += [
        f"allocations a segment: {made[0]} to {made[-1]}, median {statistics.median(made):.0f}",
        f"live beyond what was before: at most {max(peaks):.1f} MiB, median {statistics.median(peaks):.1f}",
        f"audio of a segment: {min(seconds):.2f} to {max(seconds):.2f} s; {seconds.count(0)} came to no end",
    ]
    return "\n".join(lines)


def growth_over(studio: Studio, segments: int, lengths: Sequence[int]) -> None:
    chance = random.Random(0)
    taken: list[Taken] = []
    after: dict[int, After] = {}
    with LiveBytes() as live:
        for turn in range(4):  # what is made once: both vocoders, the room for keys and values
            studio.speak(live, turn, SAME)
        first = [studio.speak(live, turn, SAME) for turn in range(4)]
        for turn in range(segments):
            taken.append(studio.speak(live, turn, text_of(chance, turn, lengths)))
            if turn + 1 in (10, segments // 5, segments // 2, segments):
                after[turn + 1] = held(live)
        last = [studio.speak(live, turn, SAME) for turn in range(4)]
    tell(told(after, taken))
    # Nothing at all is expected to stay; a MiB is what was promised for five hundred.
    assert abs(after[segments].live_bytes - after[10].live_bytes) < 16 * 1024
    assert after[segments].host_bytes - after[10].host_bytes < 64 * MIB
    # The same segment takes the same, however many there were before it.
    assert [(one.made, one.peak_bytes) for one in last] == [(one.made, one.peak_bytes) for one in first]
    assert len({one.seconds for one in taken}) > min(segments, 100) // 3


@pytest.mark.timeout(600)
def test_sixty_segments_leave_nothing_behind(studio: Studio) -> None:
    growth_over(studio, 60, SHORT)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_five_hundred_segments_leave_nothing_behind(studio: Studio) -> None:
    growth_over(studio, 500, LENGTHS)
