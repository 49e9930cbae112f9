"""Engines by name, the built-in ones and those of other packages."""

import sys
from pathlib import Path

import pytest

from child.engine import SettingsError
from child.engines import make_engine, prepare_engine, weight_files_of
from child.espeak import EspeakEngine
from child.glm_upstream import GlmUpstreamEngine
from child.scripted import ScriptedEngine
from tests.child.outside import install


def test_the_built_in_engines_have_their_names() -> None:
    assert isinstance(make_engine("espeak"), EspeakEngine)
    assert isinstance(make_engine("scripted"), ScriptedEngine)
    assert isinstance(make_engine("glm-upstream"), GlmUpstreamEngine)


def test_an_unknown_engine_is_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'festival'.*espeak, .*scripted.*tts_supervisor\.engines"):
        make_engine("festival")


def test_another_package_brings_an_engine_and_cannot_take_a_built_in_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert type(make_engine("outside")).__name__ == "OutsideEngine"
    assert isinstance(make_engine("espeak"), EspeakEngine)
    with pytest.raises(SettingsError, match=r"espeak, .*outside, scripted"):
        make_engine("festival")


def test_an_engine_is_prepared_for_exactly_what_was_asked() -> None:
    prepared = prepare_engine("scripted", "cpu", {"load_s": 0.0})
    assert prepared.is_for("scripted", "cpu", {"load_s": 0.0})
    assert not prepared.is_for("espeak", "cpu", {"load_s": 0.0})
    assert not prepared.is_for("scripted", "auto", {"load_s": 0.0})
    assert not prepared.is_for("scripted", "cpu", {})


def test_an_engine_that_has_nothing_to_prepare_is_just_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    prepared = prepare_engine("outside", "cpu", {})
    assert type(prepared.engine).__name__ == "OutsideEngine"
    assert weight_files_of(prepared.engine, {}) == []
