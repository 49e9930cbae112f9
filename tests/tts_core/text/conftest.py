"""Grammars for the tests of text: built once for a checkout, since building takes ten seconds and more."""

from pathlib import Path

import pytest

from tts_core.text.frontend import TextFrontEnd


@pytest.fixture(scope="session")
def text_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    return tmp_path_factory.mktemp("text") if cache is None else cache.mkdir("glm-text")


@pytest.fixture(scope="session")
def front_end(text_cache: Path, small_configs: Path) -> TextFrontEnd:
    return TextFrontEnd(configs=small_configs, cache=text_cache)
