"""What reads text, opened once for all tests of it."""

from pathlib import Path

import pytest

from tts_core.text.frontend import TextFrontEnd


@pytest.fixture(scope="session")
def front_end(text_cache: Path, small_configs: Path) -> TextFrontEnd:
    return TextFrontEnd(configs=small_configs, cache=text_cache)
