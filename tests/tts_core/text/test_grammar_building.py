"""What the kept grammars are."""

from pathlib import Path

import pytest

from tts_core.text.grammar_building import build
from tts_core.text.grammars import open_grammars


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_building_again_gives_the_same_files(tmp_path: Path, text_cache: Path) -> None:
    open_grammars(text_cache)
    build(tmp_path)
    kept = {path.name: path.read_bytes() for path in next(text_cache.glob("grammars-*/")).iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
    assert sorted(kept) == ["en_tagger.fst", "en_verbalizer.fst", "zh_tagger.fst", "zh_verbalizer.fst"]
