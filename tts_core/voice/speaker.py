"""The sound of a speaker as 192 numbers: CAM++ (Wang et al., 2023), the ONNX file that comes with the model.

On the CPU always: onnxruntime's own CUDA memory is outside torch's counts, and one second of audio
takes milliseconds. The library is imported when the first encoder is made, that is after a fork.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tts_core.audio.standard import kaldi_fbank, resample
from tts_core.errors import CheckpointError, SettingError

RATE_HZ = 16000
WIDTH = 192

_BINS = 80
#: Of onnxruntime's log levels: errors. Its warnings are about graphs that nobody here can mend.
_ERRORS_ONLY = 3


class _Place(Protocol):
    name: str


class _Session(Protocol):
    def get_inputs(self) -> Sequence[_Place]: ...
    def run(
        self, names: None, given: dict[str, npt.NDArray[np.float32]]
    ) -> list[npt.NDArray[np.float32]]: ...


class SpeakerEncoder:
    """Loads the file at once.

    Args:
        path: Of `campplus.onnx`.

    Raises:
        CheckpointError: If it is missing, damaged or of another model.
        SettingError: If onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session = _session(path)
        places = self._session.get_inputs()
        if len(places) != 1:
            raise CheckpointError(f"{path}: takes {len(places)} inputs, not one; this is no speaker encoder")
        self._input = places[0].name

    @torch.inference_mode()
    def embedding(self, samples: Tensor, rate_hz: int) -> Tensor:
        """Return the speaker of a recording.

        Args:
            samples: float32 [C, N] of at least 25 ms; the mean of the channels counts.
            rate_hz: Of them.

        Returns:
            float32 [1, 192].

        Raises:
            CheckpointError: If the file does not answer with 192 finite numbers.
        """
        mono = resample(samples.mean(dim=0, keepdim=True), rate_hz, RATE_HZ)
        fbank = kaldi_fbank(mono, RATE_HZ, bins=_BINS)
        levelled = (fbank - fbank.mean(dim=0, keepdim=True))[None]
        answer = self._run(levelled.numpy())
        if answer.size != WIDTH or not bool(np.isfinite(answer).all()):
            raise CheckpointError(
                f"{self._path}: answers {answer.shape}, not {WIDTH} numbers; download it again"
            )
        return torch.from_numpy(answer.astype(np.float32).reshape(1, WIDTH))

    def _run(self, given: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            return self._session.run(None, {self._input: given})[0]
        except _failures() as error:
            raise CheckpointError(f"{self._path}: refuses a filter bank of {given.shape} ({error})") from None


def _session(path: Path) -> _Session:
    if not path.is_file():
        where = "it lies in the model's repository on GitHub, not with the weights"
        raise CheckpointError(f"{path}: there is no such file; {where}")
    ort = _onnxruntime()
    options = ort.SessionOptions()
    # One thread, as upstream: the sums are then the same on every machine, and no pool stays behind.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise CheckpointError(f"{path}: damaged, or no ONNX model ({error}); download it again") from None
    return cast("_Session", session)


class _Options(Protocol):
    intra_op_num_threads: int
    inter_op_num_threads: int
    log_severity_level: int


class _Onnxruntime(Protocol):
    def SessionOptions(self) -> _Options: ...  # noqa: N802 -- its name

    def InferenceSession(  # noqa: N802 -- its name
        self, path: str, *, sess_options: _Options, providers: list[str]
    ) -> object: ...


def _onnxruntime() -> _Onnxruntime:
    try:
        return cast("_Onnxruntime", import_module("onnxruntime"))
    except ImportError as error:
        mend = "pip install 'tts-supervisor[glm]'"
        raise SettingError(f"onnxruntime cannot be imported ({error}): {mend}") from None


def _failures() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: classes without a base of their own."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    own = [cast("type[Exception]", getattr(state, name)) for name in (*names, "RuntimeException")]
    return (*own, ValueError)
