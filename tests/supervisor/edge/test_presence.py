import sys
from pathlib import Path

import pytest

from supervisor.edge.presence import ask_presence
from supervisor.errors import SupervisorError
from tests.tts_core.small_checkpoint import make_small_checkpoint, make_small_configs

pytestmark = pytest.mark.processes


def test_what_is_there_is_told_with_its_size(tmp_path: Path) -> None:
    folder, configs = make_small_checkpoint(tmp_path / "ckpt"), make_small_configs(tmp_path / "configs")
    found = ask_presence(sys.executable, folder, configs=str(configs), rate_hz="24000")
    assert (found.parts, found.tables) == ([], [])
    halved = [*(folder / "llm").glob("*.safetensors"), folder / "flow" / "flow.pt"]
    assert found.halved_bytes == sum(path.stat().st_size for path in halved)
    assert found.whole_bytes == (folder / "hift" / "hift.pt").stat().st_size


def test_what_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    folder = make_small_checkpoint(tmp_path)
    (folder / "flow" / "flow.pt").unlink()
    (folder / "vocos2d" / "generator_jit.ckpt").unlink()
    found = ask_presence(sys.executable, folder, configs="", rate_hz="24000")
    assert [part.split(":")[0] for part in found.parts] == [str(folder / "flow" / "flow.pt")]
    assert "generator_jit" in ask_presence(sys.executable, folder, configs="", rate_hz="32000").parts[1]
    (tables,) = found.tables
    assert tables.startswith(str(folder / "configs"))
    assert "G2P_replace_dict.jsonl" in tables


def test_a_lexicon_is_judged_as_the_engine_would(tmp_path: Path) -> None:
    configs, own = make_small_configs(tmp_path / "configs"), tmp_path / "own.jsonl"
    for text, said in (
        ('{"参差": "<|C|>"}\n', None),
        ('{"参差": "<|NOBODY|>"}\n', "the model has no sound NOBODY"),
        ('{"参差": "<|C|>"}\n{"参', f"{own}:2: wanted"),
        ("[1]", f"{own}:1: wanted"),
    ):
        own.write_text(text, "utf-8")
        found = ask_presence(
            sys.executable, tmp_path, configs=str(configs), rate_hz="24000", lexicon=str(own)
        ).lexicon
        assert len(found) == (said is not None)
        assert said is None or said in found[0]


def test_packages_are_looked_for_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'tiktoken' else real(name, *rest)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = ask_presence(sys.executable, tmp_path, configs="", rate_hz="24000")
    assert found.packages == ["tiktoken"]


def test_an_interpreter_that_does_not_answer_is_told_in_its_own_words(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho No module named tts_core >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(SupervisorError, match="No module named tts_core"):
        ask_presence(str(python), tmp_path, configs="", rate_hz="24000")
