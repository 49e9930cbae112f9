"""Token ids."""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tree import ROOT
from tts_core.errors import CheckpointError
from tts_core.text.tokenizer import PATTERN, Tokenizer, find_pattern

BYTES = [bytes([byte]) for byte in range(256)]
MERGED = [b"he", b"ll", b"hell", b"hello", b" w", "你".encode()[:2], "你".encode()]
NAMES = ["<|endoftext|>", "[gMASK]", "<sop>", "<|user|>", "<|begin_of_audio|>", "<|X|>", "<|IAN2|>"]
AUDIO = [f"<|audio_{n}|>" for n in range(40)]
FIRST = len(BYTES) + len(MERGED)


def write(
    folder: Path, *, ranks: Sequence[bytes] = (*BYTES, *MERGED), names: Sequence[str] = (*NAMES, *AUDIO)
) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(ranks)]
    (folder / "tokenizer.model").write_text("".join(lines), "ascii")
    write_names(
        folder, {str(len(ranks) + at): {"content": name, "special": True} for at, name in enumerate(names)}
    )
    return folder


def write_names(folder: Path, added: object) -> None:
    config = {"tokenizer_class": "ChatGLM4Tokenizer", "added_tokens_decoder": added}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.open(write(tmp_path_factory.mktemp("tokenizer")))


def test_special_tokens_are_found_by_their_strings(tokenizer: Tokenizer) -> None:
    specials = tokenizer.specials
    assert specials.pad == FIRST
    assert specials.end_of_audio == FIRST + 3
    assert specials.begin_of_audio == FIRST + 4
    assert specials.first_audio == FIRST + len(NAMES)
    assert specials.audio_count == 40


def test_bytes_are_merged_by_rank(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("") == []
    assert tokenizer.encode("hello") == [BYTES.__len__() + MERGED.index(b"hello")]
    assert tokenizer.encode("hel") == [256 + MERGED.index(b"he"), ord("l")]
    assert tokenizer.encode("你") == [256 + MERGED.index("你".encode())]


def test_nothing_is_merged_across_the_parts_of_the_pattern(tokenizer: Tokenizer) -> None:
    # A space goes with the word after it; digits part in threes.
    assert tokenizer.encode("he w") == [256 + MERGED.index(b"he"), 256 + MERGED.index(b" w")]
    assert tokenizer.encode("1234") == [ord(digit) for digit in "1234"]


def test_special_tokens_within_a_text_are_one_id_each(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("he<|X|><|IAN2|>he") == [256, FIRST + 5, FIRST + 6, 256]
    assert tokenizer.encode("[gMASK]<sop><|user|>") == [FIRST + 1, FIRST + 2, FIRST + 3]
    assert tokenizer.encode("<|audio_39|>") == [tokenizer.specials.first_audio + 39]


@pytest.mark.parametrize(
    "text", ["<|NONE|>", "<|X", "X|>", "<||>", "<|audio_40|>", "<|x|>", "[gmask]", "<|<|X"]
)
def test_what_only_looks_like_one_is_text(tokenizer: Tokenizer, text: str) -> None:
    assert all(token_id < FIRST for token_id in tokenizer.encode(text))


@given(
    st.lists(
        st.sampled_from([*NAMES, "hello", " ", "<|", "|>", "你", "<|NO|>", "\n", "é"]) | st.text(max_size=4)
    )
)
def test_the_ids_spell_the_text(tokenizer: Tokenizer, parts: Sequence[str]) -> None:
    text = "".join(parts)
    tokens = [*BYTES, *MERGED, *(name.encode() for name in (*NAMES, *AUDIO))]
    assert b"".join(tokens[token_id] for token_id in tokenizer.encode(text)).decode() == text


def test_white_space_that_a_special_token_takes_goes_with_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "it")
    added = {str(FIRST + at): {"content": name} for at, name in enumerate((*NAMES, *AUDIO))}
    added[str(FIRST + 5)] |= {"lstrip": True, "rstrip": True}  # type: ignore[dict-item] -- a row of JSON
    write_names(folder, added)
    assert Tokenizer.open(folder).encode("he  <|X|>  he ") == [256, FIRST + 5, 256, ord(" ")]


def test_no_heavy_library_is_imported_with_the_module() -> None:
    script = "import sys, tts_core.text.tokenizer as t; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"jieba", "pypinyin", "tn", "pynini", "torch", "numpy", "tiktoken", "emoji", "inflect"}
    assert heavy & set(done.stdout.split()) == set()


# ------------------------------------------------------------------ the checkpoint's own pattern


@pytest.mark.parametrize(
    "source",
    [
        'class T:\n    def __init__(self):\n        pat_str = r"\\p{L}+|."\n',
        'PATTERN = 1\nx.pat_str: str = "\\\\p{L}+|."\n',
        'Encoding(name="a", pat_str=r"\\p{L}+|.")\n',
    ],
)
def test_a_pattern_that_the_checkpoint_names_is_used(tmp_path: Path, source: str) -> None:
    folder = write(tmp_path / "it")
    (folder / "tokenization_chatglm.py").write_text(source, "utf-8")
    assert find_pattern(folder) == r"\p{L}+|."
    tokenizer = Tokenizer.open(folder)
    assert tokenizer.pattern_seen
    assert tokenizer.encode("he w")[-2:] == [ord(" "), ord("w")]  # this pattern leaves a space alone


def test_its_code_is_never_run(tmp_path: Path) -> None:
    folder = write(tmp_path / "it")
    (folder / "tokenization_chatglm.py").write_text(
        "raise SystemExit('run')\npat_str = open('x').read()\n", "utf-8"
    )
    assert find_pattern(folder) is None
    assert not Tokenizer.open(folder).pattern_seen


def test_two_patterns_are_not_chosen_between(tmp_path: Path) -> None:
    (tmp_path / "tokenization_a.py").write_text(f"pat_str = {PATTERN!r}\n", "utf-8")
    (tmp_path / "tokenization_b.py").write_text("pat_str = '.'\n", "utf-8")
    with pytest.raises(CheckpointError, match="several patterns"):
        find_pattern(tmp_path)


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize("name", ["tokenizer.model", "tokenizer_config.json"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "it")
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{name}.*not whole"):
        Tokenizer.open(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no token has rank 0"),
        ("IQ== 0\nnonsense\n", r"model:2: not a token"),
        ("IQ== 0\nIg== 5\n", "rank 1"),
        ("IQ== 0\n", "255 of the 256"),
    ],
)
def test_a_damaged_model_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path / "it")
    (folder / "tokenizer.model").write_text(text, "ascii")
    with pytest.raises(CheckpointError, match=said):
        Tokenizer.open(folder)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([*NAMES[:3], *NAMES[4:], *AUDIO], r"no token <\|user\|>"),
        (NAMES, r"no token <\|audio_0\|>"),
        ([*NAMES, *AUDIO[:5], "<|between|>", *AUDIO[5:]], "gap at N = 5"),
        ([*NAMES, *AUDIO[:7], *AUDIO[8:]], "gap at N = 7"),
        ([*NAMES, *reversed(AUDIO)], "gap at N = 1"),
    ],
)
def test_special_tokens_of_another_model_are_refused(tmp_path: Path, names: Sequence[str], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        Tokenizer.open(write(tmp_path / "it", names=names))


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ({"3": {"content": "<|user|>"}}, "ids of tokenizer.model"),
        ({"999": {"content": "<|user|>", "single_word": True}}, "stand alone"),
        ({"x": {"content": "a"}}, "not a tokenizer's configuration"),
        ([], "not a tokenizer's configuration"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path: Path, added: object, said: str) -> None:
    folder = write(tmp_path / "it")
    write_names(folder, added)
    with pytest.raises(CheckpointError, match=said):
        Tokenizer.open(folder)


def test_the_reference_tokenizer_gives_the_reference_ids(parity: Path) -> None:
    tokenizer = Tokenizer.open(parity / "tiny" / "checkpoint" / "vq32k-phoneme-tokenizer")
    assert tokenizer.specials.audio_count == 32768
    assert tokenizer.encode("他<|CH|><|ONG2|>x")[3:5] == [274, 407]
