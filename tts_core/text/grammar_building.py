"""Build the grammars into a folder: `python -m tts_core.text.grammar_building FOLDER`, see `grammars`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tts_core.text.grammars import quiet_library

if TYPE_CHECKING:
    from tn.processor import Processor


def build(folder: Path) -> None:
    """Write both languages' grammars as GLM-TTS has them in memory.

    Args:
        folder: Gets `{zh,en}_{tagger,verbalizer}.fst`.
    """
    quiet_library()
    from tn.chinese.normalizer import Normalizer as Chinese  # noqa: PLC0415 -- only after it was made quiet
    from tn.english.normalizer import Normalizer as English  # noqa: PLC0415 -- as above

    with TemporaryDirectory(dir=folder) as aside:
        chinese = Chinese(
            cache_dir=aside,
            overwrite_cache=True,
            remove_erhua=False,
            remove_interjections=False,
            full_to_half=True,
        )
        # The English ones come in the wheel, and are the ones that the model's own code reads.
        english = English(cache_dir=None if _shipped() else aside)
    _write(chinese, folder, "zh")
    _write(english, folder, "en")


def _shipped() -> bool:
    import tn  # noqa: PLC0415 -- as above

    places = [Path(place) for place in tn.__path__]
    names = ("en_tn_tagger.fst", "en_tn_verbalizer.fst")
    return any(all((place / name).is_file() for name in names) for place in places)


def _write(processor: "Processor", folder: Path, language: str) -> None:
    for name, fst in (("tagger", processor.tagger), ("verbalizer", processor.verbalizer)):
        assert fst is not None
        fst.write(str(folder / f"{language}_{name}.fst"))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
