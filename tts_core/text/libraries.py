"""Libraries that only those need who speak with this model, and what is said where one is missing."""

from tts_core.errors import SettingError


def lacking(what: str, error: Exception) -> SettingError:
    """Return the error to raise where `what` cannot be had because a library cannot be imported."""
    return SettingError(f"{what} cannot be had ({error}): pip install 'tts-supervisor[glm]'")
