"""Phoneme mode."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tts_core.errors import CheckpointError, SettingError
from tts_core.text.phonemes import Phonemes, is_chinese, lexicon_fault

# Two libraries with large tables are loaded by the first of them.
pytestmark = pytest.mark.timeout(120)


def tables(folder: Path, *, able: str = "", words: Mapping[str, str] | None = None) -> Path:
    (folder / "G2P_able_1word.json").write_text(json.dumps(list(able)), "utf-8")
    rows = [json.dumps({word: sounds}, ensure_ascii=False) for word, sounds in (words or {}).items()]
    (folder / "G2P_replace_dict.jsonl").write_text("\n\n".join(rows), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("hello, 5.", "hello, 5."),
        ("重新", "<|CH|><|ONG2|><|X|><|IN1|>"),
        ("很重，重新。", "<|H|><|EN3|><|ZH|><|ONG4|>，<|CH|><|ONG2|><|X|><|IN1|>。"),
        ("参差", "<|C|><|EN1|><|C|><|II1|>"),
        ("吃日", "<|CH|><|III1|><|R|><|III4|>"),
        ("四次", "<|S|><|II4|><|C|><|II4|>"),
        ("了", "<|L|><|E5|>"),
        ("女绿", "<|N|><|V3|><|L|><|V4|>"),
        ("嗯呣", "<|EN1|><|M|><|U3|>"),
        ("用python写", "<|IONG4|>python<|X|><|IE3|>"),
        ("一a二", "<|I1|>a<|ER4|>"),
    ],
)
def test_characters_become_an_initial_and_a_final(tmp_path: Path, text: str, expected: str) -> None:
    assert Phonemes(tables(tmp_path), None).of(text) == expected


def test_characters_that_the_model_reads_by_itself_stay_and_help_to_read_the_others(tmp_path: Path) -> None:
    phonemes = Phonemes(tables(tmp_path, able="新要"), None)
    assert phonemes.of("重新") == "<|CH|><|ONG2|>新"
    assert phonemes.of("重要") == "<|ZH|><|ONG4|>要"


def test_words_of_the_table_come_first_and_the_longest_wins(tmp_path: Path) -> None:
    words = {"弦": "<|X|><|IAN2|>", "弦乐": "<|Y|>", "乐a": "<|Z|>"}
    phonemes = Phonemes(tables(tmp_path, able="管新", words=words), None)
    assert phonemes.of("管弦乐a") == "管<|Y|>a"
    assert phonemes.of("弦新乐a弦") == "<|X|><|IAN2|>新<|Z|><|X|><|IAN2|>"


def test_a_word_of_the_table_parts_the_run_it_stands_in(tmp_path: Path) -> None:
    # 重庆 alone is Chóngqìng; with its second character taken out 重 is read alone.
    phonemes = Phonemes(tables(tmp_path, words={"庆": "<|Q|>"}), None)
    assert phonemes.of("重庆") == "<|ZH|><|ONG4|><|Q|>"


def test_a_users_own_words_win_over_the_tables(tmp_path: Path) -> None:
    lexicon = tmp_path / "own.jsonl"
    lexicon.write_text('\ufeff{"弦": "<|OWN|>", "GLM": "<|G|>"}\n', "utf-8")
    phonemes = Phonemes(tables(tmp_path, able="乐", words={"弦": "<|X|>", "乐": "<|L|>"}), lexicon)
    assert phonemes.of("弦乐GLM") == "<|OWN|><|L|><|G|>"


@pytest.mark.parametrize(
    ("text", "as_the_model", "only_known"),
    [
        ("⺀新好", "<|⺀|><|⺀|><|X|><|IN1|><|H|><|AO3|>", "⺀<|X|><|IN1|>好"),  # a radical
        ("兙新a新", "兙新a<|X|><|IN1|>", "兙<|X|><|IN1|>a<|X|><|IN1|>"),  # a unit that is read by no syllable
    ],
)
def test_characters_that_nobody_can_read(
    tmp_path: Path, text: str, as_the_model: str, only_known: str
) -> None:
    configs = tables(tmp_path)
    (configs / "G2P_all_phonemes.json").write_text('{"0": "X", "1": "IN1"}', "utf-8")
    assert Phonemes(configs, None).of(text) == as_the_model
    assert Phonemes(configs, None, only_known=True).of(text) == only_known


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("一", True),
        ("㐀", True),
        ("𠀀", True),
        ("⺀", True),
        ("豈", True),
        ("。", False),
        ("あ", False),
        ("a", False),
    ],
)
def test_far_more_blocks_are_looked_up_than_make_a_text_chinese(char: str, *, expected: bool) -> None:
    assert is_chinese(char) is expected


def test_damaged_tables_are_the_checkpoints_fault(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="G2P_able_1word"):
        Phonemes(tmp_path, None)
    tables(tmp_path)
    (tmp_path / "G2P_replace_dict.jsonl").write_text('{"一": "<|I1|>"}\n{"二": 2}\n', "utf-8")
    with pytest.raises(CheckpointError, match=r"G2P_replace_dict\.jsonl:2"):
        Phonemes(tmp_path, None)


@pytest.mark.parametrize(("line", "said"), [("nonsense", "wanted"), ('{"": "<|X|>"}', "empty word")])
def test_a_damaged_lexicon_is_the_users(tmp_path: Path, line: str, said: str) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text(line, "utf-8")
    with pytest.raises(SettingError, match=rf"own\.jsonl:1.*{said}"):
        Phonemes(tables(tmp_path), own)
    with pytest.raises(SettingError, match="cannot be read"):
        Phonemes(tables(tmp_path), tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("sounds", "said"),
    [("<|C|><|EN1|><|CI|><|I1|>", r"no sound CI; those it has are in G2P_all"), (" ", "has no sounds")],
)
def test_a_users_word_that_would_vanish_or_be_read_out_as_letters_is_refused(
    tmp_path: Path, sounds: str, said: str
) -> None:
    configs, own = tables(tmp_path), tmp_path / "own.jsonl"
    (configs / "G2P_all_phonemes.json").write_text('{"1": "C", "2": "EN1", "3": "I1"}', "utf-8")
    own.write_text(json.dumps({"参差": sounds}), "utf-8")
    with pytest.raises(SettingError, match=f"'参差'.*{said}"):
        Phonemes(configs, own, only_known=True)
    fault = lexicon_fault(own, configs)
    assert fault is not None
    assert "'参差'" in fault
    own.write_text('{"参差": "<|C|><|EN1|><|C|><|I1|>", "GLM": "gee el em"}', "utf-8")
    assert lexicon_fault(own, configs) is None
    assert lexicon_fault(own, tmp_path / "nowhere") is None
    assert Phonemes(configs, own, only_known=True).of("GLM参差") == "gee el em<|C|><|EN1|><|C|><|I1|>"


def test_the_models_own_tables_give_only_sounds_that_it_knows(parity: Path) -> None:
    known = set(json.loads((parity / "configs" / "G2P_all_phonemes.json").read_text("utf-8")).values())
    phonemes = Phonemes(parity / "configs", None)
    able = set(json.loads((parity / "configs" / "G2P_able_1word.json").read_text("utf-8")))
    common = [char for char in map(chr, range(0x4E00, 0x9FA6)) if char not in able and _is_gb2312(char)]
    sounds = {sound for char in common for sound in phonemes.of(char).strip("<|>").split("|><|")}
    assert len(common) > 3000
    assert sorted(sound for sound in sounds - known if sound.isascii()) == []


def _is_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
