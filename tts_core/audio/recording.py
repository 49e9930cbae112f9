"""A reference recording, read once and looked at: is there a voice in it that can be taken?"""

import hashlib
import io
import math
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

#: What libsndfile's log of a file says where a length in a header is not the one found.
_SHORTER_THAN_SAID = "(should be"
_OGG_PAGE, _OGG_LAST = b"OggS", 4


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
    decoded = _decoded(path, content, most_s=MOST_S if strict else MOST_AT_ALL_S)
    samples = decoded.samples
    seconds = samples.shape[1] / decoded.rate_hz
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
        rate_hz=decoded.rate_hz,
        sha256=hashlib.sha256(content).hexdigest(),
        warnings=_warnings(decoded, peak),
    )


def _content(path: Path) -> bytes:
    """Read the file at once, so that what is hashed is what is decoded."""
    try:
        # By an opener, which Path.open does not take; with one, a folder's descriptor is closed again.
        with open(path, "rb", opener=_without_waiting) as file:
            _refuse_kind(path, os.fstat(file.fileno()))
            return file.read()
    except IsADirectoryError:
        raise RecordingError(f"{path}: is a folder; name the recording itself") from None
    except FileNotFoundError:
        mend = "mind what a relative path is relative to"
        raise RecordingError(f"{path}: there is no such file; {mend}") from None
    except PermissionError:
        raise RecordingError(f"{path}: may not be read; give this user the right to read it") from None
    except (OSError, ValueError) as error:  # the second: a name with a zero in it
        raise RecordingError(f"{path!r}: cannot be read ({error}); copy it to a local disk") from None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, and do not wait for a writer where it is a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _refuse_kind(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RecordingError(f"{path}: is no plain file; name the recording itself")
    if status.st_size == 0:
        raise RecordingError(f"{path}: is empty (0 bytes); copy or record it again")
    if status.st_size > _MOST_FILE_BYTES:
        size = f"{status.st_size / 2**30:.1f} GiB"
        raise RecordingError(f"{path}: {size} are too much for a reference; cut out {WISHED}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    samples: Tensor
    rate_hz: int
    promised_more: bool


def _decoded(path: Path, content: bytes, *, most_s: float) -> _Decoded:
    """Decode the file; how long it says to be is looked at before anything is decoded."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate_hz, frames = int(file.samplerate), int(file.frames)
            _refuse_header(path, rate_hz=rate_hz, frames=frames, most_s=most_s)
            found = file.read(frames, dtype="float32", always_2d=True)
            # Some libraries write a length of nothing while they stream: so this is no error.
            promised_more = _SHORTER_THAN_SAID in file.extra_info or _is_ogg_without_end(content)
    except soundfile.LibsndfileError as error:
        said = f"{error.error_string} Convert it to WAV"
        raise RecordingError(f"{path}: not a recording that libsndfile can read: {said}") from None
    if len(found) < frames:
        said = f"{len(found)} of {frames} samples could be decoded"
        raise RecordingError(f"{path}: cut short or damaged ({said}); copy it again, or convert it to WAV")
    samples = torch.from_numpy(np.ascontiguousarray(found.T))
    return _Decoded(samples=samples, rate_hz=rate_hz, promised_more=promised_more)


def _is_ogg_without_end(content: bytes) -> bool:
    """Say whether the last page of an Ogg stream lacks the mark of a last page (RFC 3533, section 6)."""
    flags_at = content.rfind(_OGG_PAGE) + 5
    return content.startswith(_OGG_PAGE) and not int.from_bytes(content[flags_at : flags_at + 1]) & _OGG_LAST


def _refuse_header(path: Path, *, rate_hz: int, frames: int, most_s: float) -> None:
    if not _LEAST_RATE_HZ <= rate_hz <= _MOST_RATE_HZ:
        allowed = f"{_LEAST_RATE_HZ} to {_MOST_RATE_HZ} Hz"
        raise RecordingError(
            f"{path}: {rate_hz} samples a second; bring one of {allowed}, best 24000 or more"
        )
    if frames == 0:
        raise RecordingError(f"{path}: holds no samples, or is cut short; copy or record it again")
    if frames > most_s * rate_hz:
        shown = math.ceil(frames / rate_hz * 100) / 100  # 30.001 s are not 30 s, of which none is too much
        said = f"{shown:g} s are too long, {most_s:.0f} s is the most"
        raise RecordingError(f"{path}: {said}; cut out {WISHED}")


def _warnings(decoded: _Decoded, peak: float) -> tuple[str, ...]:
    samples, rate_hz = decoded.samples, decoded.rate_hz
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
        (decoded.promised_more, "it holds less than it promises: it may be cut short"),
        (channels > 1, f"{channels} channels: the words are taken of the first, the sound of their mean"),
    )
    return tuple(words for applies, words in found if applies)
