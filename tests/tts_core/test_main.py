"""`python -m tts_core`: what it writes, and what it ends with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.tree import ROOT
from tts_core.__main__ import main

# Each command is an interpreter that imports torch.
pytestmark = pytest.mark.timeout(120)

HELP = """
import sys
from tts_core.__main__ import main
try:
    main(["--help"])
finally:
    print("torch" in sys.modules)
"""


def run(*words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tts_core", *words],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_texts_are_answered_line_by_line(small_configs: Path, text_cache: Path) -> None:
    texts = ["It costs 20 pounds.", "我们去重庆。"]
    given = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = run("text", "--configs", str(small_configs), "--cache", str(text_cache), given=given)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == texts
    assert [*answers[0]] == ["text", "normalised", "segments", "segments_normalised", "phonemes"]
    assert "twenty" in answers[0]["normalised"]


def test_lines_of_another_encoding_are_told_in_any_locale_and_the_next_is_answered(text_cache: Path) -> None:
    given = b'\xff\xfe\n{"text": "caf\xe9"}\n\xef\xbb\xbf{"text": "\xe4\xbd\xa0"}\r\n'
    words = [sys.executable, "-m", "tts_core", "text", "--cache", str(text_cache)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=ROOT, input=given, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [next(iter(answer)) for answer in answers] == ["error", "error", "text"]
    assert answers[2]["normalised"] == "你。"


def test_a_reader_who_leaves_is_no_traceback(text_cache: Path) -> None:
    words = [sys.executable, "-m", "tts_core", "text", "--cache", str(text_cache)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as left:
        assert left.stdin is not None
        assert left.stdout is not None
        assert left.stderr is not None
        left.stdout.close()
        left.stdin.write(b'{"text": "a"}\n' * 9)
        left.stdin.close()
        assert left.stderr.read() == b""
        assert left.wait() == 1


def test_an_item_is_spoken_into_a_file_with_every_stage(
    small_checkpoint: Path, small_reference: Path, text_cache: Path, tmp_path: Path
) -> None:
    item = tmp_path / "inputs.json"
    item.write_text(json.dumps({"seed": 1, "prompt_text": "Hello there.", "text": "It was late."}), "utf-8")
    out = tmp_path / "out.safetensors"
    words = ["--item", str(item), "--reference", str(small_reference), "--cache", str(text_cache)]
    done = run("dump", str(small_checkpoint), *words, "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert {*load_file(out)} >= {
        "prompt_text",
        "prompt_speech",
        "prompt_feat",
        "embedding",
        "tokens",
        "mel",
        "wav",
    }
    assert "embedding      float32  (1, 192)" in done.stdout


def test_what_is_wrong_is_one_line_and_exit_1(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = tmp_path / "inputs.json"
    item.write_text(json.dumps({"seed": 1, "prompt_text": "Hello.", "text": "Hello."}), "utf-8")
    words = ["dump", str(small_checkpoint), "--item", str(item), "--reference", str(tmp_path / "none.wav")]
    assert main([*words, "-o", str(tmp_path / "out.safetensors")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("tts_core: ")
    assert "none.wav" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["speak"], ["dump"], ["dump", "ckpt", "--sample-rate", "16000"]])
def test_wrong_usage_is_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m tts_core" in capsys.readouterr().err


def test_help_takes_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "False"
    assert "dump" in done.stdout
