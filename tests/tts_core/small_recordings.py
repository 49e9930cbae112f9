"""Reference recordings of every kind that people bring: good ones, odd ones, and such as make no voice."""

from pathlib import Path

import numpy as np
import soundfile

from tests.tts_core.small_checkpoint import write_recording


def write_recordings(folder: Path) -> None:
    """Write them all: four seconds of one voice, but where the name says otherwise."""
    write_recording(folder / "plain.wav", seed=0)
    write_recording(folder / "8k.wav", seed=0, rate_hz=8000)
    write_recording(folder / "short.wav", seed=0, seconds=0.2)
    write_recording(folder / "ten-minutes.wav", seed=0, seconds=600.0, rate_hz=8000)
    write_recording(folder / "wide.wav", seed=0, rate_hz=96_000)
    wide, rate_hz = soundfile.read(folder / "wide.wav", dtype="float32")
    soundfile.write(folder / "96k-stereo.wav", np.stack([wide, 0.5 * wide], axis=1), rate_hz, "PCM_24")
    mono, rate_hz = soundfile.read(folder / "plain.wav", dtype="float32")
    soundfile.write(folder / "tape.mp3", mono, rate_hz)
    soundfile.write(folder / "tape.flac", mono, rate_hz)
    soundfile.write(folder / "silent.wav", np.zeros_like(mono), rate_hz)
    (folder / "junk.wav").write_bytes(b"no recording at all, whatever its name says. " * 50)
