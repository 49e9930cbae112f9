"""A vocoder's file is judged without being loaded."""

import os
import zipfile
from pathlib import Path

import pytest

from supervisor.edge.vocoderfile import VOCODERS, vocoder_fault
from tts_core import checkpoint


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    for name in VOCODERS.values():
        path = tmp_path / name
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", os.urandom(1000))
    return tmp_path


def test_the_names_are_those_that_the_engine_loads() -> None:
    assert VOCODERS == checkpoint.VOCODERS


def test_nothing_is_wrong_with_what_is_whole_nor_with_what_is_not_asked_for(whole: Path) -> None:
    assert [vocoder_fault(whole, rate_hz) for rate_hz in VOCODERS] == [None, None]
    (whole / VOCODERS[32_000]).unlink()
    assert vocoder_fault(whole, 24_000) is None
    assert vocoder_fault(whole, 16_000) is None
    assert vocoder_fault(whole / "nowhere", 32_000) is None


def test_what_is_missing_or_cut_short_is_named(whole: Path) -> None:
    path = whole / VOCODERS[32_000]
    os.truncate(path, 500)
    assert vocoder_fault(whole, 32_000) == f"{path}: is no archive of torch, or was cut short at 500 bytes"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "no archive of torch" in str(vocoder_fault(whole, 32_000))
    path.unlink()
    assert vocoder_fault(whole, 32_000) == f"{path}: there is no such file"
