"""What the page lives on, of a real service: what happened before it came, what happens, what is spoken."""

import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S
from tests.processes.page_stream import Looking, listed
from tests.processes.serving import Json, fields, scripted_task
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

MIB = 2**20

#: A word that stands nowhere else.
SECRET = "Quetzalcoatlus"
SEGMENTS = 30
BOOK = "\n\n".join(f"{SECRET} number {number} flew over the bay." for number in range(SEGMENTS))

#: Every segment leaves 12 MiB behind: a child is replaced after five or so.
LEAKING = {
    "engine.faults.leak_bytes": '"12MiB"',
    "memory.host.soft": '"60MiB"',
    "memory.host.hard": '"400MiB"',
    "memory.poll_s": "0.05",
    "engine.scripted.wall_per_char_s": "0.003",
    "narration.segment_chars": "60",
}


def submit(serving: HttpServing, output: Path, text: str = BOOK, **headers: str) -> str:
    params = {"text": text, "output": str(output)}
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "jobs/submit", "params": params})
    status, answer = post(serving, "/rpc", request, **{"content-type": "application/json"} | headers)
    assert status == 200
    assert "result" in answer, answer
    return str(fields(answer["result"])["job"])


def post(serving: HttpServing, path: str, body: str | None = None, **headers: str) -> tuple[int, Json]:
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, fields(json.loads(answer.read()))
    finally:
        connection.close()


def rss_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS:"))


def test_what_happened_is_told_to_who_comes_after_it_and_no_text_with_it(tmp_path: Path) -> None:
    folders = f'["{tmp_path}"]'
    task = scripted_task(tmp_path, **LEAKING, **{"http.output_folders": folders})
    with HttpServing(task) as serving, Looking(serving.port) as early:
        job = submit(serving, tmp_path / "birds.wav")
        done = early.until("job", lambda one: one["state"] == "done")
        assert (done["job"], done["name"], done["done"], done["is_audible"]) == (
            job,
            "birds.wav",
            SEGMENTS,
            True,
        )
        gave = serving.call("child/recycle")
        assert "result" in gave
        early.until("moment", lambda one: one["kind"] == "gave_back")
        # The old child may be gone a moment after its successor is ready.
        early.until("moment", lambda one: one.get("reason") == "asked")
        with Looking(serving.port) as late:
            everything = late.until("all")
            (series,) = listed(everything, "series")
            assert (series["of"], series["marks_of"]) == ("host", "child")
            assert fields(series["marks"])["soft"] == 60 * MIB
            points = cast("list[tuple[float, int, int]]", series["points"])
            assert len(points) > 20
            assert max(ours for _, ours, _ in points) > 50 * MIB, "the peak before a recycle is on the line"
            endings = {(one["ending"], one["reason"]) for one in late.moments("ended")}
            assert ("recycled", "asked") in endings
            assert endings & {("recycled", policy) for policy in ("watermark", "leak", "lookahead")}
            assert {one["life"] for one in late.moments("began")} >= {1, 2}
            assert late.moments("decided")
            (broom,) = late.moments("gave_back")
            assert broom["what"] == "recycle"
            assert broom["before_bytes"] == fields(gave["result"])["before_bytes"]
            (told,) = listed(everything, "jobs")
            assert (told["job"], told["state"]) == (job, "done")
            raw = late.raw
        for word in (SECRET, "flew over", str(tmp_path)):
            assert word.encode() not in early.raw + raw, word
        early.until("reading", after=len(early.seen))


def test_why_a_segment_failed_and_why_a_child_died_are_told_without_what_they_quote(tmp_path: Path) -> None:
    sets = {
        "engine.faults.poison": f'{{ "{SECRET}" = "exit" }}',
        "child.attempts": "1",
        "http.output_folders": f'["{tmp_path}"]',
    }
    with HttpServing(scripted_task(tmp_path, **sets)) as serving, Looking(serving.port) as seen:
        submit(serving, tmp_path / "birds.wav", f"{SECRET} flew.\n\nNobody saw it.")
        done = seen.until("job", lambda one: one["state"] == "done")
        assert (done["failed"], done["has_error"]) == (1, True)
        ended = seen.until("moment", lambda one: one["kind"] == "ended")
        assert (ended["ending"], ended["why"]) == ("exited", "")
        assert SECRET.encode() not in seen.raw


def test_a_job_is_heard_while_it_is_spoken_and_whole_when_it_is_done(tmp_path: Path) -> None:
    sets = LEAKING | {"http.output_folders": f'["{tmp_path}"]', "http.api_key": '"s3cret"'}
    key = {"x-api-key": "s3cret"}
    with HttpServing(scripted_task(tmp_path, **sets)) as serving, Looking(serving.port, **key) as seen:
        job = submit(serving, tmp_path / "birds.wav", **key)
        seen.until("job", lambda one: bool(one["is_audible"]) and one["done"] != SEGMENTS)
        status, so_far = post(serving, f"/api/jobs/{job}/listen", **key)
        assert status == 200
        assert len(listed(so_far, "parts")) == 1
        seen.until("job", lambda one: one["state"] == "done")
        _, whole = post(serving, f"/api/jobs/{job}/listen", **key)
        assert whole["is_whole"] is True
        (part,) = listed(whole, "parts")
        content = (tmp_path / "birds.wav").read_bytes()
        url = f"{serving.url}{part['url']}"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            assert hashlib.sha256(answer.read()).digest() == hashlib.sha256(content).digest()
        ranged = urllib.request.Request(url, headers={"range": "bytes=1000-1999"})
        with urllib.request.urlopen(ranged, timeout=PATIENCE_S) as answer:
            assert (answer.status, answer.read()) == (206, content[1000:2000])
        assert post(serving, f"/api/jobs/{job}/listen")[0] == 401
        assert serving.get("/api/listen/0000/0")[0] == 404


def test_a_job_that_writes_elsewhere_cannot_be_heard(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    task.text.write_text("Nobody saw it.\n")
    with HttpServing(task) as serving, Looking(serving.port) as seen:
        narrated = task.words("narrate", str(task.text), "-o", str(task.output))
        subprocess.run(narrated, env=task.whole_env(), cwd=tmp_path, check=True, capture_output=True)
        done = seen.until("job", lambda one: one["state"] == "done")
        assert done["is_audible"] is False
        status, answer = post(serving, f"/api/jobs/{done['job']}/listen")
        assert (status, fields(answer["error"])["code"]) == (403, "not_allowed")


def test_sixteen_look_on_while_others_speak_and_one_who_never_reads_costs_nothing_lasting(
    tmp_path: Path,
) -> None:
    task = scripted_task(tmp_path, **{"memory.poll_s": "0.01"})
    with HttpServing(task) as serving, ExitStack() as stack:
        first = stack.enter_context(Looking(serving.port))
        first.until("status")
        for _ in range(14):
            stack.enter_context(Looking(serving.port)).until("all")
        never = stack.enter_context(socket.socket())
        never.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        never.connect(("127.0.0.1", serving.port))
        never.sendall(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        first.until("reading", after=len(first.seen) + 100)
        assert serving.get("/api/events")[0] == 503
        client = serving.openai()
        said = client.audio.speech.create(model="tts-1", voice="alloy", input="Hm.", response_format="wav")
        assert said.content.startswith(b"RIFF")
        full_bytes = rss_bytes(serving.pid)
        assert full_bytes < 60 * MIB, f"{full_bytes / MIB:.1f} MiB"
        print(f"RSS with 16 viewers: {full_bytes / MIB:.1f} MiB")  # noqa: T201 -- for who reads the log of a run
        count = len(first.seen)
        first.until("reading", after=count + 300)
        grown_bytes = rss_bytes(serving.pid) - full_bytes
        assert grown_bytes < 2 * MIB, f"{grown_bytes / MIB:.1f} MiB more after 300 readings"


def test_the_end_of_the_service_is_told(tmp_path: Path) -> None:
    with HttpServing(scripted_task(tmp_path)) as serving, Looking(serving.port) as seen:
        seen.until("all")
        serving.signal(signal.SIGTERM)
        assert seen.until("over") == {"why": "the service ends", "state": "stopped"}
        assert serving.exit_code() == 0


def test_a_release_after_an_oom_is_told_and_one_that_a_policy_decided_is_told_once(tmp_path: Path) -> None:
    sets = {
        "engine.faults.poison": f'{{ "{SECRET} number 3 " = "oom" }}',
        "engine.faults.leak_bytes": '"12MiB"',
        "memory.host.soft": '"60MiB"',
        "memory.poll_s": "0.05",
        "http.output_folders": f'["{tmp_path}"]',
    }
    with HttpServing(scripted_task(tmp_path, **sets)) as serving, Looking(serving.port) as seen:
        submit(serving, tmp_path / "birds.wav")
        seen.until("job", lambda one: one["state"] == "done")
        whys = {one["why"] for one in seen.moments("released")}
        assert whys == {"out of memory within a segment"}
        assert SECRET.encode() not in seen.raw


def test_a_service_that_gave_up_says_so_last_and_quotes_nobody(tmp_path: Path) -> None:
    folders = f'["{tmp_path}"]'
    sets = {"engine.faults.faults": '["crash@1"]', "http.output_folders": folders}
    with HttpServing(scripted_task(tmp_path, **sets)) as serving, Looking(serving.port) as seen:
        seen.until("all")
        submit(serving, tmp_path / "birds.wav")
        assert serving.exit_code() == 78
        assert seen.until("over") == {"why": "the service ends", "state": "gave_up"}
        assert SECRET.encode() not in seen.raw


def test_without_the_door_there_is_no_chronicle() -> None:
    code = (
        "import sys, supervisor.loop.serve, supervisor.doors.offer, supervisor.doors.control\n"
        "print([name for name in sys.modules if 'chronicle' in name or 'doors.http' in name])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
