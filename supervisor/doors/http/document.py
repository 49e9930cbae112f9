"""`GET /openapi.json`: what the door answers, as OpenAPI 3.1, made of the structs that are read or sent."""

from collections.abc import Mapping
from functools import partial
from typing import Final, cast, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from supervisor.config import HttpConfig
from supervisor.doors.http.calls import Cleaned
from supervisor.doors.http.guard import HEALTH
from supervisor.doors.http.health import Health
from supervisor.doors.http.listen import Audible
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import JSON, ErrorBody
from supervisor.doors.http.replies import json_reply
from supervisor.doors.http.wanted import MEDIA, SpeechBody
from supervisor.doors.jsonrpc import RpcError
from supervisor.loop.encoding import Format
from supervisor.wire.version import VERSION

Json = dict[str, object]

_REF: Final = "#/components/schemas/{name}"

#: What any request may be answered with.
_REFUSED: Final = {
    "400": "the request is wrong; `param` names the field",
    "401": "the key is missing, or another one",
    "403": "asked by a name that is not ours, or from a page of another site",
    "503": "not now: the service ends, or too much is being asked; `Retry-After` says when to ask again",
}
_REFUSED_BODY: Final = _REFUSED | {
    "408": "the body did not come in time",
    "413": "the body is longer than `http.body_bytes`",
    "415": "the body is not JSON, or not said to be",
    "507": "the disk is full",
}
_REFUSED_SPEECH: Final = _REFUSED_BODY | {
    "404": "no such model",
    "429": "too many requests wait already (`queue.max_waiting`)",
    "500": "every attempt ended the child, or failed the checks of its audio",
    "504": "every attempt stood still",
}
_REFUSED_STEERING: Final = _REFUSED | {"429": "there is no child now, or it ended meanwhile"}


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what this answers at."""
    made = partial(document, reception.terms)

    async def answer(_: Request) -> Response:
        return json_reply(made())

    return [Route("/openapi.json", answer)]


def document(terms: HttpConfig) -> Json:
    """Return the document.

    Args:
        terms: Of the door: its limits stand in the schemas.
    """
    info: Json = {
        "title": "tts-supervisor",
        "version": VERSION,
        "description": "Speech from a child process that is replaced when its memory grows.",
    }
    paths = _paths()
    found: Json = {"openapi": "3.1.0", "info": info, "paths": paths, "components": _components(terms)}
    if terms.api_key:
        wanted: list[Json] = [{"bearer": []}, {"header": []}]
        found["security"] = wanted
        # This machine is told without; the empty one says so.
        cast("Json", cast("Json", paths[HEALTH])["get"])["security"] = [{}, *wanted]
    return found


def _components(terms: HttpConfig) -> Json:
    _, made = msgspec.json.schema_components(
        [SpeechBody, ErrorBody, Health, Cleaned, RpcError, Audible], ref_template=_REF
    )
    schemas = cast("Json", made)
    speech = cast("dict[str, dict[str, Json]]", schemas["SpeechBody"])["properties"]
    speech["input"] |= {"maxLength": terms.text_chars, "pattern": r"\S"}
    speech["speed"] = {"description": "1, or left out", "enum": [1, 1.0, None], "default": 1.0}
    schemas |= _SCHEMAS
    components: Json = {"schemas": schemas}
    if terms.api_key:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    return components


_STRING: Final[Json] = {"type": "string"}
_ID: Final[Json] = {"type": ["string", "number", "null"]}


def _object(required: Mapping[str, Json], **optional: Json) -> Json:
    return {"type": "object", "properties": {**required, **optional}, "required": [*required]}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _named(schema: str) -> Json:
    return {"$ref": _REF.format(name=schema)}


_LIST_OBJECT: Final[Json] = {"const": "list"}
_SCHEMAS: Final[Json] = {
    "Model": _object(
        {"id": _STRING, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": _STRING}
    ),
    "Models": _object({"object": _LIST_OBJECT, "data": _list(_named("Model"))}),
    "Name": _object({"id": _STRING, "name": _STRING}),
    "AudioModels": _object(
        {"object": _LIST_OBJECT, "models": _list(_named("Name")), "data": _list(_named("Model"))}
    ),
    "Voices": _object(
        {"object": _LIST_OBJECT, "voices": _list(_named("Name")), "data": _list(_named("Name"))}
    ),
    "RpcRequest": _object(
        {"jsonrpc": {"const": "2.0"}, "method": _STRING},
        id=_ID,
        params={"type": ["object", "array"]},
    ),
    "RpcAnswer": _object({"jsonrpc": {"const": "2.0"}, "id": _ID}, result={}, error=_named("RpcError")),
}


def _paths() -> Json:
    return {
        "/v1/audio/speech": {"post": _speech()},
        "/v1/models": {"get": _get("The models that are this service", "Models")},
        "/v1/models/{model}": {"get": _model()},
        "/v1/audio/models": {"get": _get("The same, as Open WebUI asks for them", "AudioModels")},
        "/v1/audio/voices": {"get": _voices()},
        HEALTH: {"get": _health()},
        "/metrics": {"get": _metrics()},
        "/api/cleanup": {"post": _cleanup()},
        "/api/events": {"get": _events()},
        "/api/jobs/{job}/listen": {"post": _listen()},
        "/api/listen/{ticket}/{part}": {"get": _play()},
        "/rpc": {"post": _rpc()},
        "/openapi.json": {"get": _self()},
    }


def _speech() -> Json:
    binary: Json = {"type": "string", "contentMediaType": "application/octet-stream"}
    content: Json = {MEDIA[one]: {"schema": binary} for one in get_args(Format)}
    # OpenAPI 3.1 has no words for the events of a stream; what each holds is on the page (docs/http.md).
    content["text/event-stream"] = {"schema": {}}
    said: Json = {"description": "The audio, as its segments are ready", "content": content}
    return _operation("Speak a text", said, _REFUSED_SPEECH, body="SpeechBody")


def _model() -> Json:
    operation = _get("One of them", "Model") | {"parameters": [_in_path("model", _STRING)]}
    cast("Json", operation["responses"])["404"] = _refusal("no such model")
    return operation


def _voices() -> Json:
    operation = _get("Voices, once a child has told them", "Voices")
    cast("Json", operation["responses"])["503"] = _refusal("no child has told them within ten seconds")
    return operation


def _health() -> Json:
    found = _get("Whether speech would work now", "Health")
    no: Json = {
        "description": "It would not",
        "content": {JSON: {"schema": {"anyOf": [_named("Health"), _named("ErrorBody")]}}},
    }
    cast("Json", found["responses"])["503"] = no
    return found


def _metrics() -> Json:
    content: Json = {media: {"schema": _STRING} for media in ("text/plain", "application/openmetrics-text")}
    text: Json = {"description": "Figures for Prometheus", "content": content}
    return _operation("Figures", text, _REFUSED)


def _cleanup() -> Json:
    return _operation("Have the child release its caches", _said("Cleaned"), _REFUSED_STEERING)


def _events() -> Json:
    # OpenAPI 3.1 has no words for events: they are in decision 39, and docs/http.md leads there.
    said: Json = {"description": "Events, without end", "content": {"text/event-stream": {"schema": {}}}}
    return _operation("What happened in the last hour, and what happens now", said, _REFUSED)


def _listen() -> Json:
    refused = _REFUSED | {
        "403": "the job's output lies in none of `http.output_folders`; or as everywhere",
        "404": "there is no such job, or nothing of it is spoken yet",
    }
    operation = _operation("What there is to hear of a job, and where", _said("Audible"), refused)
    return operation | {"parameters": [_in_path("job", _STRING)]}


def _play() -> Json:
    audio: Json = {"type": "string", "contentMediaType": "application/octet-stream"}
    content: Json = {media: {"schema": audio} for media in ("audio/wav", "audio/flac")}
    refused = _REFUSED | {
        "404": "the ticket opens nothing, or nothing any more",
        "416": "`Range` asks for bytes behind the end",
    }
    operation = _operation("One of them; no key is asked for", _described("The audio", content), refused)
    cast("Json", operation["responses"])["206"] = _described("The bytes that `Range` asks for", content)
    number: Json = {"type": "integer", "minimum": 0}
    return operation | {"parameters": [_in_path("ticket", _STRING), _in_path("part", number)], "security": []}


def _described(words: str, content: Json) -> Json:
    return {"description": words, "content": content}


def _in_path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _rpc() -> Json:
    operation = _operation(
        "One request of JSON-RPC 2.0 (docs/protocol.md)", _said("RpcAnswer"), _REFUSED_BODY, body="RpcRequest"
    )
    cast("Json", operation["responses"])["202"] = {"description": "A notification was taken"}
    return operation


def _self() -> Json:
    return _operation(
        "This document", {"description": "It", "content": {JSON: {"schema": {"type": "object"}}}}, _REFUSED
    )


def _get(summary: str, schema: str) -> Json:
    return _operation(summary, _said(schema), _REFUSED)


def _said(schema: str) -> Json:
    return {"description": "Here it is", "content": {JSON: {"schema": _named(schema)}}}


def _operation(summary: str, said: Json, refused: Mapping[str, str], *, body: str | None = None) -> Json:
    responses: Json = {"200": said}
    responses |= {status: _refusal(words) for status, words in refused.items()}
    found: Json = {"summary": summary, "responses": responses}
    if body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _named(body)}}}
    return found


def _refusal(words: str) -> Json:
    return {"description": words, "content": {JSON: {"schema": _named("ErrorBody")}}}
