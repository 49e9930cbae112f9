"""Is this the speech of that text? Pure checks on floats, before they become 16 bits.

Each check takes what a `Meter` measured and returns its reason, or None. The thresholds
were tuned on real eSpeak output; docs/decisions/0005-engines-and-checks.md has the numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from supervisor.wire.messages import Figures
from supervisor.wire.speech import SILENCE_PEAK, Heard, judge_length, judge_silence

if TYPE_CHECKING:
    import numpy.typing as npt

#: Windows a second: 10 ms, shorter than any syllable.
_WINDOWS_PER_S = 100
#: At full scale, less half a step of 16 bits.
_CLIP_AT = 1.0 - 0.5 / 32768
#: eSpeak never reaches full scale, a normalised recording touches it in a few samples of a
#: million; speech driven 6 dB too loud has 1 to 5 % of its samples there.
_MOST_CLIPPED_SHARE = 0.005
#: A stretch of speech has a level: two seconds hold several words, loud and soft. Where the
#: whole is under four seconds its halves are compared, down to a second and a half each.
_MOST_STRETCH_WINDOWS = 2 * _WINDOWS_PER_S
_LEAST_STRETCH_WINDOWS = 3 * _WINDOWS_PER_S // 2
#: Compare at every quarter of a second.
_STEP_WINDOWS = _WINDOWS_PER_S // 4
#: Of a stretch, at least this share must sound before it has a level at all.
_LEAST_SOUNDING_SHARE = 0.3
#: Twice the largest that 3,240 eSpeak segments show (mixed voices, whispers, long pauses).
_MOST_JUMP_DB = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a meter measured of a whole utterance.

    Attributes:
        samples: How many.
        sample_rate_hz: Of the utterance.
        not_finite: Samples that are NaN or infinite.
        clipped: Samples at full scale.
        peaks: float32 [W], largest absolute sample of each 10 ms.
        levels: float32 [W], root mean square of each 10 ms.
    """

    samples: int
    sample_rate_hz: int
    not_finite: int
    clipped: int
    peaks: "npt.NDArray[np.float32]"
    levels: "npt.NDArray[np.float32]"

    @property
    def seconds(self) -> float:
        """Length."""
        return self.samples / self.sample_rate_hz


class Meter:
    """Measure an utterance as it streams past, keeping two numbers for each 10 ms."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.samples = 0
        self.not_finite = 0
        self._clipped = 0
        self._window_samples = max(1, sample_rate_hz // _WINDOWS_PER_S)
        self._odd = np.zeros(0, np.float32)
        self._peaks: list[npt.NDArray[np.float32]] = []
        self._levels: list[npt.NDArray[np.float32]] = []

    def add(self, samples: "npt.NDArray[np.float32]") -> None:
        """Measure the next piece, float32 [N]."""
        self.samples += samples.size
        joined = np.concatenate((self._odd, samples)) if self._odd.size else samples
        whole = joined.size - joined.size % self._window_samples
        self._measure(joined[:whole].reshape(-1, self._window_samples))
        self._odd = joined[whole:].copy()

    def measured(self) -> Measured:
        """Return what was measured; nothing may be added after."""
        if self._odd.size:
            self._measure(self._odd.reshape(1, -1))
            self._odd = np.zeros(0, np.float32)
        nothing = [np.zeros(0, np.float32)]
        return Measured(
            samples=self.samples,
            sample_rate_hz=self.sample_rate_hz,
            not_finite=self.not_finite,
            clipped=self._clipped,
            peaks=np.concatenate(nothing + self._peaks),
            levels=np.concatenate(nothing + self._levels),
        )

    def _measure(self, windows: "npt.NDArray[np.float32]") -> None:
        """Take windows, float32 [W, N]."""
        if not windows.size:
            return
        sizes = np.abs(windows)
        finite = np.isfinite(sizes)
        if not finite.all():
            self.not_finite += int(finite.size - np.count_nonzero(finite))
            sizes = np.where(finite, sizes, np.float32(0))
        self._clipped += int(np.count_nonzero(sizes >= _CLIP_AT))
        self._peaks.append(sizes.max(axis=1))
        self._levels.append(np.sqrt(np.einsum("ij,ij->i", sizes, sizes) / np.float32(windows.shape[1])))


def judge(text: str, measured: Measured, pace_s_per_char: float | None) -> tuple[Figures, str | None]:
    """Run every check; the first that fails names itself in the figures and gives its reason."""
    heard = hear(measured)
    jump_db = level_jump_db(measured)
    reasons = {
        "finite": check_finite(measured),
        "silence": judge_silence(text, heard),
        "clipping": check_clipping(measured),
        "level": check_level(jump_db),
        "length": judge_length(text, measured.seconds, pace_s_per_char),
    }
    failed = next((name for name, reason in reasons.items() if reason is not None), None)
    figures = Figures(
        seconds=measured.seconds,
        peak=min(heard.peak, _MOST_PEAK),
        clipped_share=clipped_share(measured),
        longest_silence_s=heard.longest_silence_s,
        tail_silence_s=heard.tail_silence_s,
        level_jump_db=jump_db,
        failed=failed,
    )
    return figures, None if failed is None else f"{failed}: {reasons[failed]}"


#: Floats may go far over full scale; a figure must stay a number that prints.
_MOST_PEAK = 1e6


def hear(measured: Measured) -> Heard:
    """Return length, peak and silences."""
    silent = measured.peaks < SILENCE_PEAK
    tail, longest = _silent_runs(silent)
    window_s = 1 / _WINDOWS_PER_S
    return Heard(
        seconds=measured.seconds,
        peak=float(measured.peaks.max(initial=0.0)),
        longest_silence_s=min(longest * window_s, measured.seconds),
        tail_silence_s=min(tail * window_s, measured.seconds),
    )


def _silent_runs(silent: "npt.NDArray[np.bool_]") -> tuple[int, int]:
    """Return how many windows are silent at the end, and in the longest run."""
    sounding = np.flatnonzero(~silent)
    if not sounding.size:
        return silent.size, silent.size
    tail = silent.size - 1 - int(sounding[-1])
    gaps = np.diff(sounding, prepend=-1) - 1
    return tail, max(tail, int(gaps.max()))


def check_finite(measured: Measured) -> str | None:
    """Refuse NaN and infinity."""
    if not measured.not_finite:
        return None
    return f"{measured.not_finite} of {measured.samples} samples are NaN or infinite"


def clipped_share(measured: Measured) -> float:
    """Return the share of samples at or over full scale, 0..1."""
    return measured.clipped / measured.samples if measured.samples else 0.0


def check_clipping(measured: Measured) -> str | None:
    """Refuse audio that is heard as distorted."""
    share = clipped_share(measured)
    if share <= _MOST_CLIPPED_SHARE:
        return None
    return f"{share:.1%} of the samples are at full scale, allowed {_MOST_CLIPPED_SHARE:.1%}"


def check_level(jump_db: float) -> str | None:
    """Refuse a voice that turns loud or soft for good in the middle."""
    if jump_db <= _MOST_JUMP_DB:
        return None
    return f"the level jumps by {jump_db:.1f} dB in the middle, allowed {_MOST_JUMP_DB:.0f} dB"


def level_jump_db(measured: Measured) -> float:
    """Return the largest change of level between neighbouring stretches, in dB."""
    levels = measured.levels
    stretch = min(_MOST_STRETCH_WINDOWS, levels.size // 2 // _STEP_WINDOWS * _STEP_WINDOWS)
    if stretch < _LEAST_STRETCH_WINDOWS:
        return 0.0
    stretches = sliding_window_view(levels, stretch)[::_STEP_WINDOWS]
    sounding = np.count_nonzero(stretches >= SILENCE_PEAK / 2, axis=1) >= _LEAST_SOUNDING_SHARE * stretch
    # The level is what the loudest tenth reaches: pauses and soft sounds do not move it.
    tenth = stretch - stretch // 10
    loud = np.partition(stretches, tenth, axis=1)[:, tenth]
    apart = stretch // _STEP_WINDOWS
    both = sounding[:-apart] & sounding[apart:]
    if not both.any():
        return 0.0
    levels_db = 20 * np.log10(np.maximum(loud, SILENCE_PEAK / 10))
    return float(np.abs(levels_db[apart:] - levels_db[:-apart])[both].max())
