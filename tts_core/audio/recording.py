"""A reference recording, read once and looked at: is there a voice in it that can be taken?"""

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from tts_core.errors import RecordingError

#: What upstream's authors tell people to bring, and so do messages here.
WISHED = "3 to 15 seconds of one speaker, without music or noise"

#: Shorter has too little of the voice; longer leaves the model no room for its answer (750 tokens = 30 s).
LEAST_S, MOST_S = 1.0, 30.0
#: Without `strict`: one window of the Kaldi filter bank and half of a mel's, and what fits in memory.
LEAST_AT_ALL_S, MOST_AT_ALL_S = 0.05, 3600.0
_FEW_S, _MANY_S = 3.0, 15.0

#: Lower ones hold no consonants, higher ones nothing that a loudspeaker gives.
_LEAST_RATE_HZ, _MOST_RATE_HZ = 8000, 384_000
_TOKENIZER_RATE_HZ = 16000

#: An hour of 96 kHz stereo at 24 bits is twice this: a longer recording is no voice sample.
_MOST_FILE_BYTES = 1 << 30

#: -80 dB: below the noise of any microphone. -40 dB: a voice recorded far too low.
_SILENT, _QUIET = 1e-4, 1e-2
#: 16 bits end at 0.99997; encoders that lose something come out a little below.
_FULL = 0.999
_CLIPPED_SHARE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A recording as it was stored, with what is worth knowing about it.

    Attributes:
        path: It came from.
        samples: float32 [C, N], full scale = 1.0, finite.
        rate_hz: Of them.
        sha256: Of the file's bytes: its identity.
        warnings: What a listener may hear in every sentence spoken with it; in words, with the mend.
    """

    path: Path
    samples: Tensor
    rate_hz: int
    sha256: str
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples.shape[1] / self.rate_hz


def read_recording(path: Path, *, strict: bool = True) -> Recording:
    """Read a recording: WAV, FLAC, MP3, Ogg, and what else libsndfile knows.

    Args:
        path: A plain file, or a link to one.
        strict: Refuse what makes no voice: shorter than 1 s, longer than 30 s, below 8 kHz, silent.
            Without it, only what cannot be worked on at all is refused.

    Raises:
        RecordingError: Saying what is the matter and what would do.
    """
    content = _content(path)
    samples, rate_hz = _decoded(path, content, most_s=MOST_S if strict else MOST_AT_ALL_S)
    seconds = samples.shape[1] / rate_hz
    least_s = LEAST_S if strict else LEAST_AT_ALL_S
    if seconds < least_s:
        raise RecordingError(
            f"{path}: {seconds:.2f} s are too short, {least_s} s is the least; bring {WISHED}"
        )
    if not bool(samples.isfinite().all()):
        raise RecordingError(f"{path}: holds samples that are no numbers (NaN or infinite); export it anew")
    peak = float(samples.abs().max())
    if strict and peak < _SILENT:
        raise RecordingError(f"{path}: is silent (the loudest sample is {peak:.6f} of 1); record it again")
    return Recording(
        path=path,
        samples=samples,
        rate_hz=rate_hz,
        sha256=hashlib.sha256(content).hexdigest(),
        warnings=_warnings(samples, rate_hz, peak),
    )


def _content(path: Path) -> bytes:
    """Read the file at once, so that what is hashed is what is decoded."""
    try:
        # Without waiting: a named pipe would otherwise hold us until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no plain file"
                raise RecordingError(f"{path}: is {kind}; name the recording itself")
            if status.st_size > _MOST_FILE_BYTES:
                size = f"{status.st_size / 2**30:.1f} GiB"
                raise RecordingError(f"{path}: {size} are too much for a reference; cut out {WISHED}")
            content = file.read()
    except IsADirectoryError:
        raise RecordingError(f"{path}: is a folder; name the recording itself") from None
    except FileNotFoundError:
        raise RecordingError(
            f"{path}: there is no such file; mind what a relative path is relative to"
        ) from None
    except PermissionError:
        raise RecordingError(f"{path}: may not be read; give this user the right to read it") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read ({error.strerror}); copy it to a local disk") from None
    if not content:
        raise RecordingError(f"{path}: is empty (0 bytes); copy or record it again")
    return content


def _decoded(path: Path, content: bytes, *, most_s: float) -> tuple[Tensor, int]:
    """Return float32 [C, N] and the rate; the length is looked at before anything is decoded."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate_hz, frames = int(file.samplerate), int(file.frames)
            _refuse_rate(path, rate_hz)
            most = int(most_s * rate_hz)
            if frames > most:
                seconds = f"{frames / rate_hz:.0f} s"
                raise RecordingError(
                    f"{path}: {seconds} are too long, {most_s:.0f} s is the most; cut out {WISHED}"
                )
            found = file.read(most, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise RecordingError(
            f"{path}: not a recording that libsndfile can read ({error}); convert it to WAV"
        ) from None
    if len(found) < frames:
        said = f"{len(found)} of {frames} samples could be decoded"
        raise RecordingError(f"{path}: cut short or damaged ({said}); copy it again, or convert it to WAV")
    return torch.from_numpy(np.ascontiguousarray(found.T)), rate_hz


def _refuse_rate(path: Path, rate_hz: int) -> None:
    if not _LEAST_RATE_HZ <= rate_hz <= _MOST_RATE_HZ:
        allowed = f"{_LEAST_RATE_HZ} to {_MOST_RATE_HZ} Hz"
        raise RecordingError(
            f"{path}: {rate_hz} samples a second; bring one of {allowed}, best 24000 or more"
        )


def _warnings(samples: Tensor, rate_hz: int, peak: float) -> tuple[str, ...]:
    seconds = samples.shape[1] / rate_hz
    clipped = float((samples.abs() >= _FULL).float().mean())
    channels = samples.shape[0]
    found = (
        (seconds < _FEW_S, f"{seconds:.1f} s are few: the voice may come out unsteady; bring {WISHED}"),
        (seconds > _MANY_S, f"{seconds:.1f} s are many: each sentence waits for them; {WISHED} would do"),
        (
            rate_hz < _TOKENIZER_RATE_HZ,
            f"{rate_hz} Hz: what is above {rate_hz // 2} Hz is missing in the voice",
        ),
        (_SILENT <= peak < _QUIET, f"the loudest sample is {peak:.4f} of 1: record it louder"),
        (peak < _SILENT, "it is silent: there is no voice in it"),
        (clipped > _CLIPPED_SHARE, f"{clipped:.1%} of the samples are clipped: record it less loud"),
        (channels > 1, f"{channels} channels: the words are taken of the first, the sound of their mean"),
    )
    return tuple(words for applies, words in found if applies)
