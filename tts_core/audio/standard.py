"""The standard parts of audio, from torchaudio: resampling, and Kaldi's filter bank.

torchaudio's wheel brings a compiled extension that is linked against CUDA's libraries: beside a CPU
build of torch its import fails (`OSError: Could not load this library`). What is used here is plain
torch and needs no extension, so the import is made without it then, in this one place.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from math import gcd
from types import ModuleType
from typing import Protocol, cast

from torch import Tensor

from tts_core.errors import RecordingError, SettingError

_EXTENSION = "torchaudio._extension"

#: One filter of about `rate / gcd` weights for each of `to / gcd` phases, 8 bytes each while they are made,
#: in several copies of 128 MiB. 11025 Hz to 16 kHz takes 282,240 weights, 44099 Hz would take 705 million.
_MOST_WEIGHTS = 1 << 24


class _Transforms(Protocol):
    def Resample(self, orig_freq: int, new_freq: int) -> Callable[[Tensor], Tensor]: ...  # noqa: N802 -- its name


class _Kaldi(Protocol):
    def fbank(
        self, waveform: Tensor, *, num_mel_bins: int, dither: float, sample_frequency: float
    ) -> Tensor: ...


def resample(samples: Tensor, rate_hz: int, to_hz: int) -> Tensor:
    """Resample by a windowed sinc, with torchaudio's defaults.

    Args:
        samples: float32 [C, N].
        rate_hz: Of them.
        to_hz: Of the result.

    Returns:
        float32 [C, ceil(N * to / rate)]; the samples themselves where both rates are the same.

    Raises:
        RecordingError: If the rates have so little in common that the filters would fill the memory.
    """
    if rate_hz == to_hz:
        return samples
    _refuse_odd(rate_hz, to_hz)
    # The transform, not the function: it computes its filters in float64, and upstream takes it.
    return _transforms().Resample(rate_hz, to_hz)(samples)


def _refuse_odd(rate_hz: int, to_hz: int) -> None:
    common = gcd(rate_hz, to_hz)
    weights = (rate_hz // common) * (to_hz // common)
    if weights > _MOST_WEIGHTS:
        mend = f"convert the recording to {to_hz} Hz first"
        raise RecordingError(f"{rate_hz} Hz have too little in common with {to_hz} Hz: {mend}")


def kaldi_fbank(samples: Tensor, rate_hz: int, *, bins: int) -> Tensor:
    """Return Kaldi's log mel filter bank, no dither, its defaults otherwise (25 ms every 10 ms).

    Args:
        samples: float32 [1, N], full scale = 1.0.
        rate_hz: Of them.
        bins: Of the filter bank.

    Returns:
        float32 [T, bins].
    """
    return _kaldi().fbank(samples, num_mel_bins=bins, dither=0.0, sample_frequency=float(rate_hz))


@cache
def _transforms() -> _Transforms:
    _import_torchaudio()
    import torchaudio.transforms  # noqa: PLC0415 -- see the module

    return cast("_Transforms", torchaudio.transforms)


@cache
def _kaldi() -> _Kaldi:
    _import_torchaudio()
    import torchaudio.compliance.kaldi  # noqa: PLC0415 -- see the module

    return cast("_Kaldi", torchaudio.compliance.kaldi)


def _import_torchaudio() -> None:
    try:
        import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _without_extension()
        import_module("torchaudio")  # again, and this time it looks for no library
    except ImportError as error:
        mend = "pip install 'tts-supervisor[glm]'"
        raise SettingError(f"torchaudio cannot be imported ({error}): {mend}") from None


def _without_extension() -> ModuleType:
    """Return what torchaudio's own module says where it was built without an extension."""

    def refuse(*_: object, **__: object) -> object:
        raise SettingError(
            "this part of torchaudio needs its compiled extension, which does not fit this torch"
        )

    module = ModuleType(_EXTENSION)
    module.__dict__.update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False)
    module.__dict__.update(_check_cuda_version=lambda: None, fail_if_no_align=lambda _: refuse)
    return module
