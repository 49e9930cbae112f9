"""Symbols that are read out."""

from tts_core.text.symbols import IN_CHINESE


def test_no_word_holds_a_symbol_so_one_pass_is_as_good_as_many() -> None:
    assert not [word for word in IN_CHINESE.values() if any(ord(char) in IN_CHINESE for char in word)]


def test_symbols_are_read() -> None:
    assert "①+⑩，α△Ω∉x²/□".translate(IN_CHINESE) == "一+十，阿尔法德尔塔欧米伽不属于x平方每方框"
    assert [len(word) for word in map(IN_CHINESE.get, range(0x3B1, 0x3CA)) if word] == [
        3, 2, 2, 3, 4, 2, 2, 2, 3, 2, 3, 1, 1, 2, 4, 1, 1, 3, 3, 1, 4, 2, 1, 2, 3,
    ]  # alpha to omega, both sigmas  # fmt: skip
