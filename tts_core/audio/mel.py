"""The mel of the reference recording: what the flow is shown of a voice, at the rate of its vocoder."""

import torch
from torch import Tensor
from torch.nn import functional

from tts_core.audio.bank import mel_bank
from tts_core.audio.standard import resample
from tts_core.errors import RecordingError, SettingError

#: At both rates: a frame is 20 ms, a window four frames.
FRAMES_PER_SECOND = 50
#: Of the two vocoders.
RATES_HZ = (24000, 32000)

_BINS = 80
_TOP_HZ = 8000.0
_WINDOW_HOPS = 4
_LEAST_POWER = 1e-9
_LEAST_LEVEL = 1e-5


@torch.inference_mode()
def prompt_mel(samples: Tensor, rate_hz: int, *, to_hz: int) -> Tensor:
    """Return the log mel of a recording; nothing is kept between calls, so both rates can take turns.

    Args:
        samples: float32 [C, N], full scale = 1.0; their mean over the channels counts.
        rate_hz: Of them.
        to_hz: Of the vocoder: 24000 or 32000.

    Returns:
        float32 [1, T, 80], natural logarithms, T = floor(seconds · 50) after resampling.

    Raises:
        SettingError: If there is no vocoder of such a rate.
        RecordingError: If the recording is shorter than half a window.
    """
    if to_hz not in RATES_HZ:
        raise SettingError(f"the model has vocoders for {RATES_HZ} Hz, none for {to_hz} Hz")
    hop = to_hz // FRAMES_PER_SECOND
    window = hop * _WINDOW_HOPS
    mono = resample(samples.mean(dim=0, keepdim=True), rate_hz, to_hz)
    margin = (window - hop) // 2
    if mono.shape[1] <= margin:
        least_s = margin / to_hz
        raise RecordingError(f"a recording of {mono.shape[1] / to_hz:.3f} s: over {least_s} s is needed")
    # Reflected, so that the first frame is centred on the first hop; and no further padding then.
    padded = functional.pad(mono[None], (margin, margin), mode="reflect")[0]
    shape = torch.hann_window(window)
    spectrum = torch.stft(padded, window, hop, window=shape, center=False, return_complex=True)
    magnitude = (spectrum.real.square() + spectrum.imag.square() + _LEAST_POWER).sqrt()
    bank = mel_bank(rate_hz=to_hz, window_samples=window, bins=_BINS, top_hz=_TOP_HZ)
    return (bank @ magnitude).clamp(min=_LEAST_LEVEL).log().mT.contiguous()
