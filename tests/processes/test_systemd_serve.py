"""`serve` under a real systemd: started, killed, frozen, reloaded, stopped. Needs root and systemd."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from supervisor.edge.unit import Unit
from tests.blocks import every
from tests.processes.narration import paragraphs
from tests.standin.driver import LIBRARY, StandinDriver
from tests.standin.lab import Lab, booted, why_not
from tests.tree import ROOT

pytestmark = [pytest.mark.systemd, pytest.mark.processes, pytest.mark.timeout(120)]

SERVICE = "tts-supervisor.service"
STATE = "/var/lib/private/tts-supervisor"

#: What the real unit waits for as long as a person would not.
HASTE = "RestartSec=100ms\nWatchdogSec=5\nTimeoutAbortSec=3\n"

CONFIG = """
[engine]
name = "scripted"
[engine.scripted]
seconds_per_char = 0.01
wall_per_char_s = {wall}
[memory.host]
soft = "{soft}"
[log]
level = "info"
"""

ASK = f"""
import json, os, sys
from pathlib import Path
from supervisor.edge.runtimefolder import connect
with connect(Path({STATE!r}), os.environ, None, limit_s=20) as connection:
    connection.sendall(sys.argv[1].encode() + b"\\n")
    lines = connection.makefile("rb")
    while "id" not in (answer := json.loads(lines.readline())):
        pass  # notifications
    print(json.dumps(answer))
"""


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with booted(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def configure(lab: Lab, *, wall: float = 0.002, soft: str = "50%", more: str = "") -> None:
    lab.run("mkdir", "-p", "/etc/tts-supervisor")
    text = CONFIG.format(wall=wall, soft=soft) + more
    lab.run("tee", "/etc/tts-supervisor/config.toml", stdin=text)


def install(lab: Lab, doors: Sequence[str] = (), writable: Sequence[str] = (), **environment: str) -> None:
    unit = Unit(
        scope="system",
        command=[sys.executable, "-m", "supervisor"],
        doors=doors,
        writable=writable,
        systemd_version=252,
        environment={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )
    lab.unit(SERVICE, unit.text().replace("[Install]", f"{HASTE}[Install]"))


def ask(lab: Lab, method: str, **params: object) -> dict[str, Any]:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    said = lab.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", ASK, line)
    answer = json.loads(said.splitlines()[-1])
    assert "error" not in answer, answer
    return answer["result"]


def submit(lab: Lab, text: str) -> str:
    (lab.folder / "text.txt").write_text(text, "utf-8")
    return ask(lab, "jobs/submit", inputs=["/srv/text.txt"], output=f"{STATE}/out.wav", key="one")["job"]


def until_job(lab: Lab, job: str, *, limit_s: float = 60.0, **wanted: object) -> dict[str, Any]:
    until_s = time.monotonic() + limit_s
    while True:
        found = ask(lab, "jobs/get", job=job)
        at_least = found["done"] >= wanted.get("done", 0)
        if at_least and found["state"] == wanted.get("state", found["state"]):
            return found
        assert time.monotonic() < until_s, f"{found}\n{lab.journal('-u', SERVICE)}"
        time.sleep(0.1)


def until_spoken(lab: Lab, segments: int) -> None:
    """Wait until a child has spoken so many segments of the job in hand."""
    until_s = time.monotonic() + 60
    while (ask(lab, "status")["totals"]["segments"]) < segments:
        assert time.monotonic() < until_s
        time.sleep(0.1)


def undisturbed(lab: Lab, text: str) -> str:
    """The bytes that a plain narration of the text has, outside."""
    # By the same name: a file is titled by its input.
    (lab.folder / "plain").mkdir()
    (lab.folder / "plain" / "text.txt").write_text(text, "utf-8")
    sets = ("--set", "engine.name=scripted", "--set", "engine.scripted.seconds_per_char=0.01")
    words = ["narrate", "text.txt", "-o", str(lab.folder / "plain.wav")]
    command = [sys.executable, "-m", "supervisor", "--state", str(lab.folder / "state"), *sets, *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=lab.folder / "plain", env=env, check=True, capture_output=True)
    return hashlib.sha256((lab.folder / "plain.wav").read_bytes()).hexdigest()


def sha256(lab: Lab) -> str:
    return lab.run("sha256sum", f"{STATE}/out.wav").split()[0]


def ours(lab: Lab) -> set[int]:
    """Processes of ours in there: by the marker that each carries, and the parent."""
    found = lab.run(
        "bash", "-c", "grep -lz TTS_SUPERVISOR_STATE= /proc/[0-9]*/environ 2>/dev/null", check=False
    )
    return {int(line.split("/")[2]) for line in found.split()}


def main_pid(lab: Lab) -> int:
    return int(lab.show(SERVICE, "MainPID")["MainPID"])


def test_it_is_ready_once_a_canary_spoke_and_status_shows_the_child(lab: Lab) -> None:
    configure(lab)
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    status = ask(lab, "status")
    assert status["child"]["ready"]
    shown = lab.run("systemctl", "status", SERVICE)
    assert "Status: " in shown
    assert str(status["child"]["pid"]) in shown  # in the tree of processes, or in words
    assert lab.journal("-u", SERVICE, "TTS_EVENT=child.state")


def test_a_parent_killed_in_a_job_is_started_again_and_the_bytes_are_the_same(lab: Lab) -> None:
    text = paragraphs(60)
    expected = undisturbed(lab, text)
    configure(lab)
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    job = submit(lab, text)
    until_spoken(lab, 10)
    before = ours(lab)
    assert before
    lab.run("kill", "-KILL", str(main_pid(lab)))
    lab.until(SERVICE, NRestarts="1", ActiveState="active")
    assert not before & ours(lab)
    assert until_job(lab, job, state="done")["failed"] == 0
    assert sha256(lab) == expected


def test_a_loop_that_is_frozen_is_started_again_and_the_job_goes_on(lab: Lab) -> None:
    text = paragraphs(60)
    expected = undisturbed(lab, text)
    configure(lab)
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    job = submit(lab, text)
    until_spoken(lab, 10)
    lab.run("kill", "-STOP", str(main_pid(lab)))
    lab.until(SERVICE, NRestarts="1", ActiveState="active")
    assert until_job(lab, job, state="done")["failed"] == 0
    assert sha256(lab) == expected


def test_a_reload_changes_a_mark_and_no_segment_is_lost(lab: Lab) -> None:
    text = paragraphs(80)
    expected = undisturbed(lab, text)
    configure(lab, soft="50%")
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    job = submit(lab, text)
    until_spoken(lab, 5)
    before = ask(lab, "status")
    configure(lab, soft="40%")
    lab.run("systemctl", "reload", SERVICE)
    until_s = time.monotonic() + 60
    while ask(lab, "status")["child"]["marks"]["host_soft"] >= before["child"]["marks"]["host_soft"]:
        assert time.monotonic() < until_s
        time.sleep(0.1)
    assert main_pid(lab) == before["pid"]
    done = until_job(lab, job, state="done")
    assert (done["failed"], done["done"]) == (0, done["segments"])
    assert sha256(lab) == expected
    assert ask(lab, "status")["totals"]["deaths"] == 0


def test_a_reload_of_a_wrong_configuration_keeps_the_old_one_and_says_so(lab: Lab) -> None:
    configure(lab)
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    pid = main_pid(lab)
    configure(lab, more="\n[child]\natempts = 3\n")
    lab.run("systemctl", "reload", SERVICE, check=False)
    lab.until(SERVICE, ActiveState="active", NRestarts="0")
    assert main_pid(lab) == pid
    assert "atempts" in lab.journal("-u", SERVICE)


def test_a_stop_in_a_segment_parks_in_time_and_the_next_start_goes_on(lab: Lab) -> None:
    text = paragraphs(30)
    expected = undisturbed(lab, text)
    configure(lab, wall=0.01)  # a segment takes half a second
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    job = submit(lab, text)
    until_spoken(lab, 3)
    began_s = time.monotonic()
    lab.run("systemctl", "stop", SERVICE)
    assert time.monotonic() - began_s < 15
    assert lab.show(SERVICE, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    assert ours(lab) == set()
    configure(lab, wall=0.0)
    lab.run("systemctl", "start", SERVICE)
    assert until_job(lab, job, state="done")["failed"] == 0
    assert sha256(lab) == expected


@pytest.mark.parametrize(
    ("more", "code"),
    [("\n[child]\natempts = 3\n", "2"), ('\n[engine.faults]\nfaults = ["crash@1"]\n', "78")],
)
def test_a_terminal_error_is_not_started_again(lab: Lab, more: str, code: str) -> None:
    configure(lab, more=more)
    install(lab)
    lab.run("systemctl", "start", SERVICE, check=False)
    if code == "78":
        submit(lab, paragraphs(20))  # needs segments to crash at, if the canary is none of them
    lab.until(SERVICE, limit_s=90, ActiveState="failed", ExecMainStatus=code)
    assert lab.show(SERVICE, "NRestarts") == {"NRestarts": "0"}


def until_status(lab: Lab, beginning: str) -> str:
    """Wait until systemd's status line of the service begins so, and return it."""
    shown = f"systemctl show {SERVICE} -P StatusText"
    lab.run("bash", "-c", f"until {shown} | grep -q '^{beginning}'; do sleep 0.1; done")
    return lab.run("systemctl", "show", SERVICE, "-P", "StatusText").strip()


def test_a_lost_gpu_shows_in_the_status_line_and_its_end_is_not_started_again(
    lab: Lab, standin_library: Path
) -> None:
    shutil.copy(standin_library / LIBRARY, lab.folder)
    driver = StandinDriver(lab.folder, lab.folder / "nvml")
    configure(lab)
    install(lab, LD_LIBRARY_PATH="/srv", NVML_STANDIN="/srv/nvml")
    lab.run("systemctl", "start", SERVICE)
    until_status(lab, "idle; child ")
    driver.set(error=15)
    line = until_status(lab, "gpu_lost: the GPU is lost")
    assert "look at dmesg for Xid 79 and reboot" in line
    assert line in lab.run("systemctl", "status", SERVICE)
    status = ask(lab, "status")
    assert (status["ready"], [one["kind"] for one in status["health"]]) == (False, ["gpu_lost"])
    assert lab.show(SERVICE, "ActiveState") == {"ActiveState": "active"}
    lab.run("kill", "-KILL", str(status["child"]["pid"]))
    lab.until(SERVICE, ActiveState="failed", ExecMainStatus="76")
    assert lab.show(SERVICE, "NRestarts") == {"NRestarts": "0"}
    assert until_status(lab, "gpu_lost: ").startswith("gpu_lost: the GPU is lost")


def test_a_state_folder_in_use_is_waited_for(lab: Lab) -> None:
    configure(lab)
    install(lab)
    lab.run("mkdir", "-p", "-m", "700", STATE)
    lab.run("chmod", "700", "/var/lib/private")
    lab.unit("holder.service", f"[Service]\nExecStart=flock {STATE}/lock sleep infinity\n")
    lab.run("systemctl", "start", "holder.service")
    lab.run("bash", "-c", f"while flock --nonblock {STATE}/lock true; do sleep 0.1; done")
    lab.run("systemctl", "start", "--no-block", SERVICE)
    count = f"until [ $(systemctl show {SERVICE} -P NRestarts) -ge 2 ]; do sleep 0.1; done"
    lab.run("bash", "-c", count)
    assert lab.show(SERVICE, "ExecMainStatus")["ExecMainStatus"] in (
        "75",
        "0",
    )  # 0: the next try runs already
    lab.run("systemctl", "stop", "holder.service")
    lab.until(SERVICE, limit_s=60, ActiveState="active")
    assert "is in use" in lab.journal("-u", SERVICE)


def test_root_narrates_beside_it_and_what_the_service_sees_otherwise_is_refused(lab: Lab) -> None:
    text = paragraphs(8)
    expected = undisturbed(lab, text)
    configure(lab)
    install(lab)
    lab.run("systemctl", "start", SERVICE)
    (lab.folder / "text.txt").write_text(text, "utf-8")
    here = ("env", "--chdir=/srv", f"PYTHONPATH={ROOT}", sys.executable, "-m", "supervisor")
    words = (*here, "--state", "/var/lib/tts-supervisor")
    said = lab.run(*words, "narrate", "text.txt", "-o", f"{STATE}/out.wav")
    assert said.splitlines()[-1] == f"{STATE}/out.wav"
    assert sha256(lab) == expected
    # The unit has a /tmp of its own: nobody would find a file there.
    refused = lab.run(*words, "narrate", "text.txt", "-o", "/tmp/out.wav", check=False)
    assert "/tmp: the service sees another file there" in refused
    assert "(process " in refused
    said = lab.run(*words, "say", "The ferry leaves at ten.", "-o", "/tmp/ten.wav")
    assert said.splitlines()[-1] == "/tmp/ten.wav"
    assert lab.run("head", "-c", "4", "/tmp/ten.wav") == "RIFF"
    listed = json.loads(lab.run(*words, "jobs", "list", "--json").splitlines()[-1])
    assert [view["state"] for view in listed] == ["done"], "an utterance is no job"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answered(url: str, key: str | None = None, body: dict[str, object] | None = None) -> tuple[int, bytes]:
    """What is answered at a door of the unit; the lab has this machine's network."""
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    asked = urllib.request.Request(
        url, data=None if body is None else json.dumps(body).encode(), headers=headers
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_unit_with_doors_answers_at_them_and_writes_where_it_may(lab: Lab) -> None:
    configure(lab, more='[http]\noutput_folders = ["/srv/audio"]\n')
    port, other_port = free_port(), free_port()
    doors = ("--http", f"0.0.0.0:{port}", "--wyoming", f"tcp://127.0.0.1:{other_port}")
    (lab.folder / "audio").mkdir(mode=0o777)
    (lab.folder / "audio").chmod(0o777)
    install(lab, doors, ["/srv/audio", "/srv/not there"])
    lab.run("install", "-m", "600", "/dev/stdin", "/etc/tts-supervisor/http_api_key", stdin="s3cret\n")
    # As on a machine, and not in a container: what systemd mounts for a credential is seen by its services.
    lab.run("mount", "--make-rshared", "/")
    lab.run("mkdir", f"/run/systemd/system/{SERVICE}.d")
    (shown,) = [block.text for block in every("ini") if "LoadCredential=" in block.text]
    lab.unit(f"{SERVICE}.d/key.conf", shown)
    lab.run("systemctl", "start", SERVICE)
    url = f"http://127.0.0.1:{port}"
    assert answered(f"{url}/health")[0] == 200
    assert b"<html" in answered(f"{url}/")[1]
    assert answered(f"{url}/metrics")[0] == 401
    assert answered(f"{url}/metrics", "s3cret")[0] == 200
    params = {"text": "The ferry leaves at ten.", "output_file": "/srv/audio/ten.wav"}
    code, said = answered(
        f"{url}/rpc", "s3cret", {"jsonrpc": "2.0", "id": 1, "method": "synthesize", "params": params}
    )
    assert (code, "error" in json.loads(said)) == (200, False), said
    assert (lab.folder / "audio" / "ten.wav").read_bytes()[:4] == b"RIFF"
    with socket.create_connection(("127.0.0.1", other_port)) as wyoming:
        wyoming.sendall(b'{"type": "describe"}\n')
        assert b'"info"' in wyoming.makefile("rb").readline()
    pid = main_pid(lab)
    for where in ("cmdline", "environ"):
        assert "s3cret" not in lab.run("cat", f"/proc/{pid}/{where}")
