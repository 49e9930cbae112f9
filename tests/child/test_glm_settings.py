"""The table `[engine.glm]`: what it may hold, what a line may say otherwise, and how it refuses."""

from pathlib import Path

import pytest

from child.engine import SettingsError
from child.glm_settings import cache_folder, of_line, read_settings
from supervisor.wire.messages import Setting


@pytest.fixture
def base(tmp_path: Path) -> dict[str, Setting]:
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "own.jsonl").write_text("")
    return {"checkpoint": str(tmp_path / "ckpt")}


def test_what_is_not_said_has_its_default(base: dict[str, Setting], tmp_path: Path) -> None:
    found = read_settings(base)
    assert found.checkpoint == tmp_path / "ckpt"
    assert (found.configs, found.lexicon, found.precision) == (None, None, None)
    assert (found.sample_rate_hz, found.kv_cache, found.threads) == (24_000, "auto", 1)
    assert found.history
    assert not found.phonemes


def test_all_that_can_be_said(base: dict[str, Setting], tmp_path: Path) -> None:
    found = read_settings(
        base
        | {
            "configs": str(tmp_path / "configs"),
            "lexicon": str(tmp_path / "own.jsonl"),
            "precision": "bf16",
            "history": False,
            "threads": 4,
            "sample_rate": 32_000,
            "kv_cache": False,
            "phonemes": True,
        }
    )
    assert (found.configs, found.lexicon) == (tmp_path / "configs", tmp_path / "own.jsonl")
    assert (found.precision, found.history, found.threads) == ("bf16", False, 4)
    assert (found.sample_rate_hz, found.kv_cache, found.phonemes) == (32_000, False, True)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("no_such_key", 1, r"engine\.glm\.no_such_key is no setting"),
        ("checkpoint", "", r"engine\.glm\.checkpoint is not set.*models get glm-tts"),
        ("checkpoint", 3, r"engine\.glm\.checkpoint = 3 is no path"),
        ("checkpoint", "/no/such/folder", r"engine\.glm\.checkpoint = '/no/such/folder': there is no such"),
        ("configs", "/no/such/folder", r"engine\.glm\.configs"),
        ("lexicon", "/no/such/file", r"engine\.glm\.lexicon"),
        ("precision", "fp16", r"engine\.glm\.precision = 'fp16'; there are: 'auto', 'fp32', 'bf16'"),
        ("sample_rate", 16_000, r"engine\.glm\.sample_rate = 16000; there are: 24000, 32000"),
        ("kv_cache", "sometimes", r'engine\.glm\.kv_cache = \'sometimes\'; there are: true, false, "auto"'),
        ("phonemes", "yes", r"engine\.glm\.phonemes = 'yes' must be true or false"),
        ("history", 1, r"engine\.glm\.history = 1 must be true or false"),
        ("threads", 0, r"engine\.glm\.threads = 0 is not within 1 \.\. 256"),
    ],
)
def test_what_cannot_be_is_named(base: dict[str, Setting], key: str, value: Setting, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_settings(base | {key: value})


def test_a_lexicon_needs_the_tables_that_it_is_used_with(base: dict[str, Setting], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"set engine\.glm\.configs as well"):
        read_settings(base | {"lexicon": str(tmp_path / "own.jsonl")})


def test_a_line_s_own_comes_on_top(base: dict[str, Setting]) -> None:
    line: dict[str, Setting] = {"sample_rate": 32_000, "kv_cache": True, "phonemes": True}
    found = of_line(base, line)
    assert (found.sample_rate_hz, found.kv_cache, found.phonemes) == (32_000, True, True)
    assert of_line(base, {}) == read_settings(base)


@pytest.mark.parametrize("key", ["checkpoint", "configs", "lexicon", "precision", "history", "threads"])
def test_what_is_of_a_whole_life_is_no_line_s(base: dict[str, Setting], key: str) -> None:
    with pytest.raises(SettingsError, match=rf"this line's\.{key} is no setting"):
        of_line(base, {key: 1})


def test_where_what_can_be_computed_again_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert cache_folder() == tmp_path / "tts-supervisor"
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "of-the-service"))  # systemd's word counts most
    assert cache_folder() == tmp_path / "of-the-service" / "tts-supervisor"
    monkeypatch.delenv("CACHE_DIRECTORY")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tts-supervisor"
