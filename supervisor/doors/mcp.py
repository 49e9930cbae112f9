"""The same service as a server of MCP: greetings of both its eras, and a few tools over our own methods.

MCP up to 2025-11-25 begins with `initialize`; since 2026-07-28 it has no beginning, and `server/discover`
says what there is. Both answers hold the fields of interface §4 and those of MCP side by side: one reader
serves both.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.methods import Asker, Doing, Method
from supervisor.doors.own import listed, spoken
from supervisor.doors.params import Greeted, Listed, Nothing, ToolCall, read_meta, read_params, speech_of
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import Discovered, Service

#: Those that end in a handshake, newest first. 2025-03-26 is not among them: it has batches.
HANDSHAKES: Final = ("2025-11-25", "2025-06-18", "2024-11-05")
STATELESS: Final = "2026-07-28"

#: How long a client may keep the list of tools: they are those of this version of ours.
_TOOLS_TTL_MS = 3_600_000

#: A tool's result stands on its line twice, the second time quoted.
_LISTED_BYTES = LONGEST_LINE_BYTES // 4

_CAPABILITIES: Final = {"tools": {"listChanged": False}}
_INSTRUCTIONS: Final = (
    "Speaks text. `synthesize` is for a sentence or a page and answers with a file. `submit_job` is for "
    "documents of any length: it answers at once with a job, which goes on whatever becomes of this "
    "connection; `get_job` says how far it is and, once it is done, where the files are."
)

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool.

    Attributes:
        method: That it stands for.
        about: For the model that chooses.
        properties: Of its arguments, as JSON Schema.
        required: Those of them that must be given.
        reads: Whether it changes nothing.
    """

    method: str
    about: str
    properties: Mapping[str, Json]
    required: tuple[str, ...] = ()
    reads: bool = False

    def listing(self, name: str) -> Json:
        """Return how `tools/list` names it."""
        schema: Json = {"type": "object", "properties": self.properties, "additionalProperties": False}
        if self.required:
            schema["required"] = self.required
        hints = {"readOnlyHint": self.reads, "openWorldHint": False}
        return {"name": name, "description": self.about, "inputSchema": schema, "annotations": hints}


_VOICE: Final[Json] = {"type": "string", "description": "A voice's name; else the service's own."}
_SEED: Final[Json] = {"type": "integer", "minimum": 0, "description": "The same seed speaks the same way."}
_RATE: Final[Json] = {
    "type": "integer",
    "minimum": 8000,
    "maximum": 192000,
    "description": "Of the file, in Hz.",
}
_JOB: Final[Json] = {"type": "string", "description": "A job's id, as `submit_job` gave it."}

TOOLS: Final[dict[str, Tool]] = {
    "synthesize": Tool(
        method="synthesize",
        about="Speak a text now and answer with the path of the audio file and its length.",
        properties={
            "text": {"type": "string", "description": "What to say."},
            "voice": _VOICE,
            "seed": _SEED,
            "sample_rate": _RATE,
            "output_file": {
                "type": "string",
                "description": "Where it is to lie: .wav or .flac. Else a file of ours.",
            },
            "deadline_s": {"type": "number", "description": "Seconds after which nobody wants it any more."},
        },
        required=("text",),
    ),
    "submit_job": Tool(
        method="jobs/submit",
        about="Queue the narration of documents, or of a long text, and answer at once with the job's id.",
        properties={
            "output": {"type": "string", "description": "A .wav or .flac, or a folder (ends in /)."},
            "inputs": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Paths of documents (.txt, .md, .jsonl), chapters in order; this or `text`.",
            },
            "text": {"type": "string", "description": "The text itself; this or `inputs`."},
            "voice": _VOICE,
            "seed": _SEED,
            "sample_rate": _RATE,
            "format": {"type": "string", "enum": ["wav", "flac"], "description": "Of the files in a folder."},
            "key": {"type": "string", "description": "The same key again is the same job: safe to repeat."},
        },
        required=("output",),
    ),
    "get_job": Tool(
        method="jobs/get",
        about="Say how far a job is, and where its finished files are.",
        properties={"job": _JOB},
        required=("job",),
        reads=True,
    ),
    "list_jobs": Tool(
        method="jobs/list",
        about="List all jobs, oldest first; a list that is cut short goes on `after` its last job.",
        properties={"after": {"type": "string", "description": "Only those that are younger than this job."}},
        reads=True,
    ),
    "cancel_job": Tool(
        method="jobs/cancel",
        about="Take a job back; what is spoken of it is kept for a later submission of the same output.",
        properties={"job": _JOB},
        required=("job",),
    ),
    "status": Tool(
        method="status",
        about="Say what the service does, how its child and its memory are, and how earlier ones ended.",
        properties={},
        reads=True,
    ),
}


def mcp_table(service: Service, table: Mapping[str, Method]) -> dict[str, Method]:
    """Return the methods that MCP has and those that it shares with us.

    Args:
        service: Is asked.
        table: Our own methods, which tools stand for.
    """

    def call(params: bytes, asker: Asker) -> Doing:
        wanted = read_params(params, ToolCall)
        if wanted.name not in TOOLS:
            names = ", ".join(TOOLS)
            raise rpc.invalid_params(f"params.name: no tool {rpc.shown(wanted.name)}; there are {names}")
        return _called(wanted, params, asker)

    def _called(wanted: ToolCall, params: bytes, asker: Asker) -> Doing:
        arguments = bytes(wanted.arguments)
        if arguments and not arguments.startswith(b"{"):
            raise rpc.invalid_params("params.arguments: need an object with names")
        if not table[TOOLS[wanted.name].method].can_be_taken_back:
            asker.keep()
        if wanted.name == "synthesize":
            return _as_tool(lambda: _speak(service, arguments, params, asker))
        if wanted.name == "list_jobs":
            return _as_tool(lambda: _list(service, arguments))
        return _as_tool(lambda: table[TOOLS[wanted.name].method].begin(arguments, asker))

    def discover(params: bytes, asker: Asker) -> Doing:
        del asker
        read_params(params, Nothing)
        return lambda: _discovered(service)

    def greet(params: bytes, asker: Asker) -> Doing:
        wanted = read_params(params, Greeted).protocolVersion
        asker.listen()
        return lambda: _greeted(service, wanted)

    return {
        "server/discover": Method(begin=discover, waits=True, can_be_taken_back=True),
        "initialize": Method(begin=greet, waits=True, can_be_taken_back=True),
        "ping": Method(begin=lambda params, _: _ponged(params)),
        "tools/list": Method(begin=lambda _, __: _tools()),
        "tools/call": Method(begin=call, waits=True, can_be_taken_back=True),
    }


# ------------------------------------------------------------------ greetings


async def _discovered(service: Service) -> bytes:
    found = await service.introduce()
    ours = cast("Json", msgspec.to_builtins(found))
    theirs: Json = {
        "resultType": "complete",
        "supportedVersions": [STATELESS, *HANDSHAKES],
        "capabilities": _CAPABILITIES,
        "instructions": _INSTRUCTIONS,
        "ttlMs": 0,  # voices come with the first child
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": _server_info(found)},
    }
    return msgspec.json.encode(ours | theirs)


async def _greeted(service: Service, wanted: str | None) -> bytes:
    found = await service.introduce()
    theirs: Json = {
        "protocolVersion": wanted if wanted in HANDSHAKES else HANDSHAKES[0],
        "capabilities": _CAPABILITIES,
        "serverInfo": _server_info(found),
        "instructions": _INSTRUCTIONS,
    }
    return msgspec.json.encode(cast("Json", msgspec.to_builtins(found)) | theirs)


def _server_info(found: Discovered) -> Json:
    return {"name": found.name, "version": found.version}


def _ponged(params: bytes) -> bytes:
    read_params(params, Nothing)
    return b"{}"


# ------------------------------------------------------------------ tools


def _tools() -> bytes:
    tools = [tool.listing(name) for name, tool in TOOLS.items()]
    kept = {"resultType": "complete", "ttlMs": _TOOLS_TTL_MS, "cacheScope": "public"}
    return msgspec.json.encode({"tools": tools} | kept)


def _speak(service: Service, arguments: bytes, params: bytes, asker: Asker) -> Doing:
    wanted = speech_of(arguments)
    if wanted.audio == "inline":
        raise rpc.invalid_params(
            'params.audio: a tool answers with a file; "inline" is for the method `synthesize`'
        )
    meta = read_meta(params)
    return lambda: spoken(service, wanted, meta, asker)


def _list(service: Service, arguments: bytes) -> bytes:
    after = read_params(arguments, Listed).after
    return b'{"jobs":' + listed(service.jobs(), after, _LISTED_BYTES) + b"}"


def _as_tool(begin: Callable[[], Doing]) -> Doing:
    """Return what a tool answers: that it could not is a result too, for the model to read."""
    try:
        doing = begin()
    except (rpc.Fault, CannotAsk) as error:
        return _refusal(error)
    return _success(doing) if isinstance(doing, bytes) else lambda: _later(doing)


async def _later(doing: Callable[[], Coroutine[object, object, bytes]]) -> bytes:
    try:
        return _success(await doing())
    except (rpc.Fault, CannotAsk) as error:
        return _refusal(error)


def _success(result: bytes) -> bytes:
    return _tool_result(result.decode(), msgspec.Raw(result), is_error=False)


def _refusal(error: rpc.Fault | CannotAsk) -> bytes:
    kind = error.kind if isinstance(error, CannotAsk) else "bad_input"
    retryable = isinstance(error, CannotAsk) and error.retryable
    return _tool_result(str(error), {"kind": kind, "retryable": retryable}, is_error=True)


def _tool_result(text: str, structured: object, *, is_error: bool) -> bytes:
    content = [{"type": "text", "text": text}]
    return msgspec.json.encode(
        {"resultType": "complete", "content": content, "structuredContent": structured, "isError": is_error}
    )
