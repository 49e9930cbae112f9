"""From a recording to a voice: once, with parts of the checkpoint that are dropped again.

    recording ─┬─ speaker encoder   -> embedding     (CPU)
               ├─ mel at 24 and at 32 kHz            (CPU)
               └─ speech tokenizer  -> tokens        (CPU, or the card before the language model is there)

The speech tokenizer is 1.4 GiB in float32, which upstream keeps for as long as it runs.
"""

from pathlib import Path

import torch
from torch import Tensor

from tts_core.audio.mel import RATES_HZ, prompt_mel
from tts_core.audio.recording import Recording
from tts_core.bounds import bound_libraries
from tts_core.checkpoint import Checkpoint
from tts_core.errors import OutOfMemory
from tts_core.voice.speaker import SpeakerEncoder
from tts_core.voice.speech_tokenizer import load_speech_tokenizer
from tts_core.voice.store import VoiceStore
from tts_core.voice.voice import Voice

#: Where it lies in a checkpoint.
SPEECH_TOKENIZER = Path("speech_tokenizer")


def voice_from(  # noqa: PLR0913 -- as make_voice, and the store
    store: VoiceStore,
    recording: Recording,
    text: str,
    checkpoint: Path,
    *,
    device: torch.device,
    checkpoint_id: str,
    name: str = "",
) -> Voice:
    """Return a voice from the store, or make it and keep it. Arguments and errors as of `make_voice`."""
    found = store.find(recording.sha256, text, checkpoint_id)
    if found:
        return found
    voice = make_voice(recording, text, checkpoint, device=device, checkpoint_id=checkpoint_id, name=name)
    store.keep(voice)
    return voice


def make_voice(  # noqa: PLR0913 -- the last two only label the result
    recording: Recording,
    text: str,
    checkpoint: Path,
    *,
    device: torch.device,
    checkpoint_id: str = "",
    name: str = "",
) -> Voice:
    """Compute what the model is told of a voice; nothing of the checkpoint is held afterwards.

    Args:
        recording: Of the speaker.
        text: What is said in it, as the user wrote it.
        checkpoint: The folder.
        device: For the speech tokenizer alone; on CUDA the memory that it took goes back to the driver.
        checkpoint_id: What the store knows the checkpoint by.
        name: What the user calls the voice.

    Returns:
        The voice, on the CPU.

    Raises:
        RecordingError: If the recording is too short for its features, or of a rate like no other.
        CheckpointError: If one of the two parts is missing, damaged or of another model.
        SettingError: If a library is missing.
        OutOfMemory: If the card has no room for the tokenizer.
    """
    bound_libraries()
    samples, rate_hz = recording.samples, recording.rate_hz
    # What is cheap comes first: a part that is missing is told before 1.4 GiB are read.
    speaker = SpeakerEncoder(Checkpoint(checkpoint).campplus)
    return Voice(
        name=name,
        text=text,
        embedding=speaker.embedding(samples, rate_hz),
        mels={to_hz: prompt_mel(samples, rate_hz, to_hz=to_hz) for to_hz in RATES_HZ},
        speech=_speech(samples, rate_hz, checkpoint / SPEECH_TOKENIZER, device),
        recording_sha256=recording.sha256,
        checkpoint_id=checkpoint_id,
    )


def _speech(samples: Tensor, rate_hz: int, folder: Path, device: torch.device) -> Tensor:
    try:
        return load_speech_tokenizer(folder, device=device).tokens(samples, rate_hz)
    except torch.OutOfMemoryError as error:
        said = str(error)  # the error itself holds the frames, and they hold the tokenizer
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()
    mend = "make voices before the language model is loaded, or on the CPU"
    raise OutOfMemory(f"no room on {device} for the speech tokenizer ({said}); {mend}")
