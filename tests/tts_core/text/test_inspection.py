"""What the text becomes, line by line."""

import io
import json
from pathlib import Path

import pytest

from tts_core.errors import SettingError
from tts_core.text.frontend import TextFrontEnd
from tts_core.text.inspection import default_cache, run
from tts_core.text.tokenizer import Tokenizer
from tts_core.weights import read_safetensors

# The first of them may build the grammars for the checkout.
pytestmark = pytest.mark.timeout(300)

Row = dict[str, object]


def answers(configs: Path | None, cache: Path, lines: str) -> tuple[int, list[Row]]:
    out = io.StringIO()
    status = run(configs, io.StringIO(lines), out, cache=cache)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_line_of_the_reference_comes_out_the_same(parity: Path, text_cache: Path) -> None:
    golden = (parity / "golden_text.jsonl").read_text("utf-8")
    expected: list[Row] = [json.loads(line) for line in golden.splitlines()][1:]
    texts = "".join(json.dumps({"text": row["text"]}) + "\n" for row in expected)
    status, found = answers(parity / "configs", text_cache, texts)
    assert status == 0
    assert found == expected
    assert len(found) == 39


def test_the_reference_voice_has_the_reference_ids(parity: Path, text_cache: Path) -> None:
    folder = parity / "tiny"
    said = json.loads((folder / "inputs.json").read_text("utf-8"))["prompt_text"]
    text = TextFrontEnd(configs=parity / "configs", cache=text_cache).normalise(said)
    ids = Tokenizer.open(folder / "checkpoint" / "vq32k-phoneme-tokenizer").encode(text + " ")
    expected = read_safetensors([folder / "expected" / "24000.safetensors"]).tensors["prompt_text"]
    assert ids == [int(one) for one in expected.flatten()]


def test_a_text_is_answered_in_all_four_forms(small_configs: Path, text_cache: Path) -> None:
    status, (row,) = answers(small_configs, text_cache, '{"text": "重庆，5~8岁！"}\n')
    assert status == 0
    assert row == {
        "text": "重庆，5~8岁！",
        "normalised": "重庆，五到八岁。",
        "segments": ["重庆，五到八岁。"],
        "segments_normalised": ["重庆，五到八岁。"],
        "phonemes": ["<|CH|><|ONG2|><|Q|><|ING4|>，<|U3|><|D|><|AO4|><|B|><|A1|><|S|><|UEI4|>。"],
    }


def test_without_tables_there_are_no_phonemes(text_cache: Path) -> None:
    _, (row,) = answers(None, text_cache, '{"text": "噢"}\n')
    assert list(row) == ["text", "normalised", "segments", "segments_normalised"]


def test_where_the_model_fails_the_line_says_so_and_the_next_one_is_answered(text_cache: Path) -> None:
    lines = [{"text": "internationalization " * 39}, {"text": "好"}]
    status, (failed, well) = answers(None, text_cache, "\n".join(map(json.dumps, lines)))
    assert status == 0
    assert "40 words" in str(failed["error"])
    assert str(failed["normalised"]).startswith("internationalization")
    assert "segments" not in failed
    assert well["segments"] == ["好。"]


@pytest.mark.parametrize("line", ["nonsense", "{}", "[1]", '{"text": 5}', '{"other": "a"}'])
def test_a_line_that_asks_nothing_is_answered_in_words(text_cache: Path, line: str) -> None:
    status, (row, well) = answers(None, text_cache, f'{line}\n\n{{"text": "好"}}\n')
    assert status == 1
    assert list(row) == ["error"]
    assert well["normalised"] == "好。"


def test_a_line_of_versions_is_answered_with_those_here(text_cache: Path) -> None:
    status, (row,) = answers(None, text_cache, '{"versions": {"jieba": "0"}}\n')
    assert status == 0
    assert isinstance(row["versions"], dict)
    assert "jieba" in row["versions"]


def test_a_folder_of_tables_that_is_not_there_is_named(tmp_path: Path, text_cache: Path) -> None:
    with pytest.raises(SettingError, match=r"absent.*no such folder"):
        run(tmp_path / "absent", io.StringIO(), io.StringIO(), cache=text_cache)


def test_the_users_cache_is_where_the_standard_says() -> None:
    assert default_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/tts-supervisor/text")
    assert default_cache({"XDG_CACHE_HOME": "c"}) == Path.home() / ".cache/tts-supervisor/text"
    assert default_cache({}) == Path.home() / ".cache/tts-supervisor/text"
