import asyncio
from pathlib import Path
from typing import cast

from supervisor.loop.room import full
from tests.supervisor.doors.http.visit import Json, visiting


def test_models_are_names_of_this_service(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, models='["kokoro", "a/b"]') as visit:
            found = (await visit.ask("GET", "/v1/models")).json
            ids = [one["id"] for one in cast("list[Json]", found["data"])]
            assert ids == ["memory", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro", "a/b"]
            for name in ids:
                one = (await visit.ask("GET", f"/v1/models/{name}")).json
                assert (one["id"], one["object"]) == (name, "model")
            assert (await visit.ask("GET", "/v1/models/gpt-5")).code == "model_not_found"
            audio = (await visit.ask("GET", "/v1/audio/models")).json
            assert [one["id"] for one in cast("list[Json]", audio["models"])] == ids
            assert audio["data"] == found["data"]

    asyncio.run(run())


def test_voices_are_those_of_the_engine_and_the_names_that_stand_for_them(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, voices='{ nova = "ada", onyx = "gone" }') as visit:
            found = (await visit.ask("GET", "/v1/audio/voices")).json
            assert found["voices"] == found["data"]
            named = {one["id"]: one["name"] for one in cast("list[Json]", found["voices"])}
            assert named["ada"] == "ada"
            assert named["nova"] == "nova (ada)"
            assert named["alloy"] == "alloy (the voice of the service)"
            assert "onyx" not in named, "there is no such voice"

    asyncio.run(run())


def test_while_no_child_has_told_its_voices_that_is_said_and_no_list_without_them(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.voices = []
            visit.service.health = [full("the disk is full in F", "now", stops=True)]
            answer = await visit.ask("GET", "/v1/audio/voices")
            assert (answer.status, answer.code) == (503, "voices_unknown")
            assert answer.headers["x-should-retry"] == "true"
            assert "the disk is full in F" in str(cast("Json", answer.json["error"])["message"])
            visit.service.health = []
            answer = await visit.ask("GET", "/v1/audio/voices")
            assert "the service is idle" in str(cast("Json", answer.json["error"])["message"])
            visit.service.voices = ["ada"]
            assert (await visit.ask("GET", "/v1/audio/voices")).status == 200

    asyncio.run(run())
