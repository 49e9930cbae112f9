"""Who may do what over HTTP: one list. Real services, and requests that mean no good.

without a key   nobody from another address, and no port is opened to one
with a key      nobody without it, from wherever; the page alone is shown, and holds nothing
other sites     can have a browser send what they like: nothing comes of it, and nothing is read
files           none outside `http.output_folders` is read, written, or even found out about
the key         is in no answer, log, file or process but the service's own
"""

import http.client
import json
import os
import socket
import subprocess
import urllib.parse
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import pytest

from supervisor.doors.http.page import sheets
from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S, Task
from tests.processes.serving import Json, fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

KEY = "only-for-those-who-may"
#: Stands in a file that nobody was given.
SECRET = "The harbour master's diary."
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Json:
        return fields(json.loads(self.body))


def ask(
    where: tuple[str, int],
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Said:
    """Send a request as it is written here: the target is not looked at, and only `Host` is put in."""
    sent = {"host": f"{where[0]}:{where[1]}"} | dict(headers or {})
    with closing(http.client.HTTPConnection(*where, timeout=PATIENCE_S)) as connection:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        if method != "GET":
            connection.putheader("content-length", str(len(body or b"")))
        connection.endheaders(body)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Said(status=answer.status, headers=named, body=answer.read())


def other_address() -> str:
    """An address of this machine that others could reach."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not one.address.startswith("127."):
                return one.address
    pytest.skip("this machine has no address but loopback")


@contextmanager
def serving(task: Task, where: str = "127.0.0.1:0", **env: str) -> Generator[HttpServing]:
    with HttpServing(task, where=where, **env) as one:
        yield one


# ------------------------------------------------------------------ without a key


@pytest.mark.parametrize("where", ["0.0.0.0", "[::]", "an address"])
def test_without_a_key_no_other_address_is_opened(tmp_path: Path, where: str) -> None:
    host = other_address() if where == "an address" else where
    task = scripted_task(tmp_path)
    done = subprocess.run(
        task.words("serve", "--http", f"{host}:0"),
        env=task.whole_env(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert "http.api_key" in done.stderr
    assert "child.spawned" not in done.stderr


def test_what_is_opened_on_loopback_is_not_there_for_others(tmp_path: Path) -> None:
    host = other_address()
    with serving(scripted_task(tmp_path)) as open_, pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, open_.port), PATIENCE_S)


# ------------------------------------------------------------------ with a key


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServing]:
    """Open to everyone who has the key."""
    task = scripted_task(tmp_path_factory.mktemp("locked"))
    with serving(task, "0.0.0.0:0", TTS_SUPERVISOR_HTTP__API_KEY=KEY) as one:
        yield one


def every_request(port: int) -> list[tuple[str, str]]:
    """Each method of each path that the document of a service names."""
    document = ask(("127.0.0.1", port), "GET", "/openapi.json", {"x-api-key": KEY}).json
    filled = {"{model}": "tts-1", "{job}": "j0926b463bede", "{ticket}": "0" * 48, "{part}": "0"}
    found: list[tuple[str, str]] = []
    for path, methods in fields(document["paths"]).items():
        target = path
        for name, value in filled.items():
            target = target.replace(name, value)
        assert "{" not in target, f"{path}: say here what to put in"
        found += [(method.upper(), target) for method in fields(methods)]
    return found


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": KEY[:-1]}])
def test_whoever_comes_from_elsewhere_without_the_key_is_told_so_and_nothing_else(
    locked: HttpServing, given: dict[str, str]
) -> None:
    host = other_address()
    asked = every_request(locked.port)
    assert len(asked) > 8
    for method, target in [*asked, ("GET", "/nothing/here"), ("DELETE", "/rpc"), ("GET", "//rpc")]:
        said = ask((host, locked.port), method, target, JSON | given, b"{}")
        if target.startswith("/api/listen/"):
            assert said.status == 404, "a path that carries a ticket, and this one is none"
        else:
            assert said.status == 401, (method, target)
            assert fields(said.json["error"])["type"] == "authentication_error"
        assert "access-control-allow-origin" not in said.headers


def test_of_this_machine_health_alone_answers_without_it(locked: HttpServing) -> None:
    for method, target in every_request(locked.port):
        said = ask(("127.0.0.1", locked.port), method, target, JSON, b"{}")
        assert (said.status == 200) is (target == "/health"), (method, target)
    elsewhere = (other_address(), locked.port)
    for said_of_it in (
        {},
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"host": "localhost"},
    ):
        assert ask(elsewhere, "GET", "/health", said_of_it).status == 401


def test_the_page_is_shown_to_everyone_and_holds_nothing_of_the_services(locked: HttpServing) -> None:
    host = other_address()
    for sheet in sheets():
        said = ask((host, locked.port), "GET", sheet.path)
        assert (said.status, said.body) == (200, sheet.body), "the file as it is shipped"
        assert ask((host, locked.port), "POST", sheet.path, JSON, b"{}").status == 405


def test_with_the_key_all_of_it_answers_from_elsewhere(locked: HttpServing) -> None:
    host = other_address()
    for given in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        assert ask((host, locked.port), "GET", "/health", given).status == 200
        call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"}).encode()
        assert "result" in ask((host, locked.port), "POST", "/rpc", JSON | given, call).json


def test_the_key_is_in_no_answer_no_file_and_no_process_but_its_own(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    with serving(task, TTS_SUPERVISOR_HTTP__API_KEY=KEY) as one:
        where, given = ("127.0.0.1", one.port), {"x-api-key": KEY}
        spoken = ask(where, "POST", "/v1/audio/speech", JSON | given, b'{"input": "Hm."}')
        assert spoken.status == 200, "as MP3, so that an encoding process is there as well"
        for target in ("/openapi.json", "/metrics", "/v1/models", "/health"):
            assert KEY not in ask(where, "GET", target, given).text
        for method in ("status", "server/discover", "config/get", "jobs/list"):
            call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
            assert KEY not in ask(where, "POST", "/rpc", JSON | given, call).text
        assert KEY not in ask(where, "GET", "/metrics", {"x-api-key": f"{KEY}, or nearly"}).text
        started = psutil.Process(one.pid).children(recursive=True)
        assert len(started) >= 2, "a child, and the encoders"
        for process in started:
            assert KEY not in json.dumps([process.cmdline(), process.environ()])
        assert KEY not in json.dumps(psutil.Process(one.pid).cmdline())
    assert KEY not in json.dumps(one.seen)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert KEY.encode() not in path.read_bytes(), path


# ------------------------------------------------------------------ other sites


@pytest.fixture(scope="module")
def open_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServing]:
    """Open on loopback without a key, as it is by default; one folder may be named."""
    folder = tmp_path_factory.mktemp("open")
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    (folder / "out" / "diary.txt").write_text(SECRET, "utf-8")
    (folder / "in" / "door").symlink_to(folder / "out")
    (folder / "in" / "window.txt").symlink_to(folder / "out" / "diary.txt")
    (folder / "in" / "window.wav").symlink_to(folder / "out" / "new.wav")
    (folder / "in" / "deep").mkdir()
    with serving(scripted_task(folder, **{"http.output_folders": f'["{folder}/in"]'})) as one:
        yield one


def folder_of(one: HttpServing) -> Path:
    return Path(psutil.Process(one.pid).cwd())


#: What a browser says of a page elsewhere, in each way in which it may be made to send something.
FOREIGN = {
    "a script": {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    "a form": {"origin": "http://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    "a form in a sandbox": {"origin": "null"},
    "a file on the disk": {"origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    "an old browser": {"origin": "http://evil.example"},
    "another port here": {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"},
    "a picture": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "an extension's frame": {"origin": "chrome-extension://abcdef"},
    "a name that leads here": {"host": "rebound.evil.example:{port}", "origin": "http://rebound.evil.example:{port}"},
    "that name in a picture": {"host": "rebound.evil.example:{port}"},
    "a name that begins well": {"host": "localhost.evil.example:{port}"},
}  # fmt: skip

#: A page may send these without asking first.
UNASKED = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")


@pytest.mark.parametrize("who", FOREIGN)
def test_a_page_of_another_site_has_nothing_done_and_reads_nothing(open_: HttpServing, who: str) -> None:
    where = ("127.0.0.1", open_.port)
    headers = {name: value.format(port=open_.port) for name, value in FOREIGN[who].items()}
    call = b'{"jsonrpc": "2.0", "id": 1, "method": "child/recycle"}'
    speech = b'{"input": "I was told to say this."}'
    before = open_.status()
    for media in (*UNASKED, "application/json"):
        for target, body in (("/rpc", call), ("/v1/audio/speech", speech), ("/api/cleanup", b"")):
            said = ask(where, "POST", target, headers | {"content-type": media}, body)
            assert said.status == 403, (target, media)
            assert "access-control-allow-origin" not in said.headers
    if headers.get("sec-fetch-mode") != "navigate":
        for target in ("/", "/metrics", "/v1/models", "/openapi.json", "/health", "/api/events"):
            assert ask(where, "GET", target, headers).status == 403, target
    after = open_.status()
    assert after["lives"] == before["lives"]
    assert without_time(after["totals"]) == without_time(before["totals"])


def without_time(totals: object) -> Json:
    return {name: count for name, count in fields(totals).items() if name != "wall_seconds"}


def test_what_a_page_may_send_unasked_is_no_request_even_where_nothing_tells_who_sent_it(
    open_: HttpServing,
) -> None:
    where = ("127.0.0.1", open_.port)
    call = b'{"jsonrpc": "2.0", "id": 1, "method": "child/recycle"}'
    for media in UNASKED:
        for target, body in (("/rpc", call), ("/v1/audio/speech", b'{"input": "Hm."}')):
            assert ask(where, "POST", target, {"content-type": media}, body).status == 415
    asked_first = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for target in ("/rpc", "/v1/audio/speech", "/api/cleanup"):
        said = ask(where, "OPTIONS", target, asked_first)
        assert said.status in (403, 405)
        assert not [name for name in said.headers if name.startswith("access-control-")]


def test_no_page_can_hold_this_one_in_a_frame(open_: HttpServing) -> None:
    policy = ask(("127.0.0.1", open_.port), "GET", "/").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy


def test_its_own_page_may_do_what_the_service_does(open_: HttpServing) -> None:
    where = ("127.0.0.1", open_.port)
    own = {
        "origin": f"http://127.0.0.1:{open_.port}",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
    }
    call = b'{"jsonrpc": "2.0", "id": 1, "method": "status"}'
    assert "result" in ask(where, "POST", "/rpc", JSON | own, call).json
    assert ask(where, "POST", "/api/cleanup", own).status == 200


# ------------------------------------------------------------------ files

#: Each leads out of the folder, `{in}`, that may be named.
OUTSIDE = (
    "{out}/new.wav",
    "{in}/../out/new.wav",
    "{in}/deep/../../out/new.wav",
    "{in}/./..//out/./new.wav",
    "{in}/door/new.wav",
    "{in}/deep/../door/new.wav",
    "{in}/window.wav",
    "{in}side/new.wav",
    "/proc/self/root{out}/new.wav",
    "/proc/self/cwd/out/new.wav",
    "/proc/self/fd/1/../new.wav",
    "/dev/fd/1.wav",
    "out/new.wav",
    "../new.wav",
    "~/new.wav",
    "file://{out}/new.wav",
)


def refusal(one: HttpServing, method: str, **params: object) -> str:
    """Ask for what must not be had, and return why not."""
    answer = one.call(method, **params)
    assert "error" in answer, (method, params)
    return str(fields(answer["error"])["message"])


def snapshot(one: HttpServing) -> dict[str, bytes]:
    """Everything outside of the folder, but the state folder's own."""
    folder = folder_of(one)
    found = [
        path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(folder / "state")
    ]
    return {str(path): path.read_bytes() for path in found if not path.is_relative_to(folder / "in")}


def job_ids(one: HttpServing) -> list[object]:
    """Those that there are; how far they are is another thing."""
    return [fields(job)["job"] for job in cast("list[object]", one.call("jobs/list")["result"])]


@pytest.mark.parametrize("shape", OUTSIDE)
def test_no_path_outside_is_written_or_read_by_any_way_of_naming_one(open_: HttpServing, shape: str) -> None:
    folder = folder_of(open_)
    path = shape.replace("{in}", f"{folder}/in").replace("{out}", f"{folder}/out")
    text = path.replace("new.wav", "diary.txt").replace("window.wav", "window.txt").replace("1.wav", "0.txt")
    before, jobs = snapshot(open_), job_ids(open_)
    inside = f"{folder}/in/made.wav"
    tool = {"name": "submit_job", "arguments": {"text": "Hm.", "output": path}}
    said = [
        refusal(open_, "synthesize", text="Hm.", output_file=path),
        refusal(open_, "jobs/submit", text="Hm.", output=path),
        refusal(open_, "jobs/submit", text="Hm.", output=f"{path.rpartition('/')[0]}/../out/"),
        refusal(open_, "jobs/submit", inputs=[text], output=inside),
        refusal(open_, "jobs/submit", inputs=[{"name": "a", "text": "Hm.", "path": text}], output=inside),
        refusal(open_, "tools/call", **tool),
    ]
    if path.startswith("/"):
        given = {"name": "a", "text_file": text}
        said.append(refusal(open_, "jobs/submit", inputs=[given], output=inside))
        said.append(
            refusal(open_, "jobs/submit", text="Hm.", output=inside, reference=path, reference_text="Hm.")
        )
    assert [one for one in said if "http.output_folders" not in one and "an absolute path" not in one] == []
    assert not any(SECRET in one for one in said)
    assert (snapshot(open_), job_ids(open_)) == (before, jobs)
    assert not Path(inside).exists()


def test_what_lies_inside_is_written_and_read(open_: HttpServing) -> None:
    folder = folder_of(open_)
    (folder / "in" / "told.txt").write_text("Hm.", "utf-8")
    spoken = open_.call("synthesize", text="Hm.", output_file=f"{folder}/in/said.wav")
    assert "result" in spoken
    assert (folder / "in" / "said.wav").is_file()
    taken = open_.call("jobs/submit", inputs=[f"{folder}/in/told.txt"], output=f"{folder}/in/deep/told.wav")
    assert "result" in taken


def test_a_recording_is_not_read_because_a_line_in_the_request_names_it(open_: HttpServing) -> None:
    folder = folder_of(open_)
    line = json.dumps({"text": "Hm.", "prompt_text": "Hm.", "prompt_speech": f"{folder}/out/diary.txt"})
    given = {"name": "lines", "text": line, "path": f"{folder}/in/lines.jsonl"}
    assert "http.output_folders" in refusal(open_, "jobs/submit", inputs=[given], output=f"{folder}/in/")


@pytest.mark.parametrize("name", ["diary.txt", "nothing.txt"])
def test_whether_there_is_a_file_is_not_told(open_: HttpServing, name: str) -> None:
    folder, nothing = folder_of(open_), "nothing.txt"
    inside = f"{folder}/in/made.wav"
    path = f"{folder}/out/{name}"

    def alike(text: str) -> str:
        return text.replace(name, nothing)

    where = ("127.0.0.1", open_.port)
    speech = json.dumps({"input": "Hm.", "voice": path}).encode()
    said = ask(where, "POST", "/v1/audio/speech", JSON, speech)
    assert (said.status, fields(said.json["error"])["code"]) == (400, "voice_not_found")
    assert (
        alike(said.text)
        == ask(where, "POST", "/v1/audio/speech", JSON, speech.replace(name.encode(), nothing.encode())).text
    )
    for asked in (
        {"text": "Hm.", "output": inside, "voice": path},
        {"text": "Hm.", "output": inside, "voice": name, "folder": f"{folder}/out"},
        {"text": "Hm.", "output": inside, "seen": {path: "1:1"}},
        {"inputs": [path], "output": inside},
    ):
        other = json.loads(json.dumps(asked).replace(name, nothing))
        assert alike(refusal(open_, "jobs/submit", **asked)) == refusal(open_, "jobs/submit", **other)
    assert "config/get" in refusal(open_, "config/get")


def spelled(path: str) -> list[str]:
    """A path upwards in the ways that servers were taken in by."""
    up = "../" * 8 + path.lstrip("/")
    dots = urllib.parse.quote(up, safe="").replace(".", "%2e")
    twice = dots.replace("%", "%25")
    return [
        path,
        f"/{path}",
        f"/{up}",
        f"/{dots}",
        f"/{twice}",
        f"/{up.replace('/', chr(92))}",
        f"/%00{path}",
    ]


def test_no_spelling_of_a_path_of_a_request_finds_a_file(open_: HttpServing) -> None:
    diary = folder_of(open_) / "out" / "diary.txt"
    where = ("127.0.0.1", open_.port)
    roots = ("", "/page.js", "/v1/models", "/api/listen", "/api/listen/0", "/api/jobs")
    for path in (str(diary), "/etc/passwd", "/proc/self/environ"):
        for root in roots:
            for target in [f"{root}{one}" for one in spelled(path)]:
                said = ask(where, "GET", target)
                assert said.status in (400, 404, 405), target
                assert SECRET not in said.text
                assert "root:" not in said.text
    whole = ask(where, "GET", f"http://127.0.0.1:{open_.port}{diary}")
    assert whole.status == 404


def test_the_service_went_through_all_of_it_without_a_bug(open_: HttpServing, locked: HttpServing) -> None:
    for one in (open_, locked):
        assert [seen for seen in one.seen if seen.get("event") == "bug" or "stray" in seen] == []
        assert os.path.exists(f"/proc/{one.pid}")  # noqa: PTH110 -- a process
