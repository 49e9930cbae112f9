"""`models`: a download and a look at it, through the real command line."""

import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.cli.driver import Home, command
from tests.tree import ROOT
from tests.tts_core.small_checkpoint import make_small_checkpoint, make_small_configs
from tests.tts_core.small_hub import SmallHub

# Other than most, for what is started imports the hub's library or torch, beside whatever this machine does.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

LARGE = "speech_tokenizer/model.safetensors"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_checkpoint(tmp_path_factory.mktemp("published"))


@pytest.fixture
def hub(published: Path, tmp_path: Path) -> Iterator[SmallHub]:
    with SmallHub(published, {}) as served:
        served.code["frontend/campplus.onnx"] = served.files.pop("frontend/campplus.onnx")
        tables = make_small_configs(tmp_path / "tables")
        served.code |= {f"configs/{path.name}": path.read_bytes() for path in tables.iterdir()}
        yield served


def words_for(hub: SmallHub) -> list[str]:
    return ["models", "get", "glm-tts", "--endpoint", hub.url, "--github", f"{hub.url}/raw"]


def test_what_is_downloaded_by_default_is_what_is_verified_by_default(home: Home, hub: SmallHub) -> None:
    got = home.run(*words_for(hub), "--json", env={"NO_PROXY": "*"})
    assert got.code == 0, got.err
    folder = home.path / ".local" / "share" / "tts-supervisor" / "models" / "glm-tts"
    assert got.last_json["config"] == {
        "engine.glm.checkpoint": str(folder),
        "engine.glm.configs": str(folder / "configs"),
    }
    seen = home.run("models", "verify", "glm-tts", "--json", "--cpu", "--no-canary")
    assert seen.code == 0, seen.out
    assert seen.last_json["folder"] == str(folder)
    assert seen.last_json["faults"] == []


def test_a_fault_of_the_checkpoint_is_exit_1_and_all_of_them_are_told(
    home: Home, published: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(published, tmp_path / "mine"))
    (folder / "flow" / "flow.pt").unlink()
    (folder / "hift" / "hift.pt").write_bytes(b"")
    done = home.run("--set", f'engine.glm.checkpoint="{folder}"', "models", "verify", "glm-tts", "--cpu")
    assert done.code == 1
    assert "flow.pt: there is no such file" in done.out
    assert "hift.pt: is empty" in done.out


def test_a_model_that_is_not_known_is_wrong_usage(home: Home) -> None:
    done = home.run("models", "get", "another")
    assert done.code == 2
    assert "glm-tts" in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_the_download_ends_too_and_is_gone_on_with(
    home: Home, hub: SmallHub, number: int
) -> None:
    hub.faults.stops[LARGE] = 3 << 20
    running = subprocess.Popen(
        command([*words_for(hub), "--to", "there"]),
        cwd=home.path,
        env=home.environ(NO_PROXY="*"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert hub.stopped.wait(15)
    while sum(path.stat().st_size for path in home.path.rglob("*.part")) < 3 << 20:
        pass  # the server has sent it: it is on its way through this machine
    (at_work,) = children_of(running.pid)
    os.kill(running.pid, number)
    said = running.communicate(timeout=10)[1].decode()
    assert running.returncode in (1, -signal.SIGKILL)
    assert number == signal.SIGKILL or "what has come is kept" in said
    wait_for_the_end_of(at_work)
    hub.go_on.set()
    assert home.run(*words_for(hub), "--to", "there", env={"NO_PROXY": "*"}).code == 0
    assert hub.asked(LARGE) == [0, 3 << 20]


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_the_end_of(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return

    assert select.select([descriptor], [], [], 10)[0]
    os.close(descriptor)


def test_an_environment_without_the_hub_library_says_what_to_install(home: Home, tmp_path: Path) -> None:
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError('none here')\n")
    done = home.run("models", "get", "glm-tts", "--json", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert done.code == 1
    assert "tts-supervisor[glm]" in json.loads(done.lines[-1])["error"]["message"]
