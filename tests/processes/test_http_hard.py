"""The HTTP door under those who mean no good, and under far too many who do."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S, tell
from tests.processes.serving import fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

QUICK = {"engine.scripted.seconds_per_char": "0.005", "engine.scripted.wall_per_char_s": "0.0"}
#: What it cannot know: a stream of events has no end (`tests/supervisor/doors/http/test_events.py` looks at
#: that), a wrong request of JSON-RPC is answered with an error and 200, and of texts and voices some cannot
#: be spoken though they are texts. Which jobs there are it is told.
TERMS = """
[[operations]]
include-path = "/api/events"
enabled = false

[[operations]]
include-path = "/rpc"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/v1/audio/speech"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/api/jobs/{job}/listen"
parameters = { "path.job" = "JOB" }
"""


def ask_whatever_the_document_allows(folder: Path, *options: str, key: str = "") -> None:
    """Have all of its checks made; the service lives on, and nothing of it is a bug."""
    sets = QUICK | {"http.output_folders": f'["{folder}"]'}
    with HttpServing(scripted_task(folder, **sets), TTS_SUPERVISOR_HTTP__API_KEY=key) as serving:
        serving.key = key
        taken = serving.call("jobs/submit", text="One fish.", output=str(folder / "fish.wav"))
        job = str(fields(taken["result"])["job"])
        (folder / "schemathesis.toml").write_text(TERMS.replace("JOB", job), "utf-8")
        words = [f"{serving.url}/openapi.json", "--no-color", "--continue-on-failure"]
        words += ["-H", f"Authorization: Bearer {key}"] if key else []
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", *words, *options],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        assert serving.get("/health")[0] == 200
        assert [one for one in serving.seen if one.get("event") == "bug" or "stray" in one] == []


def test_whatever_the_document_allows_and_does_not_is_answered_as_it_says(tmp_path: Path) -> None:
    ask_whatever_the_document_allows(tmp_path, "--phases", "fuzzing", "--max-examples", "4", "--seed", "1")


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("key", ["", "a-key-of-44-letters"])
def test_and_so_is_all_of_it_at_length(tmp_path: Path, key: str) -> None:
    phases = "examples,coverage,fuzzing,stateful"
    ask_whatever_the_document_allows(tmp_path, "--phases", phases, "--max-examples", "100", key=key)


def figure(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(f"{name}:"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 -- names alone are wanted


def test_half_open_connections_keep_nobody_out_and_go(tmp_path: Path) -> None:
    stack = contextlib.ExitStack()
    with HttpServing(scripted_task(tmp_path, **{"http.connections": "30"})) as serving, stack:
        before = descriptors(serving.pid)
        address = ("127.0.0.1", serving.port)
        halves = [stack.enter_context(socket.create_connection(address)) for _ in range(60)]
        for number, half in enumerate(halves):
            half.sendall(
                (b"", b"GET / HT", b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Le")[number % 3]
            )
        assert healthy_again(serving)
        # Thirty have a place; those that are turned away have half a second to read why.
        assert descriptors(serving.pid) <= before + 30 + 64
        for half in halves:
            half.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionResetError):
                while half.recv(1000):  # each is let go, told or not, the last after ten seconds
                    pass
            half.close()
        assert serving.get("/health")[0] == 200
        assert descriptors(serving.pid) <= before + 1


def healthy_again(serving: HttpServing) -> bool:
    """Ask as a client does that is told to come again, for some seconds."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            if serving.get("/health")[0] == 200:
                return True
        threading.Event().wait(0.1)
    return False


class Crowd:
    """Many who ask for speech at once, each again until it has it or is told why not.

    Attributes:
        ends: How often each way of being answered came.
        wrong: Answers of 200 that were not whole, or not what they should be.
    """

    def __init__(self, port: int, whole: dict[str, bytes]) -> None:
        self._port = port
        self._whole = whole
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []

    def ask(self, text: str) -> None:
        for _ in range(400):
            end = self._once(text)
            self.ends[end] += 1
            if end == "200":
                return

    def _once(self, text: str) -> str:
        body = json.dumps({"input": text, "response_format": "pcm"}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/v1/audio/speech",
            data=body,
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                got = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                error.read()
            return str(error.code)
        except OSError:
            return "cut"
        except Exception as error:  # noqa: BLE001 -- http.client has many names for a body that was cut
            return f"cut ({type(error).__name__})"
        if got != self._whole[text]:
            self.wrong.append(text)
        return "200"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_at_once_over_children_that_are_killed_are_served_whole_or_told(tmp_path: Path) -> None:
    chance = random.Random(1)
    sets = QUICK | {"engine.scripted.wall_per_char_s": "0.0005"}
    texts = [f"Number {number} is at the counter.\n\nIt is her turn." for number in range(40)]
    with HttpServing(scripted_task(tmp_path, **sets)) as serving:
        whole = {text: fetched(serving, text) for text in texts}
        before = descriptors(serving.pid)
        crowd = Crowd(serving.port, whole)
        threads = [threading.Thread(target=crowd.ask, args=(texts[number % 40],)) for number in range(200)]
        for thread in threads:
            thread.start()
        kills = 0
        while any(thread.is_alive() for thread in threads):
            threads[chance.randrange(200)].join(chance.uniform(0.1, 0.5))
            kills += killed_child(serving) if kills < 15 else 0
        tell(
            f"200 clients, {kills} kills: {dict(crowd.ends)}; the parent's peak "
            f"{figure(serving.pid, 'VmHWM') / 2**20:.1f} MiB"
        )
        assert crowd.wrong == []
        assert crowd.ends["200"] == 200
        assert "500" not in crowd.ends
        assert figure(serving.pid, "VmHWM") < 60 * 2**20
        assert serving.status()["queue"] == 0
        assert descriptors(serving.pid) <= before + 4
        assert [one for one in serving.seen if one.get("event") == "bug" or "stray" in one] == []


def fetched(serving: HttpServing, text: str) -> bytes:
    body = json.dumps({"input": text, "response_format": "pcm"}).encode()
    headers = {"content-type": "application/json"}
    asked = urllib.request.Request(f"{serving.url}/v1/audio/speech", data=body, headers=headers)
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
        return cast("bytes", answer.read())


def killed_child(serving: HttpServing) -> bool:
    """Kill the child that is ready, if one is."""
    started = [
        one for one in serving.seen if one.get("event") == "child.state" and one.get("state") == "ready"
    ]
    try:
        os.kill(int(str(fields(started[-1])["pid"])), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
