"""The service is a server of MCP as well: its tools are our methods, and the official client can use them."""

import asyncio
import json
from pathlib import Path
from typing import cast

import msgspec
import pytest

from supervisor.doors.mcp import HANDSHAKES, TOOLS
from supervisor.loop.speaking import SpeechRequest, Submission
from tests.supervisor.doors.pipes import Json, error_of, open_pipes, request, result_of


def exchange(folder: Path, *lines: bytes) -> list[Json]:
    async def ask() -> list[Json]:
        async with open_pipes(folder) as caller:
            caller.send(*lines)
            return [line for line in await caller.rest() if "id" in line]

    return sorted(asyncio.run(ask()), key=lambda line: str(line["id"]))


def call(name: str, identity: int = 1, **arguments: object) -> bytes:
    return request("tools/call", identity, name=name, arguments=arguments)


#: Audio goes inline nowhere but on a line of its own; the rest is for clients that work in another folder.
NOT_FOR_MODELS = {"audio", "folder", "fresh", "reference", "reference_text", "seen"}


@pytest.mark.parametrize(("tool", "wanted"), [("synthesize", SpeechRequest), ("submit_job", Submission)])
def test_the_arguments_of_a_tool_are_those_of_its_method(tool: str, wanted: type[msgspec.Struct]) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(wanted)}
    assert set(TOOLS[tool].properties) == fields.keys() - NOT_FOR_MODELS
    assert set(TOOLS[tool].required) == {name for name, field in fields.items() if field.required}
    types = {"list": "array", "Literal": "string", "str": "string", "int": "integer", "float": "number"}
    for name, shown in TOOLS[tool].properties.items():
        assert shown["type"] == next(types[word] for word in types if word in str(fields[name].type)), name
        assert shown["description"]


def test_a_handshake_holds_both_worlds(tmp_path: Path) -> None:
    lines = [
        request("initialize", number, protocolVersion=version) for number, version in enumerate(HANDSHAKES)
    ]
    *known, unknown, ours = exchange(
        tmp_path,
        *lines,
        request("initialize", 7, protocolVersion="2025-03-26", capabilities={}, clientInfo={"name": "x"}),
        request("initialize", 8),
    )
    assert [result_of(line)["protocolVersion"] for line in known] == list(HANDSHAKES)
    assert result_of(unknown)["protocolVersion"] == result_of(ours)["protocolVersion"] == HANDSHAKES[0]
    result = result_of(ours)
    assert result["serverInfo"] == {"name": "tts-supervisor", "version": result["version"]}
    assert result.keys() >= {
        "name",
        "version",
        "engine",
        "voices",
        "sample_rates",
        "formats",
        "limits",
        "capabilities",
    }


def test_a_discovery_holds_both_worlds(tmp_path: Path) -> None:
    (line,) = exchange(tmp_path, request("server/discover", 1))
    result = result_of(line)
    assert result.keys() >= {"name", "version", "engine", "voices", "sample_rates", "formats", "limits"}
    assert result.keys() >= {"supportedVersions", "capabilities", "resultType", "ttlMs", "cacheScope"}


def test_a_tool_answers_with_what_its_method_has_as_text_and_as_it_is(tmp_path: Path) -> None:
    by_tool, by_method = exchange(
        tmp_path, call("synthesize", 1, text="One."), request("synthesize", 2, text="One.")
    )
    result = result_of(by_tool)
    (content,) = cast("list[Json]", result["content"])
    assert json.loads(str(content["text"])) == result["structuredContent"] == by_method["result"]
    assert (result["isError"], content["type"]) == (False, "text")


def test_every_tool_can_be_called(tmp_path: Path) -> None:
    async def ask() -> list[Json]:
        async with open_pipes(tmp_path) as caller:
            submitted = await caller.result(
                "tools/call", name="submit_job", arguments={"text": "One.", "output": "a.wav"}
            )
            job = cast("Json", submitted["structuredContent"])["job"]
            return [
                cast(
                    "Json",
                    (await caller.result("tools/call", name=name, arguments=arguments))["structuredContent"],
                )
                for name, arguments in (
                    ("get_job", {"job": job}),
                    ("list_jobs", {}),
                    ("list_jobs", {"after": job}),
                    ("cancel_job", {"job": job}),
                    ("status", {}),
                    ("synthesize", {"text": "One."}),
                )
            ]

    got, listed, none, cancelled, status, speech = asyncio.run(ask())
    assert [got["segments"], cancelled["segments"]] == [1, 1]
    assert ([job["job"] for job in cast("list[Json]", listed["jobs"])], none["jobs"]) == ([got["job"]], [])
    assert (status["state"], speech["attempts"]) == ("idle", 1)


@pytest.mark.parametrize(
    ("line", "words", "kind"),
    [
        (call("synthesize", text="crashing"), "cannot be spoken", "child_crashed"),
        (call("synthesize", text=7), "params.text: expected `str`, got `int`", "bad_input"),
        (
            call("synthesize", text="a", audio="inline"),
            "params.audio: a tool answers with a file",
            "bad_input",
        ),
        (call("get_job", job="x"), "there is no job 'x'", "bad_input"),
        (call("get_job"), "missing required field `job`", "bad_input"),
        (call("status", x=1), "unknown field `x`", "bad_input"),
    ],
)
def test_what_a_tool_cannot_do_is_a_result_for_the_model_to_read(
    tmp_path: Path, line: bytes, words: str, kind: str
) -> None:
    (answer,) = exchange(tmp_path, line)
    result = result_of(answer)
    assert words in str(result["content"])
    assert result["isError"] is True
    assert cast("Json", result["structuredContent"])["kind"] == kind


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (request("tools/call", 1, name="sing"), "params.name: no tool 'sing'; there are synthesize"),
        (request("tools/call", 1, arguments={}), "missing required field `name`"),
        (request("tools/call", 1, name="status", arguments=[1]), "params.arguments: need an object"),
        (request("initialize", 1, protocolVersion=7), "params.protocolVersion: expected"),
        (request("ping", 1, x=1), "unknown field `x`"),
    ],
)
def test_what_is_no_call_at_all_is_an_error(tmp_path: Path, line: bytes, named: str) -> None:
    (answer,) = exchange(tmp_path, line)
    assert error_of(answer)["code"] == -32602
    assert named in str(error_of(answer)["message"])
