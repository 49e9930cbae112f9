"""Words for the symbols that a voice passes over in silence: `38℃` is 38 degrees Celsius.

Pure: what a voice is silent on is asked of it elsewhere and comes as an argument. Ornaments,
separators and quotation marks have no word and stay silent; docs/operations.md lists them.
"""

import re
from collections.abc import Callable, Iterator

from child.scripts import split_runs

#: Symbol -> English and Chinese words, by code point. No Chinese word: the voice's own is what people say.
WORDS: dict[str, tuple[str, str]] = {
    "#": ("hash", ""),
    "$": ("dollars", "美元"),
    "%": ("percent", ""),  # alone; after a number it is 百分之
    "&": ("and", "和"),
    "+": ("plus", "加"),
    "=": ("equals", "等于"),
    "@": ("at", ""),
    "^": ("caret", "脱字符"),  # alone; before a number it is a power
    "¢": ("cents", "美分"),
    "£": ("pounds", "英镑"),
    "¥": ("yen", "元"),  # the yuan has the same sign, and a Chinese text means that
    "§": ("section", "节"),
    "©": ("copyright", "版权"),
    "®": ("registered", "注册商标"),
    "°": ("degrees", "度"),
    "±": ("plus or minus", "正负"),
    "¼": ("one quarter", "四分之一"),
    "½": ("one half", "二分之一"),
    "¾": ("three quarters", "四分之三"),
    "×": ("times", "乘"),
    "÷": ("divided by", "除以"),
    "฿": ("baht", "泰铢"),
    "‰": ("per mille", "千分号"),  # alone; after a number it is 千分之
    "₦": ("naira", "奈拉"),
    "₩": ("won", "韩元"),
    "₪": ("shekels", "谢克尔"),
    "₫": ("dong", "越南盾"),
    "€": ("euros", "欧元"),
    "₱": ("pesos", "比索"),
    "₴": ("hryvnias", "格里夫纳"),
    "₹": ("rupees", "卢比"),
    "₺": ("lira", "里拉"),
    "₽": ("rubles", "卢布"),
    "₿": ("bitcoin", "比特币"),
    "℃": ("degrees Celsius", "摄氏度"),
    "℉": ("degrees Fahrenheit", "华氏度"),
    "№": ("number", "编号"),
    "™": ("trademark", "商标"),
    "⅐": ("one seventh", "七分之一"),
    "⅑": ("one ninth", "九分之一"),
    "⅒": ("one tenth", "十分之一"),
    "⅓": ("one third", "三分之一"),
    "⅔": ("two thirds", "三分之二"),
    "⅕": ("one fifth", "五分之一"),
    "⅖": ("two fifths", "五分之二"),
    "⅗": ("three fifths", "五分之三"),
    "⅘": ("four fifths", "五分之四"),
    "⅙": ("one sixth", "六分之一"),
    "⅚": ("five sixths", "六分之五"),
    "⅛": ("one eighth", "八分之一"),
    "⅜": ("three eighths", "八分之三"),
    "⅝": ("five eighths", "八分之五"),
    "⅞": ("seven eighths", "八分之七"),
    "←": ("left arrow", "左箭头"),
    "↑": ("up arrow", "上箭头"),
    "→": ("to", "到"),  # between two things, which is where prose has it
    "↓": ("down arrow", "下箭头"),
    "↔": ("left right arrow", "双向箭头"),
    "⇒": ("implies", "推出"),
    "⇔": ("if and only if", "等价于"),
    "∀": ("for all", "任意"),
    "∂": ("partial", "偏"),
    "∃": ("there exists", "存在"),
    "∅": ("the empty set", "空集"),
    "∆": ("delta", "德尔塔"),
    "∈": ("in", "属于"),
    "∉": ("not in", "不属于"),
    "∏": ("product", "连乘"),
    "∑": ("sum", "求和"),
    "−": ("minus", "减"),  # before a number with nothing to take it from it is 负
    "√": ("square root of", "根号"),
    "∝": ("proportional to", "正比于"),
    "∞": ("infinity", "无穷大"),
    "∠": ("angle", "角"),
    "∥": ("parallel to", "平行于"),
    "∧": ("and", "且"),
    "∨": ("or", "或"),
    "∩": ("intersection", "交"),
    "∪": ("union", "并"),
    "∫": ("integral", "积分"),
    "∴": ("therefore", "所以"),
    "∵": ("because", "因为"),
    "∼": ("similar to", "相似于"),
    "≅": ("congruent to", "全等于"),
    "≈": ("approximately", "约等于"),
    "≠": ("not equal to", "不等于"),
    "≡": ("identical to", "恒等于"),
    "≤": ("less than or equal to", "小于等于"),
    "≥": ("greater than or equal to", "大于等于"),
    "≦": ("less than or equal to", "小于等于"),
    "≧": ("greater than or equal to", "大于等于"),
    "≪": ("much less than", "远小于"),
    "≫": ("much greater than", "远大于"),
    "⊂": ("subset of", "包含于"),
    "⊥": ("perpendicular to", "垂直于"),
    "☑": ("check mark", "对勾"),
    "✅": ("check mark", "对勾"),
    "✓": ("check mark", "对勾"),
    "✔": ("check mark", "对勾"),
    "✗": ("cross", "叉"),
    "✘": ("cross", "叉"),
    "❌": ("cross", "叉"),
    "㎎": ("milligrams", "毫克"),
    "㎏": ("kilograms", "千克"),
    "㎖": ("millilitres", "毫升"),
    "㎜": ("millimetres", "毫米"),
    "㎝": ("centimetres", "厘米"),
    "㎞": ("kilometres", "千米"),
    "㎡": ("square metres", "平方米"),
    "㎥": ("cubic metres", "立方米"),
    "㏄": ("cubic centimetres", "毫升"),
}

#: Read by no voice as what they are: those that make a sound say "Chinese symbol".
UNITS = frozenset("㎎㎏㎖㎜㎝㎞㎡㎥㏄")

_SYMBOL = re.compile(f"[{re.escape(''.join(WORDS))}]")
_FRACTIONS = "¼½¾⅐-⅞"
_LEVEL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉⁻⁺−", "01234567890123456789-+-")
_MONEY = "$¢£¥฿₦₩₪₫€₱₴₹₺₽₿"

# eSpeak says 10⁶ as "ten six", and nothing at all for the end of 10⁻⁶. After a longer word it
# is a footnote: its number, which eSpeak would cut short.
_POWER = re.compile(
    r"(?P<base>(?<![A-Za-z])[A-Za-z]{1,2}|[0-9)])(?:(?P<raised>[⁺⁻]?[⁰¹²³⁴-⁹]+)|\^(?P<plain>[-−+]?[0-9]+))"
)
_SMALL = re.compile(r"[⁰¹²³⁴-⁹₀-₉]+")
_NEGATIVE = re.compile(r"(?:(?<![\w)\-−])|(?<=[是为到至达约温]))[-−](?=[0-9])")
_PER = re.compile(r"(?<![0-9])([0-9][0-9.,]*)\s?([%‰])")
_PRICE = re.compile(rf"([{_MONEY}])\s?([0-9]+(?:[.,][0-9]+)*[百千万亿]*)")
_MEASURED = "0-9一二三四五六七八九十百千万亿℃℉%°年月日时点号岁"
_RANGE = re.compile(rf"(?<=[{_MEASURED}])\s?[~～〜]\s?(?=[$£¥€−0-9一二三四五六七八九十周])")
_ABOUT = re.compile(r"[~～〜](?=[0-9])")
_LESS = re.compile(r"(?<=[\w)])(\s?)<(?=\s?-?[0-9])")
_MORE = re.compile(r"(?:(?<=\w\s)|(?<=[0-9)]))>(?=\s?-?[0-9])")  # not the end of <b>
_DEGREES = re.compile(r"([\u4e00-\u9fff][-−0-9. ]*)°\s?([CF])(?![A-Za-z])")  # C would be an English run
_REDACTED = re.compile("×{2,}")
_MIXED = re.compile(rf"(?<=[0-9])(?=[{_FRACTIONS}])")

#: Says which of `WORDS` the voice of a script (None: the one for what has no script) is silent on.
Silent = Callable[[str | None], frozenset[str]]


def with_words(text: str, silent: Silent, *, neutral_is_chinese: bool) -> str:
    """Put words for symbols that would not be heard, in the language around them.

    Chinese words beside Chinese, where every symbol gets one: what eSpeak's Chinese voice says of
    them is English. Elsewhere English words, and only for what the voice there is silent on.

    Args:
        text: Without letters in disguise (`child.scripts.undisguised`).
        silent: Asked only for scripts that have a symbol beside them.
        neutral_is_chinese: Whether a text without any script is read in Chinese.
    """
    text = _DEGREES.sub(lambda found: found[1] + ("℃" if found[2] == "C" else "℉"), text)
    return "".join(_spoken_runs(text, silent, neutral_is_chinese=neutral_is_chinese))


def _spoken_runs(text: str, silent: Silent, *, neutral_is_chinese: bool) -> Iterator[str]:
    for run in split_runs(text):
        if run.script == "han" or (run.script is None and neutral_is_chinese):
            yield _in_chinese(run.text)
        else:
            yield _in_english(run.text, run.script, silent)


def _in_chinese(text: str) -> str:
    text = _REDACTED.sub(lambda found: "某" * len(found[0]), text)  # ××公司: some company
    text = _SMALL.sub(_levelled, _POWER.sub(_power_in_chinese, text))
    text = _MIXED.sub("又", text)
    text = _ABOUT.sub("约", _RANGE.sub("到", text))
    text = _NEGATIVE.sub("负", text)
    text = _PER.sub(lambda found: ("百分之" if found[2] == "%" else "千分之") + found[1], text)
    text = _PRICE.sub(lambda found: found[2] + WORDS[found[1]][1], text)
    text = _MORE.sub("大于", _LESS.sub("小于", text))
    return _SYMBOL.sub(lambda found: WORDS[found[0]][1] or found[0], text)


def _power_in_chinese(found: re.Match[str]) -> str:
    power = _exponent(found)
    return found["base"] + {"2": "的平方", "3": "的立方"}.get(power, f"的{power.replace('-', '负')}次方")


def _in_english(text: str, script: str | None, silent: Silent) -> str:
    text = _SMALL.sub(_levelled, _POWER.sub(_power_in_english, text))
    text = _RANGE.sub(" to ", text)
    text = _MORE.sub(" greater than ", _LESS.sub(" less than ", text))
    if _SYMBOL.search(text) is None:
        return text
    unheard = silent(script) | UNITS
    text = _MIXED.sub(" and ", text)
    return _SYMBOL.sub(lambda found: _apart(found) if found[0] in unheard else found[0], text)


def _power_in_english(found: re.Match[str]) -> str:
    power = _exponent(found)
    words = {"2": "squared", "3": "cubed"}.get(power, f"to the power of {power.replace('-', 'minus ')}")
    return f"{found['base']} {words}" + _gap(found)


def _exponent(found: re.Match[str]) -> str:
    return (found["raised"] or found["plain"]).translate(_LEVEL).lstrip("+")


def _levelled(found: re.Match[str]) -> str:
    """Return a footnote's or an index's number, apart from its neighbours: H₂O is H 2 O."""
    return f" {found[0].translate(_LEVEL)}" + _gap(found)


def _apart(found: re.Match[str]) -> str:
    """Return the English word, apart from its neighbours, but not from a mark after it."""
    before = found.string[max(found.start() - 1, 0) : found.start()]
    return ("" if before in ("", " ") else " ") + WORDS[found[0]][0] + _gap(found)


def _gap(found: re.Match[str]) -> str:
    after = found.string[found.end() : found.end() + 1]
    return " " if after.isalnum() or after in WORDS else ""
