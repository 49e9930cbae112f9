import json
import os
from pathlib import Path

import pytest

from supervisor.doors.http.fence import HARMLESS, KEPT_BACK, Fence
from supervisor.doors.http.spans import NotThere
from supervisor.doors.jsonrpc import Fault
from supervisor.doors.offer import service_methods
from supervisor.log import Log
from tests.supervisor.doors.memory_service import MemoryService


def test_every_method_that_there_is_was_looked_at() -> None:
    log = Log(format="text", level="error", write=lambda _: None)
    offered = set(service_methods(MemoryService(Path()), log, folder=Path()).names)
    assert offered == HARMLESS | KEPT_BACK | {"synthesize", "jobs/submit", "tools/call"}


def allow(fence: Fence, method: str, **params: object) -> None:
    fence.must_allow(method, json.dumps(params).encode())


def refused(fence: Fence, method: str, **params: object) -> str:
    with pytest.raises(Fault) as caught:
        allow(fence, method, **params)
    return str(caught.value)


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "back").symlink_to(tmp_path / "in" / "deep")
    return Fence([str(tmp_path / "in")])


@pytest.mark.parametrize("path", ["in/a.wav", "in/deep/a.wav", "in/deep/../a.wav", "out/../in/a.wav"])
def test_what_lies_inside_may_be_named(fence: Fence, tmp_path: Path, path: str) -> None:
    allow(fence, "synthesize", text="Hm.", output_file=f"{tmp_path}/{path}")
    allow(fence, "jobs/submit", inputs=[f"{tmp_path}/{path}"], output=f"{tmp_path}/{path}")
    arguments = {"text": "Hm.", "output": f"{tmp_path}/{path}"}
    allow(fence, "tools/call", name="submit_job", arguments=arguments)


@pytest.mark.parametrize(
    "path",
    [
        "out/a.wav",
        "in/../out/a.wav",
        "in/link/a.wav",
        "in/link/../a.wav",
        "inside/a.wav",
        "out/back/a.wav/../../x.wav",
    ],
)
def test_what_lies_or_leads_outside_may_not(fence: Fence, tmp_path: Path, path: str) -> None:
    outside = f"{tmp_path}/{path}"
    assert "http.output_folders" in refused(fence, "synthesize", text="Hm.", output_file=outside)
    assert "http.output_folders" in refused(fence, "jobs/submit", text="Hm.", output=outside)
    inside = f"{tmp_path}/in/a.wav"
    assert "inputs[1]" in refused(fence, "jobs/submit", inputs=[inside, outside], output=inside)
    arguments = {"text": "Hm.", "output_file": outside}
    assert "http.output_folders" in refused(fence, "tools/call", name="synthesize", arguments=arguments)


def test_without_folders_nothing_may_be_named_and_speech_is_had_all_the_same() -> None:
    closed = Fence([])
    allow(closed, "synthesize", text="Hm.")
    refused(closed, "synthesize", text="Hm.", output_file="a.wav")


@pytest.mark.parametrize(
    "more",
    [
        {"reference": "/etc/passwd"},
        {"inputs": [{"name": "a.txt", "text_file": "/etc/passwd"}]},
        {"inputs": [{"name": "a.jsonl", "text": "{}", "path": "/etc/a.jsonl"}]},
        {"output": "../out/a.wav"},
        {"folder": "/etc"},
    ],
)
def test_no_other_way_leads_outside(fence: Fence, tmp_path: Path, more: dict[str, object]) -> None:
    inside: dict[str, object] = {"folder": f"{tmp_path}/in", "output": "a.wav"}
    allow(fence, "jobs/submit", **inside, text="Hm.", reference=f"{tmp_path}/in/b.wav", reference_text="Hm.")
    text = {} if "inputs" in more else {"text": "Hm."}
    spoken = {"reference_text": "Hm."} if "reference" in more else {}
    assert "http.output_folders" in refused(fence, "jobs/submit", **(inside | text | spoken | more))


def test_what_is_said_of_the_machine_itself_is_not_told(fence: Fence, tmp_path: Path) -> None:
    assert "config/get" in refused(fence, "config/get")
    seen = {"/etc/passwd": "1:2"}
    assert "seen" in refused(fence, "jobs/submit", text="Hm.", output=f"{tmp_path}/in/a.wav", seen=seen)


def test_a_voice_is_no_way_to_look_for_files(fence: Fence, tmp_path: Path) -> None:
    wanted = {"text": "Hm.", "output": f"{tmp_path}/in/a.wav"}
    assert "voice" in refused(fence, "jobs/submit", **wanted, voice="/etc/passwd")
    assert "voice" in refused(fence, "jobs/submit", **wanted, voice="passwd.bak", folder="/etc")
    assert "voice" in refused(fence, "jobs/submit", **wanted, voice=".bashrc")
    allow(fence, "jobs/submit", **wanted, voice="ada-1.2", folder=f"{tmp_path}/in")
    allow(fence, "jobs/submit", **wanted, voice="ada", folder="/etc")


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSONL"])
def test_lines_that_come_with_a_request_name_no_recording(fence: Fence, tmp_path: Path, name: str) -> None:
    line = json.dumps({"text": "Hm.", "prompt_text": "Hm.", "prompt_speech": "/srv/diary.wav"})
    given = {"name": "lines", "text": line, "path": f"{tmp_path}/in/{name}"}
    said = refused(fence, "jobs/submit", inputs=[given], output=f"{tmp_path}/in/")
    assert "inputs[0]" in said
    assert "http.output_folders" in said
    saved = {"name": "lines", "text_file": f"{tmp_path}/in/{name}", "path": f"{tmp_path}/in/{name}"}
    allow(fence, "jobs/submit", inputs=[saved], output=f"{tmp_path}/in/")
    assert "inputs[0]" in refused(
        fence, "jobs/submit", inputs=[{"name": name, "text": line}], output=f"{tmp_path}/in/"
    )
    plain = {"name": name, "text": "Hm.", "path": f"{tmp_path}/in/a.txt"}
    allow(fence, "jobs/submit", inputs=[plain], output=f"{tmp_path}/in/")


def test_inline_audio_has_no_place_in_an_answer(fence: Fence) -> None:
    assert "/v1/audio/speech" in refused(fence, "synthesize", text="Hm.", audio="inline")


def test_wrong_params_are_told_as_such(fence: Fence) -> None:
    assert "params.text" in refused(fence, "synthesize", text=7)


def test_a_method_that_nobody_has_looked_at_is_not_offered(fence: Fence) -> None:
    assert "no method 'files/delete'" in refused(fence, "files/delete")


def test_what_names_no_files_passes(fence: Fence) -> None:
    for method in HARMLESS:
        fence.must_allow(method, b"")
    allow(fence, "tools/call", name="no such tool")


def test_a_file_inside_is_opened_and_nothing_that_leads_elsewhere_is(fence: Fence, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep" / "a.wav").write_bytes(b"inside")
    (tmp_path / "out" / "a.wav").write_bytes(b"outside")
    (tmp_path / "in" / "a.wav").symlink_to(tmp_path / "in" / "deep" / "a.wav")
    opened = fence.open(f"{tmp_path}/in/deep/a.wav")
    assert os.read(opened, 100) == b"inside"
    os.close(opened)
    for path in ("out/a.wav", "in/link/a.wav", "in/../out/a.wav", "in/a.wav", "in/deep", "in/gone"):
        with pytest.raises(NotThere):
            fence.open(f"{tmp_path}/{path}")
