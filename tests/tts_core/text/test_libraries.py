"""What is said where a library is missing."""

from tts_core.errors import SettingError
from tts_core.text.libraries import lacking


def test_the_mend_is_named() -> None:
    error = lacking("phonemes", ImportError("No module named 'jieba'"))
    assert isinstance(error, SettingError)
    assert "jieba" in str(error)
    assert "pip install 'tts-supervisor[glm]'" in str(error)
