"""Write the lifecycle table into docs/architecture.md, between its two marks.

Run as `python docs/draw_lifecycle.py` from anywhere; tests/test_house.py fails when it is due.
"""

import re
from pathlib import Path

from supervisor.core.lifecycle import draw

_PAGE = Path(__file__).parent / "architecture.md"
_BLOCK = re.compile(r"(<!-- lifecycle: begin -->\n```\n).*?(```\n<!-- lifecycle: end -->)", re.DOTALL)


def drawn_into(page: str) -> str:
    """Return the page with the block drawn anew.

    Raises:
        ValueError: If the page has no such block.
    """
    drawn, count = _BLOCK.subn(lambda block: f"{block[1]}{draw()}\n{block[2]}", page)
    if count != 1:
        raise ValueError(f"{_PAGE.name} must hold the lifecycle marks once, found {count}")
    return drawn


if __name__ == "__main__":
    _PAGE.write_text(drawn_into(_PAGE.read_text("utf-8")), "utf-8")
