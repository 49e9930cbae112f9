"""What there is: models and voices, in the shapes that OpenAI's client and Open WebUI read."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from supervisor.doors.http.health import health_of
from supervisor.doors.http.reception import Reception
from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.replies import json_reply
from supervisor.doors.http.wanted import models_of, unknown_model
from supervisor.loop.speaking import Discovered

_OWNER: Final = "tts-supervisor"


def routes(reception: Reception) -> list[BaseRoute]:
    """Return what these answer at."""

    async def models(_: Request) -> Response:
        return json_reply({"object": "list", "data": _models(reception)})

    async def model(request: Request) -> Response:
        name = str(request.path_params["model"])
        found = [one for one in _models(reception) if one["id"] == name]
        if not found:
            raise unknown_model(name, reception.terms, reception.service.discover().engine)
        return json_reply(found[0])

    async def audio_models(_: Request) -> Response:
        there = _models(reception)
        named = [{"id": one["id"], "name": one["id"]} for one in there]
        return json_reply({"object": "list", "models": named, "data": there})

    async def voices(_: Request) -> Response:
        there = _voices(reception, await reception.service.introduce())
        return json_reply({"object": "list", "voices": there, "data": there})

    return [
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/v1/audio/models", audio_models),
        Route("/v1/audio/voices", voices),
    ]


def _models(reception: Reception) -> list[dict[str, object]]:
    names = models_of(reception.terms, reception.service.discover().engine)
    made = {"object": "model", "created": int(reception.since_s), "owned_by": _OWNER}
    return [{"id": name, **made} for name in names]


def _voices(reception: Reception, found: Discovered) -> list[dict[str, str]]:
    """The engine's, and the names that stand for them.

    Raises:
        Refusal: If no child has told them yet: a list without them would be taken for all there are.
    """
    own = {voice.name: voice.name for voice in found.voices}
    if not own:
        status = reception.service.status()
        why = health_of(status).why or f"the service is {status.state}"
        message = f"no child has told its voices yet: {why}; GET /health says when one has"
        raise Refusal(503, message, code="voices_unknown", retryable=True)
    named = {
        name: f"{name} ({voice or 'the voice of the service'})"
        for name, voice in reception.terms.voices.items()
        if not voice or voice in own
    }
    return [{"id": name, "name": shown} for name, shown in (own | named).items()]
