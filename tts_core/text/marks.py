"""The marks that end or part a sentence, and the test of which language a text is taken for.

Both are the model's: what it was trained on was normalised and cut by them.
"""

import re
from typing import Final

#: Chinese and ASCII marks; a piece of text ends at one of them.
MARKS: Final = "。？！；：、.?!;:，,"

#: A class of them for patterns. None has a meaning of its own between brackets.
ANY_MARK: Final = f"[{MARKS}]"

_CHINESE = re.compile("[\u4e00-\u9fff]")


def has_chinese(text: str) -> bool:
    """Say whether a text is taken for Chinese: one character of the basic block is enough."""
    return _CHINESE.search(text) is not None


def is_mark(text: str) -> bool:
    """Say whether a text is one mark and nothing else."""
    return len(text) == 1 and text in MARKS
