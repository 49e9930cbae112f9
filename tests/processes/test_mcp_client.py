"""The official Python client of MCP and a real service: it finds what is offered and calls each tool."""

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from supervisor.doors.mcp import TOOLS
from tests.processes.narration import PATIENCE_S
from tests.processes.serving import scripted_task
from tests.processes.wire import Json, fields

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]  # the client alone takes seconds to import

CLIENT = """
import asyncio, json, os, sys
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

async def use(mode):
    server = StdioServerParameters(
        command=sys.argv[2], args=sys.argv[3:], cwd=os.getcwd(), env=dict(os.environ)
    )
    told, called = [], {}
    async def progress(done, total, message):
        told.append(done)
    async with Client(stdio_client(server), mode=mode) as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        async def call(name, **arguments):
            result = await client.call_tool(name, arguments, progress_callback=progress)
            called.setdefault(name, [result.is_error, result.structured_content])
            return result.structured_content
        await call("synthesize", text="One. Four.", output_file="speech.wav")
        progress_of_speech = told[:]
        job = (await call("submit_job", text="One. Two.", output="job.wav"))["job"]
        while (await client.call_tool("get_job", {"job": job})).structured_content["state"] != "done":
            pass
        await call("get_job", job=job)
        await call("list_jobs")
        await call("cancel_job", job=job)
        await call("status")
        wrong = await client.call_tool("synthesize", {"text": "It will fall."})
        wrong = [wrong.is_error, wrong.structured_content]
        name, version = client.server_info.name, client.protocol_version
    return dict(
        name=name, version=version, tools=tools, called=called, wrong=wrong, told=progress_of_speech
    )

print(json.dumps(asyncio.run(use(sys.argv[1]))))
"""


class Use(msgspec.Struct, frozen=True):
    """What the client saw.

    Attributes:
        told: Progress of what it called.
        tools: Schema of the arguments, by name.
        called: Whether it is an error, and the content, by name.
        wrong: Likewise, of a call that cannot succeed.
    """

    name: str
    version: str
    told: list[float]
    tools: dict[str, Json]
    called: dict[str, tuple[bool, Json]]
    wrong: tuple[bool, Json]


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_official_client_finds_every_tool_of_a_real_service_and_calls_it(
    tmp_path: Path, mode: str, version: str
) -> None:
    pytest.importorskip("mcp", reason="the official Python client of MCP, for this test alone")
    task = scripted_task(tmp_path, **{"engine.faults.poison": '{ fall = "crash" }', "child.attempts": "1"})
    ran = subprocess.run(
        [sys.executable, "-c", CLIENT, mode, *task.words("serve", "--stdio", level="error")],
        cwd=tmp_path,
        env=task.whole_env(),
        capture_output=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert b"Failed to validate" not in ran.stderr, "the client read every line"
    use = msgspec.json.decode(ran.stdout, type=Use)
    assert (use.name, use.version) == ("tts-supervisor", version)
    arguments = {name: fields(schema["properties"]).keys() for name, schema in use.tools.items()}
    assert arguments == {name: tool.properties.keys() for name, tool in TOOLS.items()}
    assert use.called.keys() == TOOLS.keys()
    assert not any(is_error for is_error, _ in use.called.values())
    _, speech = use.called["synthesize"]
    assert speech["sha256"] == hashlib.sha256((tmp_path / "speech.wav").read_bytes()).hexdigest()
    assert use.told[-1] == speech["seconds"], "progress was asked for"
    _, view = use.called["get_job"]
    assert (view["state"], view["outputs"]) == ("done", [str(tmp_path / "job.wav")])
    assert use.wrong == (True, {"kind": "child_crashed", "retryable": True})
