"""One child, asked something."""

from pathlib import Path

import pytest

from supervisor.config import Given, load_config
from supervisor.errors import ChildFailed, ConfigError
from supervisor.loop import introduce, probe_child

pytestmark = pytest.mark.processes


def test_a_probe_brings_back_what_the_child_says_when_ready() -> None:
    ready = probe_child(load_config(file=None, sets=["engine.name=scripted"], options=[], environ={}))
    assert ready.engine == "scripted"
    assert ready.canary.failed is None


def test_the_voices_come_from_the_child() -> None:
    stages: list[str] = []
    config = load_config(file=None, sets=["engine.name=scripted"], options=[], environ={})
    child = introduce(config, told=stages.append)
    assert child.ready.engine == "scripted"
    assert {voice.sample_rate_hz for voice in child.voices} == {24000}
    assert stages == ["loading scripted", "speaking the canary"]


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 5\n")
    fake.chmod(0o755)
    options = [Given(key="child.python", value=str(fake), origin="test")]
    config = load_config(file=None, sets=["engine.name=scripted"], options=options, environ={})
    with pytest.raises(ChildFailed, match="exited with status 5"):
        probe_child(config)


def test_a_setting_that_the_child_cannot_use_is_a_matter_of_configuration(tmp_path: Path) -> None:
    sets = ["engine.name=glm", f"engine.glm.checkpoint={tmp_path}"]
    config = load_config(file=None, sets=sets, options=[], environ={})
    with pytest.raises(ConfigError, match=r"engine\.glm\.checkpoint is not whole"):
        probe_child(config)
