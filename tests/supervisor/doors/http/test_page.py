import asyncio
import hashlib
import tomllib
from pathlib import Path

import pytest

from supervisor.doors.http.page import FOLDER, sheets
from tests.supervisor.doors.http.visit import visiting

ROOT = Path(__file__).parents[4]


def test_the_page_is_its_files_and_nothing_else_that_lies_there(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"<p>")
    (tmp_path / "page.js").write_bytes(b"1")
    (tmp_path / "notes.txt").write_bytes(b"no")
    (tmp_path / "folder.css").mkdir()
    found = {one.path: (one.body, one.media) for one in sheets(tmp_path)}
    assert found == {
        "/": (b"<p>", "text/html; charset=utf-8"),
        "/page.js": (b"1", "text/javascript; charset=utf-8"),
    }


def test_every_file_of_the_page_is_sent_as_it_is_and_without_the_key(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, api_key="secret") as visit:
            page = sheets()
            assert "/" in [one.path for one in page]
            for sheet in page:
                answer = await visit.ask("GET", sheet.path)
                assert (answer.status, answer.body) == (200, sheet.body)
                assert answer.headers["content-type"] == sheet.media
                policy = answer.headers["content-security-policy"].split("; ")
                assert "default-src 'self'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in answer.headers["content-security-policy"]
                assert answer.headers["cache-control"] == "no-cache"
                assert answer.headers["x-content-type-options"] == "nosniff"

    asyncio.run(run())


@pytest.mark.parametrize("given", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_a_file_that_a_browser_has_is_not_sent_again(tmp_path: Path, given: str) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            first = await visit.ask("GET", "/")
            assert first.headers["etag"] == f'"{hashlib.sha256(first.body).hexdigest()[:20]}"'
            headers = {"if-none-match": given.format(tag=first.headers["etag"])}
            again = await visit.ask("GET", "/", headers=headers)
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            other = await visit.ask("GET", "/", headers={"if-none-match": '"other"'})
            assert other.status == 200

    asyncio.run(run())


def test_nothing_beside_the_page_is_sent_from_its_folder_or_above_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path, api_key="secret") as visit:
            for path in (
                "/index.html",
                "/../config.toml",
                "/%2e%2e/errors.py",
                "//",
                "/page.css/..",
                "/page",
            ):
                assert (await visit.ask("GET", path)).status == 401, path
                held = await visit.ask("GET", path, headers={"x-api-key": "secret"})
                assert held.status == 404, path

    asyncio.run(run())


def test_a_page_takes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with visiting(tmp_path) as visit:
            assert (await visit.ask("POST", "/", {})).status == 405
            assert (await visit.ask("HEAD", "/")).status == 200

    asyncio.run(run())


def test_the_page_travels_with_the_package() -> None:
    """What lies below a package that the wheel is made of is in it, save what git ignores."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert FOLDER == ROOT / "supervisor" / "page"
    assert "supervisor" in built["packages"]
    assert not {"exclude", "only-include", "include"} & built.keys()
