"""A model is fetched whole, whatever the network does, and nothing is fetched twice."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.tts_core.models.conftest import Models, get_command
from tests.tts_core.small_hub import COMMIT, SmallHub
from tts_core.checkpoint import Checkpoint
from tts_core.models.getting import NoRoom, Sources, get

LARGE = "speech_tokenizer/model.safetensors"


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_all_that_is_published_comes_and_is_the_model(hub: SmallHub, get: Models, tmp_path: Path) -> None:
    done = get(tmp_path / "to")
    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path / "to") == {**hub.files, **hub.code}
    checkpoint = Checkpoint(tmp_path / "to")
    assert checkpoint.missing(24000) == checkpoint.missing(32000) == []
    assert f'checkpoint = "{tmp_path / "to"}"' in done.stdout
    assert f'configs = "{tmp_path / "to" / "configs"}"' in done.stdout


def test_a_second_run_fetches_nothing(hub: SmallHub, get: Models, tmp_path: Path) -> None:
    get(tmp_path)
    hub.requests.clear()
    done = get(tmp_path, "--json")
    said = json.loads(done.stdout)
    assert [one.path for one in hub.requests] == ["/api/models/zai-org/GLM-TTS/revision/main"]
    assert (said["fetched_bytes"], said["commit"]) == (0, COMMIT)
    assert said["bytes"] == sum(map(len, files_in(tmp_path).values()))


def test_a_broken_connection_is_gone_on_with_where_it_broke(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    # On the edge of a block: what has come of one is lost with the connection.
    hub.faults.breaks[LARGE] = [1 << 20, 5 << 19]
    assert get(tmp_path).returncode == 0
    assert hub.asked(LARGE) == [0, 1 << 20, 5 << 19]
    assert (tmp_path / LARGE).read_bytes() == hub.files[LARGE]


def test_a_server_that_knows_no_ranges_costs_time_and_no_bytes(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    hub.faults.breaks[LARGE] = [1_000_000]
    hub.faults.without_ranges = True
    assert get(tmp_path).returncode == 0
    assert (tmp_path / LARGE).read_bytes() == hub.files[LARGE]


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_in_the_middle_the_next_run_goes_on_there(
    hub: SmallHub, get: Models, environment: dict[str, str], tmp_path: Path, number: int
) -> None:
    hub.faults.stops[LARGE] = 3 << 20
    running = subprocess.Popen(
        get_command(hub, tmp_path), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert hub.stopped.wait(15)
    wait_for_part(tmp_path, 3 << 20)
    running.send_signal(number)
    assert running.wait(10) != 0
    hub.go_on.set()
    assert get(tmp_path).returncode == 0
    assert hub.asked(LARGE) == [0, 3 << 20]
    assert files_in(tmp_path) == {**hub.files, **hub.code}


def wait_for_part(folder: Path, size: int) -> None:
    # The server has sent it: it is on its way through this machine.
    while sum(path.stat().st_size for path in folder.rglob("*.part")) < size:
        pass


@pytest.mark.processes
def test_it_ends_with_who_started_it(hub: SmallHub, environment: dict[str, str], tmp_path: Path) -> None:
    hub.faults.stops[LARGE] = 3_000_000
    running = subprocess.Popen(
        get_command(hub, tmp_path, "--lifeline"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert hub.stopped.wait(15)
    assert running.stdin is not None
    running.stdin.close()
    assert running.wait(10) == 1


def test_a_file_that_comes_damaged_does_not_count(hub: SmallHub, get: Models, tmp_path: Path) -> None:
    hub.faults.lies[LARGE] = bytes(len(hub.files[LARGE]))
    done = get(tmp_path)
    assert done.returncode == 1
    assert f"{LARGE}: came damaged" in done.stderr
    assert not (tmp_path / LARGE).exists()
    assert not list(tmp_path.rglob("*.part"))
    hub.faults.lies.clear()
    assert get(tmp_path).returncode == 0


def test_a_small_file_that_comes_damaged_does_not_count_either(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    hub.faults.lies["llm/config.json"] = b"x" * len(hub.files["llm/config.json"])
    done = get(tmp_path)
    assert done.returncode == 1
    assert "llm/config.json: came damaged" in done.stderr


def test_files_that_were_here_before_are_checked_and_taken(
    small_checkpoint: Path, hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    shutil.copytree(small_checkpoint, tmp_path, dirs_exist_ok=True)
    damaged = bytearray(hub.files["flow/flow.pt"])
    damaged[1000] ^= 1
    (tmp_path / "flow" / "flow.pt").write_bytes(damaged)
    assert get(tmp_path).returncode == 0
    assert hub.asked("flow/flow.pt") == [0]
    assert hub.asked(LARGE) == []
    assert files_in(tmp_path) == {**hub.files, **hub.code}


def test_a_file_that_was_changed_after_it_came_is_fetched_again(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    get(tmp_path)
    (tmp_path / LARGE).write_bytes(bytes(len(hub.files[LARGE])))
    assert get(tmp_path).returncode == 0
    assert (tmp_path / LARGE).read_bytes() == hub.files[LARGE]


def test_what_comes_with_the_code_can_be_copied_from_a_checkout(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    for path, content in hub.code.items():
        (tmp_path / "checkout" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / path).write_bytes(content)
    assert get(tmp_path / "to", "--from", str(tmp_path / "checkout")).returncode == 0
    assert files_in(tmp_path / "to") == {**hub.files, **hub.code}
    assert not [one for one in hub.requests if one.path.startswith("/raw")]


def test_a_checkout_without_them_is_told(get: Models, tmp_path: Path) -> None:
    done = get(tmp_path / "to", "--from", str(tmp_path))
    assert done.returncode == 1
    assert "campplus.onnx: there is no such file" in done.stderr


@pytest.mark.parametrize(
    "page", [b"<html>blocked</html>", b"version https://git-lfs.github.com/spec/v1\n", b""]
)
def test_a_page_in_the_place_of_a_file_is_refused(
    hub: SmallHub, get: Models, tmp_path: Path, page: bytes
) -> None:
    hub.faults.lies["frontend/campplus.onnx"] = page
    done = get(tmp_path)
    assert done.returncode == 1
    assert "--github" in done.stderr
    assert not (tmp_path / "frontend" / "campplus.onnx").exists()


def test_a_repository_that_is_no_such_model_is_refused(hub: SmallHub, get: Models, tmp_path: Path) -> None:
    del hub.files["flow/flow.pt"]
    done = get(tmp_path)
    assert done.returncode == 1
    assert "lacks flow/flow.pt" in done.stderr
    assert hub.asked(LARGE) == []


def test_code_and_recordings_of_the_repository_are_left_there(
    hub: SmallHub, get: Models, tmp_path: Path
) -> None:
    hub.files |= {
        "examples/prompt/voice.wav": b"RIFF",
        "vq32k-phoneme-tokenizer/tokenization_chatglm.py": b"import os",
        "llm/../../outside.json": b"{}",
    }
    assert get(tmp_path / "to").returncode == 0
    assert not {path.name for path in tmp_path.rglob("*")} & {
        "voice.wav",
        "tokenization_chatglm.py",
        "outside.json",
    }


def test_an_endpoint_where_nobody_is_says_what_to_do(get: Models, tmp_path: Path) -> None:
    done = get(tmp_path, "--endpoint", "http://127.0.0.1:9", "--json")
    assert done.returncode == 1
    assert "--endpoint" in json.loads(done.stdout)["error"]["message"]


def test_an_endpoint_that_is_no_hub_says_so(hub: SmallHub, get: Models, tmp_path: Path) -> None:
    done = get(tmp_path, "--endpoint", f"{hub.url}/raw")
    assert done.returncode == 1
    assert "cannot be listed" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_room_nothing_is_begun(
    hub: SmallHub, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=70 << 20)

    def usage(path: Path) -> object:
        assert path == tmp_path
        return nearly_full

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with (tmp_path / "progress").open("w") as out, pytest.raises(NoRoom, match="--to"):
        get(tmp_path, Sources(endpoint=hub.url, github=f"{hub.url}/raw"), out)
    assert hub.asked(LARGE) == []


@pytest.mark.processes
def test_two_downloads_into_one_folder_do_not_meet(
    hub: SmallHub, get: Models, environment: dict[str, str], tmp_path: Path
) -> None:
    hub.faults.stops[LARGE] = 100_000
    first = subprocess.Popen(
        get_command(hub, tmp_path), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert hub.stopped.wait(15)
    second = get(tmp_path)
    hub.go_on.set()
    assert second.returncode == 75
    assert "another download" in second.stderr
    assert first.wait(15) == 0
