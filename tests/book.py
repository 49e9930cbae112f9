"""A deterministic book for tests and benchmarks: Chinese and English, and everything that books do."""

import random
from typing import Literal

_NOUNS = [
    "lamp",
    "harbour",
    "orchard",
    "lighthouse",
    "letter",
    "garden",
    "river",
    "engine",
    "window",
    "clock",
    "teacher",
    "captain",
    "sparrow",
    "kettle",
    "mountain",
    "station",
    "violin",
    "baker",
    "winter",
    "lantern",
    "bridge",
    "ferry",
    "carpenter",
    "map",
]
_VERBS = [
    "carried",
    "found",
    "opened",
    "watched",
    "painted",
    "forgot",
    "repaired",
    "followed",
    "counted",
    "borrowed",
    "described",
    "kept",
]
_ADJECTIVES = [
    "quiet",
    "narrow",
    "golden",
    "patient",
    "broken",
    "distant",
    "clever",
    "heavy",
    "early",
    "curious",
    "pale",
    "crowded",
]
_PLACES = [
    "by the sea",
    "under the old bridge",
    "in Washington D.C.",
    "near No. 7",
    "behind the mill",
    "on the 3rd floor",
]
_WHO = ["老船长", "小女孩", "邮差", "木匠", "先生", "园丁", "渡船人", "我的祖母", "年轻的教师", "那位乐师"]
_DID = [
    "打开了窗户",
    "修好了旧钟",
    "沿着河岸走",
    "讲了一个故事",
    "收到一封信",
    "点亮了灯",
    "数着星星",
    "忘记了时间",
    "画下了山谷",
]
_WHEN = ["清晨", "傍晚", "下雪的时候", "第二天", "许多年以后", "雨停之后", "1987年5月3日", "上午9:30"]
_DIGITS = "零一二三四五六七八九"

Markup = Literal["md", "txt"]


def make_book(chars: int = 300_000, seed: int = 0, markup: Markup = "md") -> str:
    """Return a book of exactly `chars` characters, the same for the same arguments.

    Chapters, both languages, quotations in both, lists, numbers, very long and one-character
    paragraphs; no line end at its end.

    Args:
        chars: Its length, at least 200.
        seed: Another seed, another book.
        markup: `md` has headings, emphasis, links, lists, tables, code; `txt` has chapter lines.
    """
    chance = random.Random(f"{seed} {markup}")
    paragraphs: list[str] = []
    length = chapter = 0
    while length < chars:
        if length >= chapter * 12_000:
            chapter += 1
            paragraphs.append(_heading(chance, chapter, markup))
        else:
            paragraphs.append(_paragraph(chance, markup))
        length += len(paragraphs[-1]) + 2
    book = "\n\n".join(paragraphs)[:chars]
    # However it was cut, it ends with a letter: no final newline, no open mark of a list.
    return book[:-2] + " z"


def _heading(chance: random.Random, chapter: int, markup: Markup) -> str:
    if chapter % 2:
        title = f"Chapter {chapter}: The {chance.choice(_ADJECTIVES).title()} {chance.choice(_NOUNS).title()}"
    else:
        number = "".join(_DIGITS[int(digit)] for digit in str(chapter))
        title = f"第{number}章 {chance.choice(_WHO)}"
    return f"## {title}" if markup == "md" else title


def _paragraph(chance: random.Random, markup: Markup) -> str:
    kinds = ["english"] * 8 + ["chinese"] * 8 + ["mixed", "one", "dots", "list", "numbers"]
    if chance.random() < 0.004:
        return _long(chance)
    kind = chance.choice(kinds)
    if kind in ("english", "chinese"):
        sentence = _english if kind == "english" else _chinese
        joint = " " if kind == "english" else ""
        text = joint.join(sentence(chance) for _ in range(chance.randint(1, 7)))
        return _marked_up(chance, text) if markup == "md" else text
    if kind == "mixed":
        return f"{_english(chance)[:-1]}: {_chinese(chance)} “{_english(chance)}” {_chinese(chance)}"
    if kind in ("one", "dots"):
        return chance.choice(["I", "好", "7", "嗯"] if kind == "one" else ["……", "* * *", "…", "— — —"])
    if kind == "numbers":
        return _numbers(chance)
    return _list(chance) if markup == "md" else "\n".join(_english(chance) for _ in range(3))


def _numbers(chance: random.Random) -> str:
    year, thousands, ones = chance.randint(1700, 2030), chance.randint(1, 9), chance.randint(100, 999)
    return f"In {year} it cost ${thousands},{ones}.50 at 12:30; that is 第{ones}号，共{year}页，3.14倍。"


def _english(chance: random.Random) -> str:
    said = (
        f"the {chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} {chance.choice(_VERBS)} "
        f"the {chance.choice(_NOUNS)} {chance.choice(_PLACES)}"
    )
    kind = chance.randrange(6)
    if kind == 0:
        return f"“Mr. {chance.choice(_NOUNS).title()}, {said}!” she said."
    if kind == 1:
        return f'"{said.capitalize()}?" he asked; "{said}."'
    if kind == 2:
        return f"{said.capitalize()}, and {chance.randint(2, 99)} times {said} — or so it seemed…"
    return f"{said.capitalize()}."


def _chinese(chance: random.Random) -> str:
    said = f"{chance.choice(_WHEN)}，{chance.choice(_WHO)}{chance.choice(_DID)}"
    kind = chance.randrange(5)
    if kind == 0:
        return f"“{said}！”他喊道。"
    if kind == 1:
        return f"{chance.choice(_WHO)}说：“{said}。{said}。”"
    if kind == 2:
        return f"{said}，{said}；{said}，{said}，{said}……"
    return f"{said}。"


def _marked_up(chance: random.Random, text: str) -> str:
    kind = chance.randrange(12)
    word = chance.choice(_NOUNS)
    if kind == 0:
        link = f'*[the {word}](https://example.org/{word} "{word}")*'
        return f"{text} See **{word}** and {link} &amp; `{word}`."
    if kind == 1:
        return "> " + text + "\n> " + _english(chance)
    if kind == 2:
        return f"{text}\n{_english(chance)} ![the {word}](pictures/{word}.png)"
    if kind == 3:
        return f"```\n{word} = {chance.randint(0, 99)}\n```\n\n{text}"
    return text


def _list(chance: random.Random) -> str:
    if chance.randrange(3) == 0:
        rows = "\n".join(f"| {chance.choice(_NOUNS)} | {chance.choice(_WHO)} |" for _ in range(3))
        return f"| thing | 谁 |\n|---|---|\n{rows}"
    bullet = chance.choice(["- ", "1. ", "* "])
    return "\n".join(bullet + (_english(chance) if n % 2 else _chinese(chance)) for n in range(4))


def _long(chance: random.Random) -> str:
    if chance.randrange(2):
        return "，".join(chance.choice(_WHEN) + chance.choice(_WHO) + chance.choice(_DID) for _ in range(250))
    return " ".join(_english(chance) for _ in range(120))
