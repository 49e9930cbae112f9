import json
import re
from pathlib import Path

MARKS = "。？！；：、.?!;:，,"


class TextFrontEnd:
    def __init__(self, use_phoneme: bool) -> None:
        self.use_phoneme = use_phoneme
        tables = Path("configs/G2P_replace_dict.jsonl").read_text("utf-8") if use_phoneme else ""
        self.replaced: dict[str, str] = {}
        for line in tables.splitlines():
            self.replaced |= json.loads(line)

    def text_normalize(self, text: str) -> str:
        text = re.sub(r"\s+", " ", text.strip()).lower()
        return text if text.endswith(tuple(MARKS)) else text + "."

    def split_by_len(self, text: str, least: int = 30, most: int = 60) -> list[str]:
        assert not text.startswith(" "), "a segment that starts with a space"
        pieces: list[str] = []
        begin = 0
        for at, char in enumerate(text):
            if char in MARKS and at - begin >= least:
                pieces.append(text[begin : at + 1])
                begin = at + 1
        if begin < len(text):
            pieces.append(text[begin:])
        for piece in pieces:
            longest = max(map(len, re.split(rf"[ {re.escape(MARKS)}]", piece)))
            if longest > most:
                _ = list(piece)[len(piece) + longest]  # the original compares weights and counts units
        return [piece.strip() for piece in pieces if piece.strip()]

    def g2p_infer(self, text: str) -> str:
        for word, sounds in self.replaced.items():
            text = text.replace(word, sounds)
        return text
