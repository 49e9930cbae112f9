import asyncio
import io
import os
import wave
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from supervisor.edge.audiofile import wav_header
from supervisor.edge.ledger_values import AudioPiece, Delivery, Silence
from supervisor.loop.sights import Heard
from supervisor.loop.speaking import Submission
from tests.supervisor.doors.http.visit import Answer, Json, Visit, visiting

RATE_HZ = 24_000
SAMPLES = 30_000
AUDIO = wav_header(2 * SAMPLES, RATE_HZ) + b"ab" * SAMPLES


def write(path: Path, content: bytes = AUDIO) -> Delivery:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Delivery(path=str(path), sha256="", samples=SAMPLES, sample_rate_hz=RATE_HZ)


@asynccontextmanager
async def a_job(
    folder: Path, *files: str, output: str = "out/book.wav", api_key: str = ""
) -> AsyncGenerator[tuple[Visit, str]]:
    """A door behind which one job is done; its files may be listened to below `out`."""
    (folder / "out").mkdir(exist_ok=True)
    sets = {"output_folders": f'["{folder}/out"]', "api_key": f'"{api_key}"'}
    async with visiting(folder, head_s=10.0, **sets) as visit:
        taken = await visit.service.submit(Submission(output=f"{folder}/{output}", text="Hm."))
        visit.service.audio[taken.job] = Heard(files=[write(folder / name) for name in files], pieces=[])
        yield visit, taken.job


async def listen(visit: Visit, job: str, headers: Mapping[str, str] | None = None) -> Json:
    answer = await visit.ask("POST", f"/api/jobs/{job}/listen", headers=headers)
    assert answer.status == 200, answer.body
    return answer.json


async def play(visit: Visit, told: Json, number: int = 0, headers: Mapping[str, str] | None = None) -> Answer:
    part = cast("list[Json]", told["parts"])[number]
    return await visit.ask("GET", str(part["url"]), headers=headers)


def test_a_finished_job_is_played_file_by_file(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav", "out/b.flac", output="out/") as (visit, job):
            told = await listen(visit, job)
            parts = cast("list[Json]", told["parts"])
            assert [(one["name"], one["seconds"]) for one in parts] == [("a.wav", 1.25), ("b.flac", 1.25)]
            assert (told["is_whole"], told["left_out"], told["expires_s"]) == (True, 0, 3600.0)
            for number, media in enumerate(["audio/wav", "audio/flac"]):
                answer = await play(visit, told, number)
                assert (answer.status, answer.body, answer.is_whole) == (200, AUDIO, True)
                assert answer.headers["content-type"] == media
                assert answer.headers["accept-ranges"] == "bytes"
                assert answer.headers["cache-control"] == "no-store"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [("bytes=0-", 0, len(AUDIO)), ("bytes=100-40099", 100, 40100), ("bytes=-5", len(AUDIO) - 5, len(AUDIO))],
)
def test_a_player_winds_by_asking_for_a_range(tmp_path: Path, wanted: str, begin: int, end: int) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav") as (visit, job):
            told = await listen(visit, job)
            answer = await play(visit, told, 0, {"range": wanted})
            assert (answer.status, answer.body) == (206, AUDIO[begin:end])
            assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(AUDIO)}"
            kept = await play(visit, told, 0, {"range": wanted, "if-range": '"x"'})
            assert (kept.status, kept.body) == (200, AUDIO)

    asyncio.run(run())


def test_a_range_behind_the_end_is_told_and_a_head_has_no_body(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav") as (visit, job):
            told = await listen(visit, job)
            behind = await play(visit, told, 0, {"range": "bytes=60044-"})
            assert (behind.status, behind.code) == (416, "no_such_range")
            assert behind.headers["content-range"] == f"bytes */{len(AUDIO)}"
            url = str(cast("list[Json]", told["parts"])[0]["url"])
            head = await visit.ask("HEAD", url)
            assert (head.status, head.headers["content-length"], head.body) == (200, str(len(AUDIO)), b"")

    asyncio.run(run())


def test_what_is_spoken_of_a_job_under_way_is_one_wav(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path) as (visit, job):
            nothing = await visit.ask("POST", f"/api/jobs/{job}/listen")
            assert (nothing.status, nothing.code) == (404, "nothing_yet")
            write(tmp_path / "state" / "1.wav")
            piece = AudioPiece(
                wav=tmp_path / "state" / "1.wav", samples=SAMPLES, sample_rate_hz=RATE_HZ, sha256=""
            )
            visit.service.audio[job] = Heard(files=[], pieces=[piece, Silence(seconds=0.5), piece])
            told = await listen(visit, job)
            (part,) = cast("list[Json]", told["parts"])
            assert (part["seconds"], part["name"], told["is_whole"]) == (3.0, "", False)
            answer = await play(visit, told)
            with wave.open(io.BytesIO(answer.body)) as file:
                assert file.readframes(10**6) == b"ab" * SAMPLES + bytes(RATE_HZ) + b"ab" * SAMPLES
            piece.wav.unlink()
            gone = await play(visit, told)
            assert (gone.status, gone.code) == (404, "gone")

    asyncio.run(run())


def test_a_job_that_writes_elsewhere_is_not_listened_to_and_the_mend_is_named(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "link").symlink_to(tmp_path)
        for output in ("elsewhere/book.wav", "out/../book.wav", "out/link/book.wav", "output/book.wav"):
            async with a_job(tmp_path, "elsewhere/book.wav", output=output) as (visit, job):
                answer = await visit.ask("POST", f"/api/jobs/{job}/listen")
                assert (answer.status, answer.code) == (403, "not_allowed"), output
                assert b"http.output_folders" in answer.body
                assert str(tmp_path).encode() not in answer.body

    asyncio.run(run())


def test_a_file_that_came_to_lead_out_of_the_folders_is_not_played(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav", "out/deep/b.wav", "out/c.wav", output="out/") as (visit, job):
            told = await listen(visit, job)
            secret = tmp_path / "secret" / "b.wav"
            write(secret, b"secret")
            (tmp_path / "out" / "a.wav").unlink()
            (tmp_path / "out" / "a.wav").symlink_to(secret)
            (tmp_path / "out" / "deep").rename(tmp_path / "out" / "was")
            (tmp_path / "out" / "deep").symlink_to(tmp_path / "secret")
            (tmp_path / "out" / "c.wav").unlink()
            os.mkfifo(tmp_path / "out" / "c.wav")
            for number in range(3):
                answer = await play(visit, told, number)
                assert (answer.status, answer.code) == (404, "gone"), number
                assert b"secret" not in answer.body

    asyncio.run(run())


def test_a_ticket_is_all_that_is_asked_for_and_nothing_else_is_open_without_the_key(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav", api_key="s3cret") as (visit, job):
            assert (await visit.ask("POST", f"/api/jobs/{job}/listen")).status == 401
            told = await listen(visit, job, {"authorization": "Bearer s3cret"})
            assert (await play(visit, told)).body == AUDIO
            url = str(cast("list[Json]", told["parts"])[0]["url"])
            for wrong in (
                f"{url[:-3]}{'1' if url[-3] == '0' else '0'}/0",
                url[:-1] + "1",
                "/api/listen/x/0",
                "/api/listen/",
                "/api/listen/x",
            ):
                assert (await visit.ask("GET", wrong)).status == 404, wrong
            for closed in ("/api/listen", "/api/listen/../events", "/api/events", f"/api/jobs/{job}/listen"):
                assert (await visit.ask("GET", closed)).status in (401, 404), closed
            away = await visit.ask("GET", url, headers={"origin": "http://evil.example"})
            assert away.status == 403

    asyncio.run(run())


def test_no_page_elsewhere_asks_what_there_is_to_hear(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path, "out/a.wav") as (visit, job):
            for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
                answer = await visit.ask("POST", f"/api/jobs/{job}/listen", headers=headers)
                assert answer.status == 403
            assert (await visit.ask("POST", "/api/jobs/jnobody/listen")).status == 404

    asyncio.run(run())


def test_a_file_that_is_cut_short_while_it_is_played_is_not_taken_for_whole(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_job(tmp_path) as (visit, job):
            path = tmp_path / "out" / "long.wav"
            count = 4_000_000
            write(path, wav_header(2 * count, RATE_HZ) + bytes(2 * count))
            file = Delivery(path=str(path), sha256="", samples=count, sample_rate_hz=RATE_HZ)
            visit.service.audio[job] = Heard(files=[file], pieces=[])
            told = await listen(visit, job)
            reader, writer = await visit.connect()
            url = cast("list[Json]", told["parts"])[0]["url"]
            writer.write(f"GET {url} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert f"content-length: {44 + 2 * count}".encode() in head
            os.truncate(path, 1000)
            assert len(await reader.read(-1)) < 44 + 2 * count
            writer.close()

    asyncio.run(run())
