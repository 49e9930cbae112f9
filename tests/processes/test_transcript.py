"""Every method, every notification and every error of interface §4, said to a real service and heard from it.

The texts that fail are those that `[engine.faults] poison` makes fail, in a real child; the full disk is a
full file system; the damaged ledger is damaged. What is answered is compared field by field.
"""

import base64
import hashlib
import os
import re
import wave
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast, get_args

import pytest

from supervisor.doors.jsonrpc import CODES
from supervisor.doors.mcp import TOOLS
from supervisor.loop.service import ErrorKind
from tests.processes.narration import paragraphs
from tests.processes.serving import scripted_task
from tests.processes.wire import Json, Wire, fields, request
from tests.standin.tinydisk import tiny_disk
from tests.tree import page

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

#: Each word does to the child what its name says.
POISON = '{ gulp = "oom", fall = "crash", stall = "hang", mute = "silence", stray = "stray" }'
SETS = {
    "engine.faults.poison": POISON,
    "child.attempts": "1",
    "child.stall_s": "1",
    "child.term_grace_s": "0.2",
}
SLOW = {"engine.scripted.wall_per_char_s": "0.005"}

FACTS = {"name", "version", "engine", "voices", "sample_rates", "formats", "limits"}
SPEECH = {"seconds", "sample_rate", "sha256", "attempts", "checks"}
VIEW = {"job", "state", "segments", "done", "failed", "seconds", "outputs"}
GIVEN_BACK = {"before_bytes", "after_bytes", "took_s"}


def samples(path: object) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


# ------------------------------------------------------------------ every method, in one conversation


@dataclass(slots=True)
class Talk:
    """What later questions take up of earlier answers."""

    wire: Wire
    folder: Path
    job: str = ""
    long_job: str = ""
    speech: Json = field(default_factory=dict[str, object])

    def ask(self, method: str, **params: object) -> Json:
        return fields(self.wire.ask(method, **params))

    def done(self, job: str) -> Json:
        """Wait until all of a job's segments are spoken, then until its file is there."""
        self.wire.note("progress", lambda told: told["job"] == job and told["segment"] == told["segments"])
        while (view := self.ask("jobs/get", job=job))["state"] != "done":
            assert view["state"] == "running", view
        return view


def discover(talk: Talk) -> None:
    talk.wire.ready()
    found = talk.ask("server/discover")
    assert found.keys() >= FACTS
    assert (found["name"], found["engine"], found["sample_rates"]) == ("tts-supervisor", "scripted", [24000])
    assert {fields(voice)["name"] for voice in cast("list[object]", found["voices"])} >= {"sine", "reed"}
    assert found["formats"] == ["wav", "flac"]
    assert fields(found["limits"]).keys() >= {"line_bytes", "text_chars", "max_waiting", "max_running"}


def initialize(talk: Talk) -> None:
    client = {"name": "transcript", "version": "1"}
    found = talk.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
    assert found.keys() >= FACTS | {"protocolVersion", "capabilities", "serverInfo"}
    assert found["protocolVersion"] == "2025-06-18"
    talk.wire.notify("notifications/initialized")
    talk.wire.notify("notifications/of-a-later-version", anything=[1, 2])


def ping(talk: Talk) -> None:
    assert talk.ask("ping") == {}


def synthesize(talk: Talk) -> None:
    text = "The ferry left. A stray word was heard. Nobody slept."
    filed = talk.ask("synthesize", text=text, voice="reed", seed=3, output_file="a.wav")
    assert filed.keys() == SPEECH | {"path"}
    path = talk.folder / "a.wav"
    assert (filed["path"], filed["sha256"]) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    assert (filed["sample_rate"], filed["attempts"]) == (24000, 1)
    assert filed["seconds"] == round(len(samples(path)) / 2 / 24000, 6)

    asked = talk.wire.begin("synthesize", text=text, voice="reed", seed=3, audio="inline")
    inline = fields(talk.wire.answer(asked)["result"])
    chunks = [told for told in talk.wire.told("audio/chunk") if told["id"] == asked]
    pcm = b"".join(base64.b64decode(str(chunk["pcm_s16le"])) for chunk in chunks)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    assert inline.keys() == SPEECH
    assert (pcm, inline["sha256"]) == (samples(path), hashlib.sha256(pcm).hexdigest())

    other = talk.ask("synthesize", text="At another rate.", sample_rate=16000, _meta={"progressToken": "p"})
    with wave.open(str(other["path"])) as file:
        assert file.getframerate() == other["sample_rate"] == 16000


def submit(talk: Talk) -> None:
    (talk.folder / "book.txt").write_text(paragraphs(4), "utf-8")
    asked: Json = {"inputs": ["book.txt"], "output": "book.flac", "voice": "bell", "seed": 1, "key": "mine"}
    assert talk.ask("jobs/submit", **asked).keys() >= {"job"}
    talk.job = str(
        talk.ask("jobs/submit", text="It is not even looked at.", output="else.wav", key="mine")["job"]
    )
    assert talk.ask("jobs/submit", **asked)["job"] == talk.job


def get(talk: Talk) -> None:
    view = talk.done(talk.job)
    assert view.keys() == VIEW
    assert (view["segments"], view["done"], view["failed"]) == (4, 4, 0)
    assert view["outputs"] == [str(talk.folder / "book.flac")]
    assert (talk.folder / "book.flac").read_bytes().startswith(b"fLaC")
    spoken = [told for told in talk.wire.told("job/segment") if told["job"] == talk.job]
    assert [told["segment"] for told in spoken] == [0, 1, 2, 3]


def cancel(talk: Talk) -> None:
    talk.long_job = str(talk.ask("jobs/submit", text=paragraphs(400), output="long.wav")["job"])
    watching = talk.wire.begin("jobs/watch", job=talk.long_job)
    talk.wire.note("job/segment", lambda told: told["job"] == talk.long_job)
    talk.wire.note("job/note", lambda told: told["job"] == talk.long_job and told["kind"] == "progress")
    view = talk.ask("jobs/cancel", job=talk.long_job)
    assert view.keys() == VIEW
    assert view["state"] == "cancelled"
    assert fields(talk.wire.answer(watching)["result"])["state"] == "cancelled"


def watch(talk: Talk) -> None:
    over = talk.ask("jobs/watch", job=talk.job)
    assert over.keys() == VIEW | {"exit_code"}
    assert (over["state"], over["exit_code"]) == ("done", 0)


def settings(talk: Talk) -> None:
    found = talk.ask("config/get")
    assert found["state"] == str((talk.folder / "state").resolve())
    assert fields(found["values"])["engine.name"] == '"scripted"'


def retry(talk: Talk) -> None:
    assert talk.ask("jobs/retry", job=talk.long_job)["state"] in ("queued", "running")
    assert talk.ask("jobs/cancel", job=talk.long_job)["state"] == "cancelled"


def pause(talk: Talk) -> None:
    assert talk.ask("jobs/retry", job=talk.long_job)["state"] in ("queued", "running")
    view = talk.ask("jobs/pause", job=talk.long_job)
    assert view.keys() == VIEW | {"error"}
    assert view["state"] == "paused"


def resume(talk: Talk) -> None:
    assert talk.ask("jobs/resume", job=talk.long_job)["state"] in ("queued", "running")
    assert talk.ask("jobs/cancel", job=talk.long_job)["state"] == "cancelled"


def list_jobs(talk: Talk) -> None:
    views = [fields(view) for view in cast("list[object]", talk.wire.ask("jobs/list"))]
    assert [view["job"] for view in views] == [talk.job, talk.long_job]
    after = cast("list[object]", talk.wire.ask("jobs/list", after=talk.job))
    assert [fields(view)["job"] for view in after] == [talk.long_job]


def status(talk: Talk) -> None:
    found = talk.ask("status")
    assert found.keys() >= {"state", "child", "queue", "lives", "totals"}
    child = fields(found["child"])
    assert child.keys() >= {"pid", "life", "ready", "device", "segments", "memory"}
    assert Path(f"/proc/{child['pid']}").is_dir()
    for life in cast("list[object]", found["lives"]):
        assert fields(life).keys() >= {"life", "ended", "why", "segments"}


def clean(talk: Talk) -> None:
    assert talk.ask("memory/clean").keys() >= GIVEN_BACK


def recycle(talk: Talk) -> None:
    before = fields(talk.ask("status")["child"])
    assert talk.ask("child/recycle").keys() >= GIVEN_BACK
    after = fields(talk.ask("status")["child"])
    assert cast("int", after["life"]) > cast("int", before["life"])
    assert after["pid"] != before["pid"]


def tools(talk: Talk) -> None:
    found = cast("list[object]", talk.ask("tools/list")["tools"])
    assert {str(fields(tool)["name"]) for tool in found} == TOOLS.keys()


def call(talk: Talk) -> None:
    asked: dict[str, Json] = {
        "synthesize": {"text": "By a tool."},
        "submit_job": {"text": "Hm.", "output": "tool.wav"},
        "get_job": {"job": talk.job},
        "list_jobs": {},
        "cancel_job": {"job": talk.long_job},
        "status": {},
    }
    assert asked.keys() == TOOLS.keys()
    for name, arguments in asked.items():
        result = talk.ask("tools/call", name=name, arguments=arguments)
        assert result["isError"] is False, result
        assert result.keys() >= {"content", "structuredContent"}
    wrong = talk.ask("tools/call", name="synthesize", arguments={"text": "It will fall."})
    assert (wrong["isError"], wrong["structuredContent"]) == (
        True,
        {"kind": "child_crashed", "retryable": True},
    )


def shutdown(talk: Talk) -> None:
    assert talk.ask("shutdown") == {}
    assert talk.wire.exit_code() == 0


#: In the order in which they are asked.
METHODS: dict[str, Callable[[Talk], None]] = {
    "server/discover": discover,
    "initialize": initialize,
    "ping": ping,
    "synthesize": synthesize,
    "jobs/submit": submit,
    "jobs/get": get,
    "jobs/cancel": cancel,
    "jobs/watch": watch,
    "config/get": settings,
    "jobs/retry": retry,
    "jobs/pause": pause,
    "jobs/resume": resume,
    "jobs/list": list_jobs,
    "status": status,
    "memory/clean": clean,
    "child/recycle": recycle,
    "tools/list": tools,
    "tools/call": call,
    "shutdown": shutdown,
}

#: What is told, and its fields; those of `ENDED` are there where a child is gone.
NOTES = {
    "progress": {"job", "segment", "segments", "audio_seconds", "wall_seconds", "eta_seconds"},
    "job/segment": {"job", "segment", "seconds", "sha256", "attempts"},
    "job/note": {"job", "kind", "note"},
    "child/state": {"life", "state", "why", "memory"},
    "audio/chunk": {"id", "seq", "pcm_s16le", "sample_rate"},
    "notifications/progress": {"progressToken", "progress", "message"},
}
ENDED = {"signal", "ending", "reason"}


def test_every_method_is_answered_and_every_notification_told_in_one_conversation(tmp_path: Path) -> None:
    with Wire(scripted_task(tmp_path, **SETS)) as wire:
        talk = Talk(wire, tmp_path)
        for play in METHODS.values():
            play(talk)
    assert wire.stray == [], "standard output holds messages alone"
    told = [line for line in wire.heard if "method" in line]
    assert {str(line["method"]) for line in told} == NOTES.keys()
    for line in told:
        keys = fields(line["params"]).keys()
        assert keys - ENDED == NOTES[str(line["method"])]
    states = wire.told("child/state")
    assert {"starting", "ready", "releasing", "gone"} <= {str(state["state"]) for state in states}
    assert "SIGSEGV" in [state["signal"] for state in states if "signal" in state]


def table(heading: str, until: str) -> str:
    return page("docs/protocol.md").split(f"## {heading}\n")[1].split(f"## {until}\n")[0]


def test_the_methods_of_the_transcript_are_those_that_are_offered_and_those_that_are_documented(
    tmp_path: Path,
) -> None:
    with Wire(scripted_task(tmp_path)) as wire:
        message = str(wire.refused("sing")["message"])
        assert wire.hang_up() == 0
    offered = set(message.partition("there are ")[2].split(", "))
    shown = table("What may be asked", "What is told")
    documented = set(re.findall(r"^\| `([a-z/]+)` \|", shown, re.MULTILINE))
    assert offered == documented == METHODS.keys()


def test_the_notifications_of_the_transcript_are_those_that_are_documented() -> None:
    shown = table("What is told", "What can go wrong")
    assert set(re.findall(r"^\| `([a-z/]+)` \|", shown, re.MULTILINE)) == NOTES.keys()


# ------------------------------------------------------------------ every error of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Something that cannot be done.

    Attributes:
        kind: That is answered.
        retryable: That is answered.
        ask: Brings it about and returns the error.
        named: What its message must name.
        sets: Of the service.
    """

    kind: ErrorKind
    retryable: bool
    ask: Callable[[Wire], Json]
    named: str
    sets: dict[str, str] = field(default_factory=dict[str, str])


def asking(method: str, **params: object) -> Callable[[Wire], Json]:
    return lambda wire: wire.refused(method, **params)


def one_more_than_may_wait(wire: Wire) -> Json:
    wire.ready()
    for _ in range(2):  # one is spoken, one waits
        wire.begin("synthesize", text="x" * 150)
    return wire.refused("synthesize", text="Now me.")


def one_more_than_a_client_may_have(wire: Wire) -> Json:
    wire.ready()
    lines = [request("synthesize", number, text="x" * 150) for number in range(257)]
    wire.say(b"\n".join(lines) + b"\n")
    return wire.error(256)


def taken_back(wire: Wire) -> Json:
    asked = wire.begin("synthesize", text="x" * 150)
    wire.notify("notifications/cancelled", requestId=asked, reason="the listener left")
    return wire.error(asked)


def as_it_ends(wire: Wire) -> Json:
    asked = [wire.begin("synthesize", text="x" * 150) for _ in range(2)]
    assert wire.ask("shutdown") == {}
    return wire.error(asked[1])


WRONG = {
    "memory that is not there": Wrong(
        kind="oom", retryable=True, ask=asking("synthesize", text="One gulp."), named="out of memory"
    ),
    "a child that crashes": Wrong(
        kind="child_crashed", retryable=True, ask=asking("synthesize", text="One fall."), named="SIGSEGV"
    ),
    "a child that hangs": Wrong(
        kind="child_hung", retryable=True, ask=asking("synthesize", text="One stall."), named="no progress"
    ),
    "audio that is none": Wrong(
        kind="quality_failed", retryable=False, ask=asking("synthesize", text="One mute."), named="silence"
    ),
    "a text without words": Wrong(
        kind="bad_input", retryable=False, ask=asking("synthesize", text="..."), named="nothing to speak"
    ),
    "a file that is not there": Wrong(
        kind="bad_input",
        retryable=False,
        ask=asking("jobs/submit", inputs=["no-such-book.txt"], output="a.wav"),
        named="no-such-book.txt",
    ),
    "a job that is none": Wrong(
        kind="bad_input", retryable=False, ask=asking("jobs/get", job="j0"), named="j0"
    ),
    "no such job to cancel": Wrong(
        kind="bad_input", retryable=False, ask=asking("jobs/cancel", job="j0"), named="j0"
    ),
    "no such job to retry": Wrong(
        kind="bad_input", retryable=False, ask=asking("jobs/retry", job="j0"), named="j0"
    ),
    "no such job to go on after": Wrong(
        kind="bad_input", retryable=False, ask=asking("jobs/list", after="j0"), named="j0"
    ),
    "a voice that is none": Wrong(
        kind="voice_not_found",
        retryable=False,
        ask=asking("synthesize", text="Hm.", voice="eve"),
        named="eve",
    ),
    "a request that is taken back": Wrong(
        kind="cancelled", retryable=True, ask=taken_back, named="taken back", sets=SLOW
    ),
    "a deadline": Wrong(
        kind="cancelled",
        retryable=True,
        ask=asking("synthesize", text="x" * 150, deadline_s=0.05),
        named="deadline_s",
        sets=SLOW,
    ),
    "one more than may wait": Wrong(
        kind="busy",
        retryable=True,
        ask=one_more_than_may_wait,
        named="queue.max_waiting",
        sets=SLOW | {"queue.max_waiting": "1"},
    ),
    "one more than a client may have": Wrong(
        kind="busy",
        retryable=True,
        ask=one_more_than_a_client_may_have,
        named="256",
        sets=SLOW | {"queue.max_waiting": "1000"},
    ),
    "the end": Wrong(kind="shutting_down", retryable=True, ask=as_it_ends, named="ends", sets=SLOW),
}


def check(error: Json, kind: ErrorKind, *, retryable: bool) -> None:
    assert error.keys() == {"code", "message", "data"}
    assert error["data"] == {"kind": kind, "retryable": retryable}
    assert error["code"] == CODES[kind] > 0


def together() -> dict[str, list[Wrong]]:
    """What needs no service of its own is said to one, each by itself to another."""
    plain = [wrong for wrong in WRONG.values() if not wrong.sets]
    return {"in one conversation": plain} | {name: [wrong] for name, wrong in WRONG.items() if wrong.sets}


@pytest.mark.parametrize("wrongs", together().values(), ids=together().keys())
def test_what_cannot_be_done_is_answered_with_its_kind_and_whether_to_ask_again(
    tmp_path: Path, wrongs: list[Wrong]
) -> None:
    with Wire(scripted_task(tmp_path, **SETS | wrongs[0].sets)) as wire:
        for wrong in wrongs:
            error = wrong.ask(wire)
            check(error, wrong.kind, retryable=wrong.retryable)
            assert wrong.named in str(error["message"])
            if wrong.kind not in ("busy", "shutting_down"):
                assert fields(wire.ask("synthesize", text="Well."))["attempts"] == 1
        if wrongs[0].kind != "shutting_down":
            wire.ask("shutdown")
        assert wire.exit_code() == 0
        assert wire.stray == []


def full_disk(folder: Path, stack: ExitStack) -> Path:
    disk = stack.enter_context(tiny_disk(folder / "disk", size_bytes=256 << 10))
    with (disk / "filler").open("wb", buffering=0) as filler:
        free_bytes = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        assert filler.write(bytes(2 * free_bytes)) == free_bytes
    return disk


def test_a_full_disk_is_answered_as_one_and_the_same_may_be_asked_again_when_there_is_room(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        disk = full_disk(tmp_path, stack)
        wire = stack.enter_context(Wire(scripted_task(tmp_path)))
        asked: Json = {"text": "Hello there.", "output_file": "disk/a.wav"}
        error = wire.refused("synthesize", **asked)
        check(error, "disk_full", retryable=True)
        assert str(disk) in str(error["message"])
        (disk / "filler").unlink()
        assert fields(wire.ask("synthesize", **asked))["path"] == str(disk / "a.wav")
        assert wire.hang_up() == 0
        assert wire.stray == []


def test_every_kind_of_error_is_in_the_transcript_and_in_the_document() -> None:
    played = {wrong.kind for wrong in WRONG.values()} | {"disk_full"}
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page("docs/protocol.md"), re.MULTILINE)
    assert played == set(get_args(ErrorKind))
    assert {kind: int(code) for code, kind in rows} == dict(CODES)
    assert played == CODES.keys()


# ------------------------------------------------------------------ the standard codes

#: A line, the code and the id of its answer.
STANDARD: tuple[tuple[bytes, int, object], ...] = (
    (b'{"jsonrpc": "2.0", "id": 1, "method": "status"', -32700, None),
    (b"x" * ((1 << 20) + 1), -32700, None),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}', -32700, None),
    (b"[" + request("status", 1) + b"]", -32600, None),
    (b'{"jsonrpc": "1.0", "id": "old", "method": "status"}', -32600, "old"),
    (request("sing", 7), -32601, 7),
    (request("synthesize", "n", text=7), -32602, "n"),
    (request("synthesize", "m", text="Hm.", sample_rate=7), -32602, "m"),
    (request("tools/call", "t", name="sing"), -32602, "t"),
)


def test_the_standard_errors_have_the_standard_codes_and_cost_only_themselves(tmp_path: Path) -> None:
    with Wire(scripted_task(tmp_path)) as wire:
        wire.say(b"".join(line + b"\n" for line, _, _ in STANDARD))
        assert wire.ask("ping") == {}
        answers = [line for line in wire.heard if "error" in line]
        assert [(fields(line["error"])["code"], line["id"]) for line in answers] == [
            (code, identity) for _, code, identity in STANDARD
        ]
        assert all("data" not in fields(line["error"]) for line in answers)
        assert wire.hang_up() == 0
        assert wire.stray == []


def test_a_ledger_that_is_damaged_meanwhile_is_an_internal_error_that_costs_only_the_request(
    tmp_path: Path,
) -> None:
    with Wire(scripted_task(tmp_path)) as wire:
        wire.ready()
        for file in (tmp_path / "state").glob("ledger*"):
            file.write_bytes(b"no ledger at all " * 1000)
        error = wire.refused("jobs/submit", text="Hm.", output="a.wav")
        assert (error["code"], "data" in error) == (-32603, False)
        assert "ledger" in str(error["message"])
        assert fields(wire.ask("synthesize", text="Speech needs none."))["attempts"] == 1
        wire.ask("shutdown")
        wire.exit_code()
        assert wire.stray == []


def test_every_standard_code_is_in_the_transcript_and_in_the_document() -> None:
    codes = {int(code) for code in re.findall(r"^\| (-\d+) \| –", page("docs/protocol.md"), re.MULTILINE)}
    assert codes == {code for _, code, _ in STANDARD} | {-32603}


# ------------------------------------------------------------------ ends, and what stays


def test_the_end_of_input_parks_the_work_and_the_key_is_known_to_the_next_service(tmp_path: Path) -> None:
    asked: Json = {"text": paragraphs(12), "output": "night.wav", "key": "night"}
    task = scripted_task(tmp_path, **{"engine.scripted.wall_per_char_s": "0.002"})
    with Wire(task) as wire:
        job = fields(wire.ask("jobs/submit", **asked))["job"]
        wire.note("job/segment")
        spoken = wire.begin("synthesize", text="Asked before the end, so it is answered.")
        assert wire.hang_up() == 0
        assert "result" in wire.answer(spoken)
        first = len(wire.told("job/segment"))
    with Wire(task) as wire:
        assert fields(wire.ask("jobs/submit", **asked))["job"] == job
        while fields(wire.ask("jobs/get", job=job))["state"] != "done":
            wire.note("progress", lambda told: told["segment"] == told["segments"])
        assert first + len(wire.told("job/segment")) == 12, "nothing is spoken twice, nothing is left out"
        views = cast("list[object]", wire.ask("jobs/list"))
        assert [fields(view)["job"] for view in views] == [job]
        assert wire.hang_up() == 0


def test_what_is_piped_in_as_a_whole_is_answered_as_a_whole(tmp_path: Path) -> None:
    with Wire(scripted_task(tmp_path)) as wire:
        last = request("synthesize", 3, text="A last line without its end.")
        wire.say(request("status", 1) + b"\n" + request("synthesize", 2, text="Hm.") + b"\n" + last)
        assert wire.hang_up() == 0
        assert {line["id"] for line in wire.heard if "result" in line} == {1, 2, 3}
        assert wire.stray == []


#: A library in the service's own process that talks: at each import once the service begins, and at the end.
TALKATIVE = """
import atexit, ctypes, os, sys

libc = ctypes.CDLL(None)


def shout():
    print("stray line of print", flush=True)
    os.write(1, b"stray line of write\\n")
    libc.puts(b"stray line of C")
    libc.fflush(None)


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "supervisor.loop.serve":
            atexit.register(shout)
        if name == "supervisor.loop.serve" or "supervisor.loop.serve" in sys.modules:
            shout()


sys.meta_path.insert(0, Finder)
"""


def test_whatever_a_library_or_an_alert_prints_is_not_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(TALKATIVE, "utf-8")
    alert = {"alerts.command": '"echo stray line of an alert"'}
    task = scripted_task(tmp_path, **alert)
    task = replace(task, env={**task.env, "PYTHONPATH": str(tmp_path / "site")})
    with Wire(task) as wire:
        wire.ready()
        wire.ask("child/recycle")
        assert fields(wire.ask("synthesize", text="Well."))["attempts"] == 1
        assert wire.hang_up() == 0
        assert wire.stray == []
    printed = (tmp_path / "serve.err").read_text("utf-8")
    for said in ("print", "write", "C", "an alert"):
        assert f"stray line of {said}" in printed
