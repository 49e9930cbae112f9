"""Voices on disk, found by what they were made of: recording, text, checkpoint, revision of the features.

    <recording + checkpoint + revision>-<text>.safetensors

Each file is written whole under a name that only its own content can have, so processes need no lock:
two that make one voice at once write the same file twice.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec

from tts_core.errors import CheckpointError
from tts_core.voice.voice import REVISION, Voice

#: Hex digits of a SHA-256, 128 and 64 bits: nobody's voices come near so many.
_FEATURES_DIGITS, _TEXT_DIGITS = 32, 16


class VoiceStore:
    """A folder of voices; it is made when the first one is kept.

    Args:
        folder: Of them alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, recording_sha256: str, text: str, checkpoint_id: str) -> Voice | None:
        """Return the voice, or None if it must be made: never met, or its file is damaged.

        A recording that was kept with another text is found too, with this one in its place: nothing that
        is computed depends on the text.
        """
        features = _features_key(recording_sha256, checkpoint_id)
        exact = self.folder / _file_name(features, text)
        for path in (exact, *sorted(self.folder.glob(f"{features}-*.safetensors"))):
            voice = _loaded(path)
            if voice and (voice.recording_sha256, voice.checkpoint_id) == (recording_sha256, checkpoint_id):
                return replace(voice, text=text)
        return None

    def keep(self, voice: Voice) -> Path:
        """Write a voice, over one of the same content if there is one, and return its file.

        Raises:
            SettingError: If it cannot be written.
        """
        path = self.folder / _file_name(
            _features_key(voice.recording_sha256, voice.checkpoint_id), voice.text
        )
        voice.save(path)
        return path


def _loaded(path: Path) -> Voice | None:
    try:
        return Voice.load(path)
    except CheckpointError:  # damaged, of another revision, or gone since: made anew and written over
        return None


def _features_key(recording_sha256: str, checkpoint_id: str) -> str:
    content = msgspec.json.encode([REVISION, recording_sha256, checkpoint_id])
    return hashlib.sha256(content).hexdigest()[:_FEATURES_DIGITS]


def _file_name(features: str, text: str) -> str:
    return f"{features}-{hashlib.sha256(text.encode()).hexdigest()[:_TEXT_DIGITS]}.safetensors"
