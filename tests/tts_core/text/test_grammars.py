"""Grammars, opened from the folder where they are kept."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tree import ROOT
from tts_core.errors import SettingError, TextError
from tts_core.text.grammars import open_grammars

# The first of them builds the grammars for the checkout.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def copied(text_cache: Path) -> Callable[[Path], None]:
    """Build as fast as a copy is made."""
    open_grammars(text_cache)
    built = next(text_cache.glob("grammars-*/"))
    return lambda folder: (shutil.copytree(built, folder, dirs_exist_ok=True), None)[1]


def test_both_languages_are_read(text_cache: Path) -> None:
    chinese, english = open_grammars(text_cache)
    assert chinese("气温23.5度，繁體") == "气温二十三点五度,繁体"
    assert english("It costs $12.50") == "It costs twelve point five dollars"
    assert chinese("") == english("") == ""


def test_chinese_keeps_its_er_and_its_interjections(text_cache: Path) -> None:
    chinese, _ = open_grammars(text_cache)
    assert chinese("呃，花儿啊") == "呃,花儿啊"


def test_a_second_start_reads_what_the_first_one_built(
    tmp_path: Path, copied: Callable[[Path], None]
) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        copied(folder)

    for _ in range(2):
        open_grammars(tmp_path, build=build)
    assert len(built) == 1


def test_a_file_cut_short_is_built_anew(tmp_path: Path, copied: Callable[[Path], None]) -> None:
    open_grammars(tmp_path, build=copied)
    tagger = next(tmp_path.glob("*/zh_tagger.fst"))
    tagger.write_bytes(tagger.read_bytes()[:1000])
    chinese, _ = open_grammars(tmp_path, build=copied)
    assert chinese("3") == "三"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingError, match=r"file.*no place for the grammars"):
        open_grammars(file / "cache")


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        raise SettingError(f"{folder}: no")

    with pytest.raises(SettingError, match="no"):
        open_grammars(tmp_path, build=build)
    assert not list(tmp_path.glob("grammars-*"))


@pytest.mark.parametrize("text", ["\t", "\ud800"])
def test_a_text_that_the_grammar_cannot_read_is_named(text_cache: Path, text: str) -> None:
    _, english = open_grammars(text_cache)
    with pytest.raises(TextError, match="no reading of this text"):
        english(text)


QUIET = """
import sys
from pathlib import Path
from tts_core.text.frontend import TextFrontEnd
from tts_core.text.phonemes import Phonemes
front_end = TextFrontEnd(configs=Path(sys.argv[1]), cache=Path(sys.argv[2]))
print(Phonemes(Path(sys.argv[1]), None).of(front_end.normalise("重庆2号")))
"""


def test_the_libraries_say_nothing_and_leave_nothing(
    tmp_path: Path, text_cache: Path, small_configs: Path
) -> None:
    open_grammars(text_cache)
    command = [sys.executable, "-W", "error", "-c", QUIET, str(small_configs), str(text_cache)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={"TMPDIR": str(tmp_path)}
    )
    assert done.stdout.startswith("<|CH|><|ONG2|><|Q|><|ING4|>二")
    assert done.stderr == ""
    assert not list(tmp_path.iterdir())


def test_a_handler_of_the_users_own_stays(text_cache: Path) -> None:
    logger = logging.getLogger("wetext")
    open_grammars(text_cache)
    handlers = list(logger.handlers)
    open_grammars(text_cache)
    assert logger.handlers == handlers
    assert logger.level == logging.WARNING
