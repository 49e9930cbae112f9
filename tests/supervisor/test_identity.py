import sys
from importlib import metadata
from pathlib import Path

import pytest

from child import espeak, glm_upstream, scripted
from supervisor.config import Config, load_config
from supervisor.errors import ConfigError
from supervisor.identity import REVISIONS, engine_identity, installed_version


def load(*sets: str) -> Config:
    return load_config(sets=sets, environ={})


def test_what_decides_bytes_changes_the_identity_and_nothing_else_does() -> None:
    plain = engine_identity(load("engine.name=scripted"))
    for same in ("wall_per_char_s=1", "load_s=1", "load_bytes=1MiB"):
        assert engine_identity(load("engine.name=scripted", f"engine.scripted.{same}")) == plain
    assert engine_identity(load("engine.name=scripted", "engine.faults.leak_bytes=1MiB")) == plain
    assert engine_identity(load("engine.name=scripted", "child.attempts=9")) == plain
    assert engine_identity(load("engine.name=scripted", "engine.scripted.seconds_per_char=0.07")) != plain
    assert engine_identity(load()) != plain
    assert engine_identity(load("engine.espeak.voice_han=yue")) != engine_identity(load())


def test_the_version_is_that_of_the_installed_distribution() -> None:
    version = metadata.version("espeakng-loader")
    assert installed_version("espeakng_loader") == version
    assert f"-{version}/" in engine_identity(load())
    assert installed_version("no_such_package") is None


@pytest.mark.processes
def test_another_interpreter_with_the_same_packages_gives_the_same_identity(tmp_path: Path) -> None:
    # Its own name, so that it counts as another; what it points to is this environment.
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    assert engine_identity(load(f"child.python={other}")) == engine_identity(load())


@pytest.mark.processes
def test_an_interpreter_without_the_engines_package_is_told(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    with pytest.raises(ConfigError, match="does not have the package espeakng-loader"):
        engine_identity(load(f"child.python={other}"))
    with pytest.raises(ConfigError, match="brings the engine 'parrot'"):
        engine_identity(load(f"child.python={other}", "engine.name=parrot"))


def upstream_in(folder: Path) -> str:
    (folder / "ckpt").mkdir(parents=True)
    (folder / "glmtts_inference.py").touch()
    return f"engine.glm_upstream.path={folder}"


def test_a_users_own_checkout_counts_by_its_content_and_not_by_its_place(tmp_path: Path) -> None:
    here, there = (upstream_in(tmp_path / name) for name in ("here", "there"))
    plain = engine_identity(load("engine.name=glm-upstream", here))
    assert plain.startswith("glm-upstream/1-")
    assert engine_identity(load("engine.name=glm-upstream", there)) == plain
    assert (
        engine_identity(load("engine.name=glm-upstream", here, "engine.glm_upstream.phonemes=true")) != plain
    )
    (tmp_path / "there" / "ckpt" / "weights").write_bytes(b"others")
    assert engine_identity(load("engine.name=glm-upstream", there)) != plain
    with pytest.raises(ConfigError, match=r"engine\.glm_upstream\.path"):
        engine_identity(load("engine.name=glm-upstream"))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("3.10\ntorch=2.7\n", "is Python 3.10"),
        ("3.11\ntorch=\nchild torch", "no package 'child'.*--no-deps tts-supervisor"),
        ("3.11\ntorch=\ntorch", "no package 'torch'.*requirements.txt"),
    ],
)
def test_what_the_environment_of_a_checkout_lacks_is_told(tmp_path: Path, answer: str, told: str) -> None:
    other = tmp_path / "python"
    other.write_text(f"#!/bin/sh\nprintf '{answer}\\n'\n")
    other.chmod(0o755)
    checkout = upstream_in(tmp_path / "GLM-TTS")
    with pytest.raises(ConfigError, match=rf"child\.python: .*{told}"):
        engine_identity(load("engine.name=glm-upstream", checkout, f"child.python={other}"))


@pytest.mark.processes
def test_another_version_of_torch_is_another_identity(tmp_path: Path) -> None:
    other = tmp_path / "python"
    checkout = upstream_in(tmp_path / "GLM-TTS")

    def identity(torch: str) -> str:
        other.write_text(f"#!/bin/sh\nprintf '3.12\\ntorch={torch}\\n\\n'\n")
        other.chmod(0o755)
        return engine_identity(load("engine.name=glm-upstream", checkout, f"child.python={other}"))

    assert identity("2.7.0") == identity("2.7.0") != identity("2.8.0")


@pytest.mark.processes
def test_which_gpu_speaks_is_no_part_of_the_identity_and_whether_one_does_is(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nprintf '3.12\\ntorch=2.8\\n\\n'\n")
    python.chmod(0o755)
    (tmp_path / "model").mkdir()
    glm = ("engine.name=glm", f"engine.glm.checkpoint={tmp_path / 'model'}", f"child.python={python}")

    def identity(device: str) -> str:
        return engine_identity(load(*glm, f"child.device={device}"))

    assert identity("cuda:0") == identity("cuda:1") == identity('["cuda:1", "cuda:0"]')
    assert identity("cpu") == identity('["cpu", "cpu"]')
    assert len({identity(device) for device in ("cpu", "auto", "cuda:0")}) == 3
    # What ledgers have of the shipped settings: other words, and all of it would be spoken anew.
    known = {"cuda:0": "5ac852262c77b71d", "cpu": "eefda3264182c224", "auto": "51580e773899c805"}
    assert {device: identity(device).rpartition("/")[2] for device in known} == known


def test_the_child_counts_its_revisions_the_same() -> None:
    counted = {
        "espeak": str(espeak.REVISION),
        "scripted": scripted.VERSION,
        "glm-upstream": str(glm_upstream.REVISION),
    }
    assert counted == {name: str(REVISIONS[name]) for name in counted}
