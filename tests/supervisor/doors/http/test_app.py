import asyncio
from pathlib import Path

from tests.supervisor.doors.http.visit import read_answer, request, visiting


def test_what_is_not_there_is_told_as_everything_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            for method, path, status, code in (
                ("GET", "/nothing", 404, "not_found"),
                ("GET", "/v1/models/nothing", 404, "model_not_found"),
                ("GET", "/v1/models/", 404, "model_not_found"),
                ("DELETE", "/rpc", 405, "method_not_allowed"),
                ("GET", "/v1/audio/speech", 405, "method_not_allowed"),
                ("POST", "/health", 405, "method_not_allowed"),
            ):
                answer = await visit.ask(method, path)
                assert (answer.status, answer.code) == (status, code), path
                assert answer.headers["content-type"] == "application/json"
                assert answer.headers["x-content-type-options"] == "nosniff"
            assert "POST" in (await visit.ask("GET", "/rpc")).headers["allow"]

    asyncio.run(run())


def test_no_page_of_another_site_is_given_anything(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
                answer = await visit.ask("GET", "/health", headers=headers)
                assert answer.status == 403
            plain = await visit.ask("GET", "/health", headers={"origin": f"http://localhost:{visit.port}"})
            assert plain.status == 403, "the page's own name has no port here"
            assert not any(name.startswith("access-control") for name in plain.headers)
            preflight = await visit.ask("OPTIONS", "/rpc", headers={"origin": "http://evil.example"})
            assert preflight.status == 403
            assert visit.service.asked == []

    asyncio.run(run())


def test_a_key_is_asked_for_before_anything_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, api_key="s3cret") as visit:
            for method, path in (
                ("GET", "/nothing"),
                ("GET", "/openapi.json"),
                ("POST", "/rpc"),
                ("GET", "/index.html"),
            ):
                answer = await visit.ask(method, path)
                assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert (await visit.ask("GET", "/health")).status == 200
            assert (await visit.ask("GET", "/v1/models", headers={"x-api-key": "s3cret"})).status == 200
            assert not any("s3cret" in line for line in visit.logged)

    asyncio.run(run())


def test_a_bug_is_told_as_one_and_logged_and_nothing_else_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            visit.service.broken = ZeroDivisionError("by nought")
            answer = await visit.ask("GET", "/health")
            assert (answer.status, answer.code) == (500, "internal_error")
            assert "nought" not in answer.body.decode()
            assert any("bug" in line and "by nought" in line for line in visit.logged)
            visit.service.broken = None
            assert (await visit.ask("GET", "/health")).status == 200

    asyncio.run(run())


def test_one_who_sends_first_and_reads_later_is_told_why_not(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, api_key="s3cret") as visit:
            answer = await visit.ask("POST", "/rpc", b"x" * 3_000_000)
            assert (answer.status, answer.is_whole) == (401, True)
            assert answer.headers["connection"] == "close"

    asyncio.run(run())


def test_one_who_asks_whether_to_send_is_told_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, body_bytes="1KiB") as visit:
            head = request("POST", "/rpc", b"", {"content-length": "5000", "expect": "100-continue"})
            answer = read_answer(await visit.raw(head))
            assert (answer.status, answer.code) == (413, "body_too_long")

    asyncio.run(run())


def test_requests_follow_one_another_on_one_connection(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            two = request("GET", "/health", headers={"connection": ""}) + request("GET", "/v1/models")
            answers = await visit.raw(two)
            assert answers.count(b"HTTP/1.1 200 OK") == 2

    asyncio.run(run())


def test_a_head_alone_is_answered_with_one(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            answer = await visit.ask("HEAD", "/health")
            assert (answer.status, answer.body) == (200, b"")

    asyncio.run(run())
