import asyncio
import re
from pathlib import Path
from typing import cast

from starlette.routing import Route

from supervisor.doors.http.app import routes
from supervisor.doors.http.document import document
from tests.supervisor.doors.http.visit import Json, terms_of, visiting
from tests.tree import page


def of(found: Json, *names: str) -> Json:
    for name in names:
        found = cast("Json", found[name])
    return found


def test_every_route_is_in_the_document_and_on_the_page_and_no_other(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            reception = visit.door._reception  # pyright: ignore[reportPrivateUsage] -- what its routes are made of
            offered = {
                (method.lower(), route.path.replace(":path", "").replace(":int", ""))
                for route in routes(reception)
                if isinstance(route, Route) and route.include_in_schema
                for method in cast("set[str]", route.methods) - {"HEAD"}
            }
            told = (await visit.ask("GET", "/openapi.json")).json
            documented = {(method, path) for path in of(told, "paths") for method in of(told, "paths", path)}
            assert documented == offered
            shown = {(m.lower(), p) for m, p in re.findall(r"`(GET|POST) (/[^`]*)`", page("docs/http.md"))}
            assert shown - {("get", "/")} == offered, "beside the page itself, which no program asks for"

    asyncio.run(run())


def test_the_limits_are_those_of_the_configuration() -> None:
    found = document(terms_of(text_chars="10"))
    assert of(found, "components", "schemas", "SpeechBody", "properties", "input")["maxLength"] == 10


def test_a_key_is_in_the_document_where_one_is_wanted_and_never_which() -> None:
    assert "security" not in document(terms_of())
    found = document(terms_of(api_key="s3cret"))
    assert "security" in found
    assert "s3cret" not in str(found)
    assert {} in cast("list[Json]", of(found, "paths", "/health", "get")["security"])


def test_every_reference_leads_somewhere() -> None:
    found = document(terms_of())
    names = set(re.findall(r"#/components/schemas/(\w+)", str(found)))
    assert names <= of(found, "components", "schemas").keys()
