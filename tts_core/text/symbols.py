"""How single symbols are read in Chinese, as the model was trained on them."""

from collections.abc import Mapping
from typing import Final

_NUMBERS: Final = dict(zip("①②③④⑤⑥⑦⑧⑨⑩", "一二三四五六七八九十", strict=True))

_GREEK: Final = {
    "阿尔法": "α", "贝塔": "β", "伽玛": "γΓ", "德尔塔": "δΔ△", "艾普西龙": "ε", "捷塔": "ζ", "依塔": "η",
    "西塔": "θΘ", "艾欧塔": "ι", "喀帕": "κ", "拉姆达": "λΛ", "缪": "μ", "拗": "ν", "克西": "ξΞ",
    "欧米克伦": "ο", "派": "πΠ", "肉": "ρ", "西格玛": "ςΣσ", "套": "τ", "宇普西龙": "υ", "服艾": "φΦ",
    "器": "χ", "普赛": "ψΨ", "欧米伽": "ωΩ",
}  # fmt: skip

_MATHEMATICS: Final = {
    "大于": ">", "小于": "<", "属于": "∈", "不属于": "∉⊄⊈", "并": "∪", "交": "∩", "垂直": "⊥", "平行": "∥",
    "不等于": "≠", "因为": "∵", "所以": "∴", "空集": "∅", "真包含于": "⊂", "包含": "⊃", "包含于": "⊆",
    "真包含": "⊇", "非超集": "⊅⊉",
}  # fmt: skip

_OTHERS: Final = {"，": "†", "平方": "²", "立方": "³", "每": "/", "方框": "□"}


def _by_symbol() -> dict[str, str]:
    words = {**_GREEK, **_MATHEMATICS, **_OTHERS}
    return {symbol: word for word, symbols in words.items() for symbol in symbols} | _NUMBERS


#: Symbol to words, as a table of `str.translate`. No word holds a symbol: one pass does.
IN_CHINESE: Final[Mapping[int, str]] = str.maketrans(_by_symbol())
